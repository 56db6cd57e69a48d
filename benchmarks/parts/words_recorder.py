"""Records the corpus of benchmarks/words.py: real keys into a real agent of a real session, and what became of them.

    python -m benchmarks.parts.words_recorder AGENT [MESSAGES OF EACH KIND [KIND]]

Keys go the way they always go, through the supervisor; what is recorded of them are the bytes it sends. The truth is
what the agent then asks of the model, and what bash has in its history.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from benchmarks.parts.scribe import Scribe
from benchmarks.parts.typist import Act, Typist
from benchmarks.session import Installation, installation
from ironcurtain_tui.agents import AGENTS
from ironcurtain_tui.control.client import ControlClient
from ironcurtain_tui.control.messages import Key, Paste, ScreenUpdate, TerminalModes, decode_row
from ironcurtain_tui.providers import PROVIDERS
from ironcurtain_tui.tasks import TaskOwner
from ironcurtain_tui.terminal.keys import encode_key
from ironcurtain_tui.terminal.paste import encode_paste

CORPUS = Path(__file__).parent.parent / "corpus"
COLUMNS, LINES = 110, 40
BETWEEN_KEYS = 0.04
"""Seconds; some take faster keys for a paste."""
HASTY = 0.004
BEFORE_ENTER = 0.25
AFTER_PASTE = 0.25
AFTER_ANSWER = 1.0
SECONDS = 40.0
SEED = 11
NOTE = "PROMPT_COMMAND='history 1 >> /workspace/.typed'; HISTCONTROL=; set +H; PS1='ready> '"

Heard = Callable[[], Awaitable[str]]
"""Gives the next message that the program got."""

READY = {
    "claude-code": r"bypass permissions on",
    "codex": r"default · /workspace",
    "opencode": r"Ask anything",
    "gemini-cli": r"YOLO Ctrl\+Y(?s:.*)1 MCP server(?s:.*)Type your message",
    "qwen-code": r"Type your message(?s:.*)YOLO mode",
    "goose": r"goose is ready(?s:.*)0% 0/",
    "copilot": r"/workspace",
    "shell": r"\$",
}
"""What each shows when it can be typed to."""
_KEYS: list[list[Act]] = [["ctrl+j"], ["shift+enter"], ["alt+enter"]]
NEWLINES = {
    "claude-code": [*_KEYS, ["\\", "enter"]],
    "codex": _KEYS,
    "opencode": _KEYS,
    "gemini-cli": _KEYS,
    "qwen-code": _KEYS[:1],
    "goose": _KEYS[:1],
    "copilot": _KEYS[1:2],
    "shell": [],
}
"""What begins a new line there."""


class Viewer:
    """A viewer without a screen: types, and knows the modes and the rows."""

    def __init__(self, client: ControlClient) -> None:
        self._client = client
        self._modes = TerminalModes()
        self._rows: dict[int, str] = {}
        self._changed = asyncio.Event()
        self.sent: list[tuple[float, str]] = []

    async def watch(self) -> None:
        async for message in self._client:
            if isinstance(message, ScreenUpdate):
                self._modes = message.modes
                self._rows.update(
                    {at: "".join(run.text for run in decode_row(row)) for at, row in message.rows.items()}
                )
                self._changed.set()

    async def sees(self, pattern: str, seconds: float = 120) -> None:
        async with asyncio.timeout(seconds):
            while not re.search(pattern, "\n".join(self._rows.values())):
                await self._changed.wait()
                self._changed.clear()

    async def do(self, acts: list[Act], *, pace: float = BETWEEN_KEYS) -> None:
        """Type and paste, ``pace`` seconds a key; ``sent`` has the bytes and when they were sent, in seconds."""
        loop = asyncio.get_running_loop()
        self.sent = []
        began = loop.time()
        for act in acts:
            if isinstance(act, float):
                await asyncio.sleep(act)
                continue
            moment = round(loop.time() - began, 3)
            if isinstance(act, tuple):
                self.sent.append((moment, encode_paste(act[0], self._modes).decode()))
                self._client.send(Paste(text=act[0]))
                await asyncio.sleep(AFTER_PASTE)
            else:
                character = act if len(act) == 1 else None
                self.sent.append((moment, encode_key(act, character, self._modes).decode()))
                self._client.send(Key(key=act, character=character))
                await asyncio.sleep(pace)


async def _agent(made: Installation, stack: AsyncExitStack, provider: str) -> Heard:
    scribe = Scribe(PROVIDERS[provider].hosts[0].name)
    port = await scribe.start()
    stack.push_async_callback(scribe.stop)
    authority = made.home.parent / "model-ca.pem"
    authority.write_bytes(scribe.ca_pem)
    made.home.mkdir(exist_ok=True)
    (made.home / "key").write_text(f"{PROVIDERS[provider].key_prefix}not-a-key-of-anybody")
    (made.home / "key").chmod(0o600)
    (made.home / "config.toml").write_text(
        f'[providers.{provider}]\nupstream = "127.0.0.1:{port}"\nupstream_ca = "{authority}"\n'
        f'api_key_file = "{made.home / "key"}"\n'
    )
    return scribe.heard.get


async def _shell(made: Installation) -> Heard:
    typed, known = made.workspace / ".typed", ""

    async def heard() -> str:
        nonlocal known
        while True:
            last = typed.read_text().splitlines()[-1:] if typed.exists() else []
            if last and last[0] != known:
                known = last[0]
                return re.sub(r"^ *\d+  ", "", known)
            await asyncio.sleep(0.02)

    return heard


@asynccontextmanager
async def typing_to(agent: str) -> AsyncIterator[tuple[Viewer, Heard]]:
    """A session with ``agent``, ready to be typed to."""
    async with AsyncExitStack() as stack:
        made = stack.enter_context(installation())
        providers = AGENTS[agent].providers
        heard = await (_agent(made, stack, providers[0]) if providers else _shell(made))
        await asyncio.to_thread(made.start, agent)
        client = await ControlClient.connect(made.session().control_socket, cols=COLUMNS, lines=LINES)
        stack.push_async_callback(client.close)
        tasks = TaskOwner()
        stack.push_async_callback(tasks.close)
        viewer = Viewer(client)
        tasks.start(viewer.watch(), "viewer")
        await viewer.sees(READY[agent])
        if agent == "shell":
            await viewer.do([*NOTE, "enter", 0.5])
            await viewer.sees("ready>")
            await heard()
        yield viewer, heard


async def record(agent: str, each: int, only: str) -> list[dict[str, object]]:
    """``each`` messages of every kind, or of the kind ``only``, typed to ``agent``."""
    found: list[dict[str, object]] = []

    def note(kind: str, truth: str | None) -> None:
        found.append({"agent": agent, "kind": kind, "columns": COLUMNS, "keys": viewer.sent, "truth": truth})

    async with typing_to(agent) as (viewer, heard):
        if only == "vim":
            await viewer.do([*"/vim", 1.0, "enter", 1.0])
            note("vim", None)
        typist = Typist(SEED, shell=agent == "shell", escapes=agent == "claude-code", newlines=NEWLINES[agent])
        for kind, acts in typist.messages(each, only):
            hasty = kind == "hasty"
            await viewer.do([*acts, *([] if hasty else [BEFORE_ENTER]), "enter"], pace=HASTY if hasty else BETWEEN_KEYS)
            try:
                truth = await asyncio.wait_for(heard(), SECONDS)
            except TimeoutError:
                print(f"nothing was sent: {kind}: {acts}", file=sys.stderr)
                truth = None
            note(kind, truth)
            if truth is None:
                # Ctrl+C in front of nothing would end OpenCode.
                await viewer.do([0.5, "escape", 0.3, *(["ctrl+u"] * 9 if agent == "opencode" else ["ctrl+c"]), 0.5])
                note(kind, None)
            await asyncio.sleep(AFTER_ANSWER)
            while True:  # what it asked meanwhile belongs to no message
                try:
                    print(f"also asked: {await asyncio.wait_for(heard(), 0.1)!r}", file=sys.stderr)
                except TimeoutError:
                    break
    return found


def main() -> None:
    """Write the corpus of one agent."""
    agent, each = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 15
    only = sys.argv[3] if len(sys.argv) > 3 else ""
    os.environ.pop("ANTHROPIC_API_KEY", None)
    CORPUS.mkdir(exist_ok=True)
    lines = [json.dumps(item, ensure_ascii=False) for item in asyncio.run(record(agent, each, only))]
    name = "-".join(filter(None, ("words", agent, only.replace(" ", "-"))))
    (CORPUS / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    print(f"{len(lines)} messages of {agent}", file=sys.stderr)


if __name__ == "__main__":
    main()
