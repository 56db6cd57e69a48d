"""The forms in which a server may send back a key it was given, and one look that finds them all."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator

from ahocorasick_rs import BytesAhoCorasick, MatchKind

HEAD = 8
"""Bytes by which the beginning of a form is looked for; what is shorter is looked up."""


class SecretForms:
    """All forms of some secrets, compiled: costs milliseconds to make, and then about a nanosecond a byte.

    Each form has a mask of its length: the sentinel in place of the secret as it is, else zeros, which are legal in
    hexadecimal, base64, JSON and URLs alike.
    """

    def __init__(self, secrets: Iterable[str], sentinel: str) -> None:
        masks: dict[bytes, bytes] = {}
        for secret in secrets:
            raw = secret.encode()
            masks[raw] = sentinel.encode()[: len(raw)].ljust(len(raw), b"-")
            for form in forms(raw):
                masks.setdefault(form, b"0" * len(form))
        self._forms = tuple(masks)
        self._masks = tuple(masks.values())
        self._longest = max(map(len, self._forms))
        self._all = BytesAhoCorasick(self._forms, matchkind=MatchKind.LeftmostLongest)
        heads: dict[bytes, list[bytes]] = {}
        for form in self._forms:
            heads.setdefault(form[:HEAD], []).append(form)
        self._heads = BytesAhoCorasick(tuple(heads), matchkind=MatchKind.Standard)
        self._headed = tuple(heads.values())
        self._stubs = frozenset(form[:length] for form in self._forms for length in range(1, min(HEAD, len(form))))

    def masked(self, data: bytes) -> tuple[bytes, int]:
        """``data`` with every form in it masked, and where its last part begins, behind the last mask."""
        found = self._all.find_matches_as_indexes(data)
        if not found:
            return data, 0
        pieces, at = [], 0
        for index, start, end in found:
            pieces += [data[at:start], self._masks[index]]
            at = end
        return b"".join([*pieces, data[at:]]), at

    def beginning(self, data: bytes, floor: int) -> int:
        """From where on ``data``, behind ``floor``, may be the beginning of a form: the earliest place, or its end."""
        window = max(floor, len(data) - self._longest + 1)
        tail = data[window:]
        for index, start, _ in self._heads.find_matches_as_indexes(tail, overlapping=True):
            rest = tail[start:]
            if any(form.startswith(rest) for form in self._headed[index]):
                return window + start
        for length in range(min(HEAD - 1, len(tail)), 0, -1):
            if tail[-length:] in self._stubs:
                return len(data) - length
        return len(data)


def forms(secret: bytes) -> Iterator[bytes]:
    """Every form but the secret as it is: reversed, escaped, percent-encoded, as hexadecimal digits, in base64."""
    yield secret[::-1]
    yield secret.replace(b"/", b"\\/")
    for escape in _ESCAPES:
        yield b"".join(map(escape, secret))
        yield b"".join(bytes([each]) if _is_plain(each) else escape(each) for each in secret)
        yield b"".join(bytes([each]) if _is_plain(each) or each in b"-._~" else escape(each) for each in secret)
    yield secret.hex().encode()
    yield secret.hex().upper().encode()
    for before in range(3):
        # Of a longer base64 text only the characters made of the secret's bits alone are known.
        encoded = base64.b64encode(b"\0" * before + secret)
        known = encoded[(before * 8 + 5) // 6 : (before + len(secret)) * 8 // 6]
        yield known
        yield known.translate(_URL_SAFE)


_ESCAPES: tuple[Callable[[int], bytes], ...] = (
    lambda each: b"%%%02X" % each,
    lambda each: b"%%%02x" % each,
    lambda each: b"\\u%04X" % each,
    lambda each: b"\\u%04x" % each,
    lambda each: b"\\x%02X" % each,
    lambda each: b"\\x%02x" % each,
    lambda each: b"&#%d;" % each,
    lambda each: b"&#x%02x;" % each,
)
"""URLs (RFC 3986 section 2.1), JSON (RFC 8259 section 7), JavaScript, HTML."""
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def _is_plain(each: int) -> bool:
    return chr(each).isascii() and chr(each).isalnum()
