"""Length-prefixed MessagePack frames: four bytes of length, big endian, then that many bytes."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

MAX_FRAME = 16 * 1024 * 1024
"""Bytes; a larger frame is a broken or hostile peer."""

_encoder = msgspec.msgpack.Encoder()


class FrameError(ValueError):
    """The peer sent something that is no message of this protocol."""


def pack(message: msgspec.Struct) -> bytes:
    """``message`` as one frame, ready to be written."""
    body = _encoder.encode(message)
    if len(body) > MAX_FRAME:
        raise FrameError(f"a message of {len(body):,} bytes is over the limit of {MAX_FRAME:,}")
    return len(body).to_bytes(4, "big") + body


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
