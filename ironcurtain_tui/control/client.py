"""A viewer's end of ``control.sock``."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

from ironcurtain_tui.control.frame_reader import FrameReader
from ironcurtain_tui.control.framing import FrameError, pack
from ironcurtain_tui.control.messages import (
    PROTOCOL_VERSION,
    ClientMessage,
    Goodbye,
    Hello,
    Refused,
    ServerMessage,
    Welcome,
)
from ironcurtain_tui.control.peer import peer_uid
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.events import SessionState

CONNECT_SECONDS = 20.0


class ControlClient:
    """One connection to a supervisor. Iterate over it for what the supervisor sends."""

    def __init__(self, frames: FrameReader[ServerMessage], writer: asyncio.StreamWriter, welcome: Welcome) -> None:
        self._frames = frames
        self._writer = writer
        self.state: SessionState = welcome.state
        """The session as it was when we connected."""

    @classmethod
    async def connect(cls, path: Path, *, cols: int = 0, lines: int = 0, decides: bool = True) -> ControlClient:
        """Connect and shake hands. ``cols`` x ``lines``: size of our terminal widget, 0 for none.

        ``decides``: whether we bring a person who can answer questions.

        UserFacingError when nobody listens, when it is not our own user's process, when it does not
        answer within twenty seconds or speaks another version.
        """
        try:
            reader, writer = await asyncio.wait_for(asyncio.open_unix_connection(path), CONNECT_SECONDS)
        except (OSError, TimeoutError) as error:
            raise UserFacingError(
                f"The session's supervisor does not answer at {path}.",
                "List live sessions with `ironcurtain-tui sessions`.",
            ) from error
        try:
            if peer_uid(writer.get_extra_info("socket")) != os.geteuid():
                raise UserFacingError(f"The process at {path} belongs to another user.", "Do not use it.")
            writer.write(pack(Hello(protocol=PROTOCOL_VERSION, cols=cols, lines=lines, decides=decides)))
            frames: FrameReader[ServerMessage] = FrameReader(reader, ServerMessage)
            answer = await asyncio.wait_for(frames.read(), CONNECT_SECONDS)
            if isinstance(answer, Refused):
                raise UserFacingError(answer.reason, answer.remedy)
            if not isinstance(answer, Welcome):
                raise UserFacingError(f"Unexpected answer from the supervisor at {path}.", "Stop the session.")
        except (FrameError, ConnectionError, TimeoutError) as error:
            writer.close()
            raise UserFacingError(
                f"The supervisor at {path} speaks another protocol or none: {error}.",
                "It may have been started by another version; stop it with `ironcurtain-tui stop`.",
            ) from error
        except UserFacingError:
            writer.close()
            raise
        return cls(frames, writer, answer)

    async def __aiter__(self) -> AsyncIterator[ServerMessage]:
        """Messages as they come, ``Goodbye`` last.

        ConnectionError when the supervisor goes away without a goodbye: it crashed or was killed.
        """
        try:
            while (message := await self._frames.read()) is not None:
                yield message
                if isinstance(message, Goodbye):
                    return
        except FrameError as error:
            raise ConnectionError(str(error)) from error
        raise ConnectionError("the supervisor closed the connection")

    def send(self, message: ClientMessage) -> None:
        """Queue ``message``. Nothing happens when the connection is already gone: the reader reports that."""
        if not self._writer.is_closing():
            self._writer.write(pack(message))

    async def close(self) -> None:
        """Say nothing more and leave; the session goes on."""
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except OSError:
            pass  # the peer was faster
