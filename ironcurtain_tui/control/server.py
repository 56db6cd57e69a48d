"""The supervisor's end of ``control.sock``: any number of viewers, none of which can slow the session."""

from __future__ import annotations

import asyncio
import logging
import os
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec

from ironcurtain_tui.control.frame_reader import FrameReader
from ironcurtain_tui.control.framing import FrameError, pack
from ironcurtain_tui.control.messages import (
    PROTOCOL_VERSION,
    ClientMessage,
    Events,
    Goodbye,
    Hello,
    Key,
    Paste,
    Refused,
    Resize,
    Say,
    ScreenUpdate,
    Watch,
    Welcome,
)
from ironcurtain_tui.control.peer import peer_uid
from ironcurtain_tui.events import Numbered, SessionState
from ironcurtain_tui.tasks import TaskOwner
from ironcurtain_tui.unix_socket import BoundSocket

log = logging.getLogger(__name__)

QUEUED_EVENTS = 2_000
"""Events a viewer may be behind before it gets a fresh snapshot instead."""
WRITE_BUFFER = 256 * 1024
"""Bytes in flight to one viewer; above that its screen changes are merged until it has read them."""
MAX_VIEWERS = 32
HELLO_SECONDS = 5.0
FRAME_SECONDS = 1 / 60


class ScreenDamage(Protocol):
    """What one viewer has not seen of the agent's screen yet."""

    def take(self) -> ScreenUpdate | None:
        """The rows that changed since the last call, or None."""


class Served(Protocol):
    """The session, as its viewers need it."""

    def snapshot(self) -> SessionState:
        """All that happened so far."""

    def watch_screen(self) -> ScreenDamage:
        """A new viewer's damage: its first ``take`` is the full screen."""

    def on_message(self, viewer: Viewer, message: ClientMessage) -> None:
        """A viewer asks for something. Must not block."""

    def on_viewers_changed(self) -> None:
        """Somebody came or went."""


class Viewer:
    """One connection. Everything sent to it is queued, merged or replaced, never waited for."""

    def __init__(
        self, writer: asyncio.StreamWriter, damage: ScreenDamage, *, watches: bool, decides: bool = True
    ) -> None:
        """``watches``: it shows the screen, for now."""
        self.decides = decides
        self._writer = writer
        self._damage = damage
        self._watches = watches
        self._events: deque[Numbered] = deque()
        self._answers: deque[msgspec.Struct] = deque()
        self._behind = True
        self._wake = asyncio.Event()
        self._wake.set()

    def publish(self, event: Numbered) -> None:
        if self._behind:
            return  # the snapshot it is about to get includes this event
        if len(self._events) >= QUEUED_EVENTS:
            self._events.clear()
            self._behind = True
        else:
            self._events.append(event)
        self._wake.set()

    def answer(self, message: msgspec.Struct) -> None:
        """Send ``message`` to this viewer only."""
        self._answers.append(message)
        self._wake.set()

    def screen_changed(self) -> None:
        if self._watches:
            self._wake.set()

    def watch(self, screen: bool) -> None:
        """Send the screen from now on, or no more until it is asked for again."""
        self._watches = screen
        self._wake.set()

    async def write_all(self, snapshot: Callable[[], SessionState]) -> None:
        """Send what there is to send, for as long as the connection lives, until a Goodbye went out."""
        self._writer.transport.set_write_buffer_limits(high=WRITE_BUFFER)
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self._behind:
                self._behind = False
                self._events.clear()
                self._writer.write(pack(Welcome(protocol=PROTOCOL_VERSION, state=snapshot())))
            if self._events:
                batch = tuple(self._events)
                self._events.clear()
                self._writer.write(pack(Events(events=batch)))
            while self._answers:
                message = self._answers.popleft()
                self._writer.write(pack(message))
                if isinstance(message, Goodbye):
                    await self._writer.drain()
                    return
            drew = False
            if self._watches and (update := self._damage.take()) is not None:
                self._writer.write(pack(update))
                drew = True
            await self._writer.drain()
            if drew:
                await asyncio.sleep(FRAME_SECONDS)


