"""A model that answers ``ok.`` to everything and keeps what it was asked: every wire format over TLS on loopback."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from typing import Any

from ironcurtain_tui.rehearsal.certificate import identity_for
from ironcurtain_tui.rehearsal.dialects import DIALECTS
from ironcurtain_tui.rehearsal.script import Say, Turn, next_turn
from ironcurtain_tui.rehearsal.wire import Form, Reply
from ironcurtain_tui.tasks import TaskOwner

PASTED = re.compile(r'\n\n<pasted_content id="(\w+)">\n(.*?)\n</pasted_content id="\1">\n\n', re.DOTALL)
"""How Claude Code marks a long paste for the model."""
SHELL = re.compile(r"<bash-input>(.*)</bash-input>\s*", re.DOTALL)
"""And a line that the person had run by its shell."""
BESIDE = re.compile(
    r"<(system-reminder|bash-stdout|turn-context|environment_context|user_instructions|session_context|info-msg|current_datetime"
    r"|reminder|sql_tables|todo_status)\b[^>]*>.*?</\1>\s*",
    re.DOTALL,
)
"""What agents put beside the words of a person."""
ASIDE = re.compile(r"Generate a concise, single-line task title|Managed memory has TWO|\[SUGGESTION MODE")
"""How an agent's own questions begin, where they are asked like a person's."""


class Scribe:
    """Listens from ``start`` to ``stop`` in the place of ``host``; ``heard`` has what was asked, oldest first."""

    def __init__(self, host: str) -> None:
        identity = identity_for(host)
        self.ca_pem = identity.authority_pem
        self.heard: asyncio.Queue[str] = asyncio.Queue()
        self._context = identity.context
        self._server: asyncio.Server | None = None
        self._connections = TaskOwner()

    async def start(self) -> int:
        """The port it listens on."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, ssl=self._context, limit=1 << 24)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        await self._connections.close()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.start(self._serve(reader, writer), "connection")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
                body = await reader.readexactly(int(length[1]) if length else 0)
                kind, content = self._answer(head.split()[1].partition(b"?")[0].decode(), body)
                writer.write(
                    f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {len(content)}\r\n\r\n".encode()
                    + content
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            pass  # the other side left
        finally:
            writer.close()

    def _answer(self, path: str, body: bytes) -> tuple[str, bytes]:
        dialect = next((each for each in DIALECTS if each.serves(path)), None)
        if dialect is None:
            return "application/json", b"{}"
        question = dialect.read(path, body)
        if question.form is Form.COUNT:
            return "application/json", dialect.token_count(1)
        if question.conversation.tools and not ASIDE.match(text := asked(json.loads(body))):
            self.heard.put_nowait(text)
        wants_json = question.conversation.schema is not None
        turn = next_turn(question.conversation) if wants_json else Turn((Say("ok."),))
        reply = Reply(hashlib.sha256(body).hexdigest(), question.model, turn, 1)
        if question.form is Form.STREAM:
            return "text/event-stream", b"".join(dialect.streamed(reply))
        return "application/json", dialect.whole(reply)


def asked(request: dict[str, Any]) -> str:
    """What the person asked last, as written: without what the agent puts around it."""
    messages = request.get("messages") or request.get("contents") or request["input"]
    last = next(each for each in reversed(messages) if each.get("role") == "user")
    parts = last.get("content") or last.get("parts")
    texts = [parts] if isinstance(parts, str) else [each.get("text", "") for each in parts]
    texts = [text for text in (BESIDE.sub("", text) for text in texts) if text]
    text = texts[-1] if texts else ""
    if shell := SHELL.fullmatch(text):
        return f"!{shell[1]}"
    return PASTED.sub(r"\2", text).rstrip()
