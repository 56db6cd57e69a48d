"""Length-prefixed MessagePack frames: four bytes of length, big endian, then that many bytes."""

from __future__ import annotations

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
