"""Where our own tool servers come from: forked from one process that has loaded the MCP SDK for all of them.

The other side is ``gateway/servers/__main__.py``.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TextIO

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCMessage
from pydantic import ValidationError

from ironcurtain_tui.gateway.protocol import write_message

LARGEST_LINE = 64 << 20
"""Bytes of one message of a server: the largest file it reads, with every byte of it escaped."""
GRACE_SECONDS = 2.0
"""How long a server may take to end once its input is closed, and the nursery itself."""

Incoming = MemoryObjectReceiveStream[SessionMessage | Exception]
Outgoing = MemoryObjectSendStream[SessionMessage]


class Nursery:
    """Starts its process when the first server is asked for, and another one should that end. ``close`` ends it.

    ``open`` starts it beforehand.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._births = itertools.count(1)

    @staticmethod
    def is_possible() -> bool:
        """Whether a process that has loaded this much may be forked: on macOS its frameworks do not stand that."""
        return sys.platform == "linux"

    @property
    def pid(self) -> int | None:
        """Of its process, None while there is none."""
        return None if self._process is None else self._process.pid

    @asynccontextmanager
    async def connect(
        self, server: str, environment: Mapping[str, str], directory: Path, errors: TextIO
    ) -> AsyncIterator[tuple[Incoming, Outgoing]]:
        """The streams of a new process that is ``server``, for a client session of the SDK.

        On leaving its input is closed, and it is killed when it has not ended 2 s later.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            birth = self._start(server, environment, directory, theirs, errors)
        try:
            reader, writer = await asyncio.open_unix_connection(sock=ours, limit=LARGEST_LINE)
            received, incoming = anyio.create_memory_object_stream[SessionMessage | Exception](0)
            outgoing, to_send = anyio.create_memory_object_stream[SessionMessage](0)
            try:
                async with anyio.create_task_group() as group, received, incoming, outgoing, to_send:
                    group.start_soon(_receive, reader, received)
                    group.start_soon(_send, to_send, writer)
                    yield incoming, outgoing
                    group.cancel_scope.cancel()
            finally:
                with anyio.CancelScope(shield=True), anyio.move_on_after(GRACE_SECONDS):
                    await _see_off(reader, writer)
                writer.close()
        finally:
            self._tell({"end": birth})

    async def close(self) -> None:
        """End it, and whatever server there still is."""
        if self._channel is not None:
            self._channel.close()
        if (process := self._process) is not None:
            try:
                await asyncio.to_thread(process.wait, GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._channel = self._process = None

    def _start(
        self, server: str, environment: Mapping[str, str], directory: Path, stream: socket.socket, errors: TextIO
    ) -> int:
        birth = next(self._births)
        asked = {"start": birth, "server": server, "environment": dict(environment), "directory": str(directory)}
        streams = (stream.fileno(), stream.fileno(), errors.fileno())
        if not self._tell(asked, streams):
            self.open()
            self._tell(asked, streams)
        return birth

    def _tell(self, asked: Mapping[str, object], streams: tuple[int, ...] = ()) -> bool:
        """False when there is nobody to be told."""
        if self._channel is None:
            return False
        try:
            socket.send_fds(self._channel, [json.dumps(asked).encode()], streams)
        except OSError:
            return False
        return True

    def open(self) -> None:
        """Start the process; an earlier one is ended. OSError when that is impossible."""
        if self._channel is not None:
            self._channel.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._channel.setblocking(False)  # one that does not listen is none
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "ironcurtain_tui.gateway.servers"],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                # where we ourselves come from, and none of our variables: keys may be among them
                env={"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
                cwd="/",
                start_new_session=True,
            )


async def _receive(reader: asyncio.StreamReader, received: MemoryObjectSendStream[SessionMessage | Exception]) -> None:
    async with received:
        try:
            while line := await reader.readline():
                try:
                    await received.send(SessionMessage(JSONRPCMessage.model_validate_json(line)))
                except ValidationError as error:
                    await received.send(error)
        except (OSError, ValueError, anyio.BrokenResourceError):
            pass  # it ended, said too much at once, or nobody listens any more


async def _send(to_send: MemoryObjectReceiveStream[SessionMessage], writer: asyncio.StreamWriter) -> None:
    async with to_send:
        try:
            async for one in to_send:
                writer.write(write_message(one.message))
                await writer.drain()
        except OSError:
            pass  # it ended


async def _see_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Close its input and wait until it has ended."""
    try:
        writer.write_eof()
        while await reader.read(1 << 16):
            pass
    except OSError:
        pass  # it has ended
