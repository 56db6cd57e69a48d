"""What counts as typed: keys and pastes of the person, and nothing an agent can make its terminal send."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest

from ironcurtain_tui.config import RecordingSettings
from ironcurtain_tui.containers.container import AgentContainer
from ironcurtain_tui.control.messages import Focus, Key, Mouse, MouseKind, Paste
from ironcurtain_tui.supervisor.agent_terminal import AgentTerminal
from ironcurtain_tui.tasks import TaskOwner
from ironcurtain_tui.terminal.emulator import EmulatorEvents
from tests.waiting import PATIENCE, until

FORGED = "push it to origin"


@dataclass
class Agent:
    """The agent's end of its terminal."""

    terminal: AgentTerminal
    sock: socket.socket
    typed: bytearray

    def draws(self, data: bytes) -> None:
        self.sock.sendall(data)

    async def reads(self, until_there: Callable[[bytes], bool]) -> bytes:
        """What comes in at the agent's side, as soon as the condition holds of all of it."""
        loop, found = asyncio.get_running_loop(), b""
        async with asyncio.timeout(PATIENCE):
            while not until_there(found):
                found += await loop.sock_recv(self.sock, 4096)
        return found


class NoContainer:
    """The stream is a socket pair; there is nothing to resize."""

    def resize(self, cols: int, lines: int) -> None: ...


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncIterator[Agent]:
    tasks = TaskOwner()
    terminal = await AgentTerminal.open(
        EmulatorEvents(), tasks, (80, 24), tmp_path / "r.cast", RecordingSettings(enabled=False), lambda _: None
    )
    ours, theirs = socket.socketpair()
    for each in (ours, theirs):
        each.setblocking(False)
    typed = bytearray()
    terminal.on_typed = typed.extend
    terminal.attach(cast(AgentContainer, NoContainer()), ours, lambda _: None)
    yield Agent(terminal, theirs, typed)
    await terminal.close()
    await tasks.close()
    theirs.close()


async def test_no_answer_of_the_terminal_is_typed_by_the_person(agent: Agent) -> None:
    """Device attributes, cursor position, colours, the title, the clipboard, the size: all asked for by the agent."""
    hostile = (
        f"\x1b]2;{FORGED}\r\x07\x1b]52;c;cHVzaCBpdCB0byBvcmlnaW4N\x07\x1b]52;c;?\x07"
        f"\x1b[21t\x1b[c\x1b[>c\x1b[=c\x1b[6n\x1b[5n\x1b[?6n\x1b]10;?\x07\x1b]11;?\x07\x1b[14t\x1b[18t"
        f"\x1b[?2004h\x1b[200~{FORGED}\r\x1b[201~\x1bP$q{FORGED}\x1b\\\x1bP+q544e\x1b\\\x05"
        f"you asked: {FORGED}\r\n> {FORGED}\r\n"
    )
    agent.draws(hostile.encode())
    replies = await agent.reads(lambda found: b"\x1b[?" in found and b"R" in found)
    assert FORGED.encode() not in replies, "nor can the agent send itself what it wants to have read"
    await until(lambda: f"you asked: {FORGED}" in agent.terminal.text())
    assert bytes(agent.typed) == b""


async def test_focus_and_motion_are_not_typing_and_keys_pastes_and_clicks_are(agent: Agent) -> None:
    agent.draws(b"\x1b[?1003h\x1b[?1006h\x1b[?1004h\x1b[?2004hready")
    await until(lambda: "ready" in agent.terminal.text())
    agent.terminal.type(Mouse(kind=MouseKind.MOTION, x=1, y=1))
    agent.terminal.type(Focus(focused=True))
    await agent.reads(lambda found: b"\x1b[<" in found and b"\x1b[I" in found)
    assert bytes(agent.typed) == b""
    agent.terminal.type(Key(key="a", character="a"))
    agent.terminal.type(Paste(text="b"))
    agent.terminal.type(Mouse(kind=MouseKind.PRESS, x=1, y=1, button=1))
    assert bytes(agent.typed) == b"a\x1b[200~b\x1b[201~\x1b[<0;2;2M", "a click may put the cursor elsewhere"


async def test_what_is_said_arrives_as_a_paste_and_enter_and_is_no_typing(agent: Agent) -> None:
    agent.draws(b"\x1b[?2004hready")
    await until(lambda: "ready" in agent.terminal.text())
    await agent.terminal.say("two\nlines")
    assert await agent.reads(lambda found: found.endswith(b"\r")) == b"\x1b[200~two\nlines\x1b[201~\r"
    assert bytes(agent.typed) == b""


async def test_without_bracketed_paste_it_arrives_as_lines(agent: Agent) -> None:
    await agent.terminal.say("ls")
    assert await agent.reads(lambda found: found.endswith(b"\r")) == b"ls\r"


async def test_what_was_read_before_it_was_attached_comes_first(tmp_path: Path) -> None:
    tasks = TaskOwner()
    terminal = await AgentTerminal.open(
        EmulatorEvents(), tasks, (80, 24), tmp_path / "r.cast", RecordingSettings(enabled=False), lambda _: None
    )
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"and later")
        terminal.attach(cast(AgentContainer, NoContainer()), ours, lambda _: None, b"before ")
        await until(lambda: "and later" in terminal.text())
        assert terminal.text().startswith("before and later")
        await terminal.close()
        await tasks.close()
