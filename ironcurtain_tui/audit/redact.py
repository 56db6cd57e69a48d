"""Secrets, known ones and what looks like one, taken out of whatever is about to be stored."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Self
from urllib.parse import quote

import msgspec

from ironcurtain_tui.audit.patterns import SECRET_HEADERS, SHAPES, SHORTEST, Shape, custom, likely, redact
from ironcurtain_tui.config import RedactionSettings

MARK = "[redacted]"
LARGEST_INNOCENT = 10**13
"""No whole number up to this one is looked at."""
SHORTEST_SECRET = 8
"""Characters below which a "secret" would blot out ordinary text."""


class KnownSecrets:
    """Secrets that are known, more of which may become known at any time, from any thread."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._all: tuple[str, ...] = ()
        self.pattern: re.Pattern[str] | None = None
        """Finds each of them in every spelling; None while there is none."""
        self._include(secrets)

    @classmethod
    def of(cls, secrets: Iterable[str]) -> KnownSecrets:
        """``secrets`` itself when it is one already."""
        return secrets if isinstance(secrets, KnownSecrets) else cls(secrets)

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def add(self, secret: str) -> None:
        """From now on ``secret`` is known, too."""
        if secret not in self._all:
            self._include([secret])

    def _include(self, secrets: Iterable[str]) -> None:
        self._all = (*self._all, *secrets)
        spellings: set[str] = set()
        for secret in self._all:
            if len(secret) < SHORTEST_SECRET:
                raise ValueError(f"a secret of under {SHORTEST_SECRET} characters cannot be redacted")
            spellings.update(_spellings(secret))
        longest_first = sorted(spellings, key=len, reverse=True)
        self.pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None


class Redactor:
    """Replaces secrets wherever they stand in a JSON value, keys of objects included.

    Those it was told of, and whatever has one of ``shapes``; with any shapes, also whole values under a name such
    as ``authorization``. A secret it was told of is found as it is, percent-encoded, and base64-encoded (both
    alphabets), also in the middle of a longer base64 text such as the one of HTTP Basic authentication. ValueError
    for one under SHORTEST_SECRET characters.
    """

    def __init__(self, secrets: Iterable[str] = (), shapes: Sequence[Shape] = ()) -> None:
        self._known = KnownSecrets.of(secrets)
        self._shapes = tuple(shapes)

    @classmethod
    def configured(cls, settings: RedactionSettings, secrets: Iterable[str] = ()) -> Self:
        """As the settings have it; the known ``secrets`` are always replaced. ValueError as told above."""
        if not settings.enabled:
            return cls(secrets)
        return cls(secrets, [*(shape for shape in SHAPES if shape.name not in settings.off), *custom(settings.extra)])

    def text(self, text: str) -> str:
        """``text`` with every known secret replaced by MARK, and what looks like one by ``[redacted KIND]``."""
        if (known := self._known.pattern) is not None:
            text = known.sub(MARK, text)
        return redact(text, self._shapes) if len(text) >= SHORTEST else text

    def value(self, value: object) -> object:
        """A copy of a JSON value without secrets; TypeError when it is not one."""
        return self._walk(value, self._likely(value))

    def members(self, members: Mapping[str, object]) -> dict[str, object]:
        """``value`` for a JSON object."""
        return self._walk_members(members, self._likely(members))

    def _likely(self, value: object) -> tuple[Shape, ...]:
        """The shapes worth looking for: one look at all of it is much quicker than one at every part."""
        if not self._shapes:
            return ()
        try:
            text = msgspec.json.encode(value).decode()
        except (TypeError, ValueError, RecursionError, UnicodeError):
            return self._shapes  # it is not for here to judge
        return likely(text, self._shapes)

    def _walk(self, value: object, shapes: tuple[Shape, ...]) -> object:
        if isinstance(value, str):
            return self._replace(value, shapes)
        if value is None or isinstance(value, (bool, float)):
            return value
        if isinstance(value, int):
            return self._number(value, shapes) if shapes and value > LARGEST_INNOCENT else value
        if isinstance(value, Mapping):
            return self._walk_members(value, shapes)
        if isinstance(value, (list, tuple)):
            return [self._walk(item, shapes) for item in value]
        raise TypeError(f"{type(value).__name__} is not a JSON value")

    def _walk_members(self, members: Mapping[str, object], shapes: tuple[Shape, ...]) -> dict[str, object]:
        if not shapes:
            return {self._replace(name, ()): self._walk(item, ()) for name, item in members.items()}
        return {
            self._replace(name, shapes): MARK if item and name.lower() in SECRET_HEADERS else self._walk(item, shapes)
            for name, item in members.items()
        }

    def _replace(self, text: str, shapes: tuple[Shape, ...]) -> str:
        if len(text) < SHORTEST_SECRET:
            return text
        if (known := self._known.pattern) is not None:
            text = known.sub(MARK, text)
        return redact(text, shapes) if shapes and len(text) >= SHORTEST else text

    def _number(self, number: int, shapes: tuple[Shape, ...]) -> object:
        """A card's number is one, without quotes, too."""
        text = str(number)
        cleaned = self._replace(text, shapes)
        return number if cleaned == text else cleaned


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
