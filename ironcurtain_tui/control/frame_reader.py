"""Reads the frames of framing.py from an asyncio stream. Apart from them: who needs no event loop does not load one."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from ironcurtain_tui.control.framing import MAX_FRAME, FrameError


class FrameReader[T]:
    """Reads frames of the message union ``kind`` from a stream."""

    def __init__(self, stream: asyncio.StreamReader, kind: Any) -> None:
        self._stream = stream
        self._decoder: msgspec.msgpack.Decoder[T] = msgspec.msgpack.Decoder(kind)

    async def read(self) -> T | None:
        """The next message, or None when the peer closed between two frames.

        Raises FrameError on a torn, oversized or malformed frame.
        """
        try:
            head = await self._stream.readexactly(4)
        except asyncio.IncompleteReadError as error:
            if error.partial:
                raise FrameError("the connection closed inside a frame") from error
            return None
        length = int.from_bytes(head, "big")
        if length > MAX_FRAME:
            raise FrameError(f"a frame of {length:,} bytes is over the limit of {MAX_FRAME:,}")
        try:
            return self._decoder.decode(await self._stream.readexactly(length))
        except asyncio.IncompleteReadError as error:
            raise FrameError("the connection closed inside a frame") from error
        except msgspec.DecodeError as error:
            raise FrameError(f"not a message of this protocol: {error}") from error