class ControlServer:
    """Listens on a 0600 unix socket for viewers that run as the same user."""

    def __init__(self, path: Path, served: Served) -> None:
        self._path = path
        self._served = served
        self._bound: BoundSocket | None = None
        self._server: asyncio.Server | None = None
        self._tasks = TaskOwner()
        self.viewers: list[Viewer] = []
        self._sizes: dict[Viewer, Resize] = {}
        """What those who look asked for; that of the last who came, changed it or typed is the agent's."""

    @property
    def deciders(self) -> int:
        """How many viewers can answer questions."""
        return sum(viewer.decides for viewer in self.viewers)

    async def start(self) -> None:
        """Bind and listen; UserFacingError when that is impossible."""
        self._bound = BoundSocket.bind(self._path)
        self._server = await asyncio.start_unix_server(self._accept, sock=self._bound.socket)

    async def close(self, reason: str) -> None:
        """Say goodbye to every viewer, give them a moment to hear it, and stop listening."""
        if self._bound is not None:
            self._bound.remove()
        if self._server is not None:
            self._server.close()
        for viewer in self.viewers:
            viewer.answer(Goodbye(reason=reason))
        for _ in range(50):
            if not self.viewers:
                break
            await asyncio.sleep(0.02)
        await self._tasks.close()

    def publish(self, event: Numbered) -> None:
        """Queue ``event`` for every viewer."""
        for viewer in self.viewers:
            viewer.publish(event)

    def screen_changed(self) -> None:
        """There is new damage to send."""
        for viewer in self.viewers:
            viewer.screen_changed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.start(self._serve(reader, writer), "viewer")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            hello = await self._greet(reader, writer)
            if hello is not None:
                await self._view(reader, writer, hello)
        except (FrameError, ConnectionError, TimeoutError) as error:
            log.info("a viewer left: %s", error)
        finally:
            writer.close()

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Hello | None:
        if peer_uid(writer.get_extra_info("socket")) != os.geteuid():
            return None
        frames: FrameReader[Hello] = FrameReader(reader, Hello)
        hello = await asyncio.wait_for(frames.read(), HELLO_SECONDS)
        if hello is None:
            return None
        refusal = None
        if hello.protocol != PROTOCOL_VERSION:
            refusal = Refused(
                reason=f"This session speaks version {PROTOCOL_VERSION} of the control protocol, you {hello.protocol}.",
                remedy="Attach with the version of ironcurtain-tui that started it, or stop it.",
            )
        elif len(self.viewers) >= MAX_VIEWERS:
            refusal = Refused(reason=f"{MAX_VIEWERS} viewers watch this session already.", remedy="Close one.")
        if refusal is not None:
            writer.write(pack(refusal))
            await writer.drain()
            return None
        return hello

    async def _view(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, hello: Hello) -> None:
        sized = bool(hello.cols and hello.lines)
        viewer = Viewer(writer, self._served.watch_screen(), watches=sized, decides=hello.decides)
        self.viewers.append(viewer)
        self._served.on_viewers_changed()
        if sized:
            self._resize(viewer, Resize(cols=hello.cols, lines=hello.lines))
        try:
            async with asyncio.TaskGroup() as group:
                reading = group.create_task(self._read(reader, viewer), name="viewer reads")
                await viewer.write_all(self._served.snapshot)
                reading.cancel()
        except* (FrameError, ConnectionError) as errors:
            log.info("a viewer left: %s", errors.exceptions[0])
        finally:
            self.viewers.remove(viewer)
            self._forget_size(viewer)
            self._served.on_viewers_changed()

    async def _read(self, reader: asyncio.StreamReader, viewer: Viewer) -> None:
        frames: FrameReader[ClientMessage] = FrameReader(reader, ClientMessage)
        while (message := await frames.read()) is not None:
            if isinstance(message, Watch):
                viewer.watch(message.screen)
                if not message.screen:
                    self._forget_size(viewer)
            elif isinstance(message, Resize):
                self._resize(viewer, message)
            else:
                if isinstance(message, Key | Paste | Say):
                    self._give_screen(viewer)
                self._served.on_message(viewer, message)
        raise ConnectionResetError("it closed the connection")

    def _resize(self, viewer: Viewer, size: Resize) -> None:
        self._sizes.pop(viewer, None)
        self._sizes[viewer] = size
        self._served.on_message(viewer, size)

    def _give_screen(self, viewer: Viewer) -> None:
        """Who types sees what it does: the agent's screen takes their size, whoever came later."""
        if viewer in self._sizes and viewer is not next(reversed(self._sizes)):
            self._resize(viewer, self._sizes[viewer])

    def _forget_size(self, viewer: Viewer) -> None:
        """Who looks no more leaves the agent's screen to the one who asked for a size last."""
        if self._sizes.pop(viewer, None) is not None and self._sizes:
            self._served.on_message(*next(reversed(self._sizes.items())))
