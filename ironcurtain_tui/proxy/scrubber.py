"""Keeps the real key out of what the agent reads."""

from __future__ import annotations


class Scrubber:
    """Replaces a secret in a stream, however it is cut, by a mask of the same length.

    The mask is the sentinel, padded or cut: so lengths told in headers stay true. Only bytes that may be
    the beginning of the secret are held back, normally none.
    """

    def __init__(self, secret: str, sentinel: str) -> None:
        self._secret = secret.encode()
        self._mask = sentinel.encode()[: len(self._secret)].ljust(len(self._secret), b"-")
        self._held = b""

    def whole(self, data: bytes) -> bytes:
        """``data`` without the secret."""
        return data.replace(self._secret, self._mask)

    def feed(self, data: bytes) -> bytes:
        """What may be passed on, now that ``data`` came; may be empty."""
        *before, tail = (self._held + data).split(self._secret)
        cut = len(tail) - self._overlap(tail)
        self._held = tail[cut:]
        return self._mask.join([*before, tail[:cut]])

    def end(self) -> bytes:
        """What was still held back: not the secret after all."""
        held, self._held = self._held, b""
        return held

    def _overlap(self, tail: bytes) -> int:
        """Length of the longest end of ``tail`` that begins the secret."""
        start = tail.find(self._secret[:1], max(0, len(tail) - len(self._secret) + 1))
        while start >= 0:
            if self._secret.startswith(tail[start:]):
                return len(tail) - start
            start = tail.find(self._secret[:1], start + 1)
        return 0


class NothingToScrub(Scrubber):
    """For a server that never got a key: passes everything on as it is."""

    def __init__(self) -> None:
        super().__init__("", "")

    def whole(self, data: bytes) -> bytes:
        return data

    def feed(self, data: bytes) -> bytes:
        return data
