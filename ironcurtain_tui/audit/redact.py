"""Known secrets, taken out of whatever is about to be stored."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote

MARK = "[redacted]"
SHORTEST_SECRET = 8
"""Characters below which a "secret" would blot out ordinary text."""


class Redactor:
    """Replaces secrets it was told of, wherever they stand in a JSON value, keys of objects included.

    A secret is found as it is, percent-encoded, and base64-encoded (both alphabets), also in the middle of a
    longer base64 text such as the one of HTTP Basic authentication. ValueError for one under
    SHORTEST_SECRET characters.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        spellings: set[str] = set()
        for secret in secrets:
            if len(secret) < SHORTEST_SECRET:
                raise ValueError(f"a secret of under {SHORTEST_SECRET} characters cannot be redacted")
            spellings.update(_spellings(secret))
        longest_first = sorted(spellings, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def text(self, text: str) -> str:
        """``text`` with every known secret replaced by MARK."""
        return self._pattern.sub(MARK, text) if self._pattern else text

    def value(self, value: object) -> object:
        """A copy of a JSON value with every known secret replaced; TypeError when it is not one."""
        if isinstance(value, str):
            return self.text(value)
        if value is None or isinstance(value, (bool, int, float)):
            return value
        if isinstance(value, Mapping):
            return self.members(value)
        if isinstance(value, (list, tuple)):
            return [self.value(item) for item in value]
        raise TypeError(f"{type(value).__name__} is not a JSON value")

    def members(self, members: Mapping[str, object]) -> dict[str, object]:
        """``value`` for a JSON object."""
        return {self.text(name): self.value(item) for name, item in members.items()}


def _spellings(secret: str) -> Iterator[str]:
    yield secret
    percent = quote(secret, safe="")
    yield percent
    yield re.sub("%[0-9A-F]{2}", lambda match: match[0].lower(), percent)
    raw = secret.encode()
    for before in range(3):
        # Of a longer base64 text only the characters made of the secret's bits alone are known.
        encoded = base64.b64encode(b"\0" * before + raw)
        first = (before * 8 + 5) // 6
        last = (before + len(raw)) * 8 // 6
        known = encoded[first:last].decode()
        yield known
        yield known.translate(str.maketrans("+/", "-_"))
