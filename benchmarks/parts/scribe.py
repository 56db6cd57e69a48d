"""A model that answers ``ok.`` to everything and keeps what it was asked: the Messages API over TLS on loopback."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from typing import Any

from ironcurtain_tui.rehearsal.certificate import identity_for
from ironcurtain_tui.tasks import TaskOwner

HOST = "api.anthropic.com"
PASTED = re.compile(r'\n\n<pasted_content id="(\w+)">\n(.*?)\n</pasted_content id="\1">\n\n', re.DOTALL)
"""How Claude Code marks a long paste for the model."""
SHELL = re.compile(r"<bash-input>(.*)</bash-input>\s*", re.DOTALL)
"""And a line that the person had run by its shell."""


class Scribe:
    """Listens from ``start`` to ``stop``; ``heard`` has what the person asked, oldest first."""

    def __init__(self) -> None:
        identity = identity_for(HOST)
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
                path = head.split()[1].partition(b"?")[0]
                kind, content = "application/json", b'{"input_tokens": 1}'
                if path == b"/v1/messages":
                    request = json.loads(body)
                    if request.get("tools"):
                        self.heard.put_nowait(asked(request["messages"]))
                    streams = bool(request.get("stream"))
                    kind, content = ("text/event-stream", b"".join(_events())) if streams else (kind, _whole())
                writer.write(
                    f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {len(content)}\r\n\r\n".encode()
                    + content
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            pass  # the other side left
        finally:
            writer.close()


def asked(messages: list[dict[str, Any]]) -> str:
    """What the person asked last, as written: without what the agent puts around it."""
    content = next(each["content"] for each in reversed(messages) if each["role"] == "user")
    texts = [content] if isinstance(content, str) else [each.get("text", "") for each in content]
    texts = [text for text in texts if not text.startswith(("<system-reminder>", "<bash-stdout>"))]
    text = texts[-1] if texts else ""
    if shell := SHELL.fullmatch(text):
        return f"!{shell[1]}"
    return PASTED.sub(r"\2", text).rstrip()


_MESSAGE = {"id": "msg_1", "type": "message", "role": "assistant", "model": "scribe", "stop_sequence": None}
_USAGE = {"input_tokens": 1, "output_tokens": 1}


def _whole() -> bytes:
    text = [{"type": "text", "text": "ok."}]
    return json.dumps({**_MESSAGE, "content": text, "stop_reason": "end_turn", "usage": _USAGE}).encode()


def _events() -> Iterator[bytes]:
    started = {**_MESSAGE, "content": [], "stop_reason": None, "usage": _USAGE}
    stopped = {"stop_reason": "end_turn", "stop_sequence": None}
    for event in (
        {"type": "message_start", "message": started},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "ok."}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": stopped, "usage": {"output_tokens": 1}},
        {"type": "message_stop"},
    ):
        yield f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
