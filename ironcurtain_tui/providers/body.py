"""The body of a model call: read once, strictly, and looked through for what would act where nobody here can see it.

Strict means RFC 8259 with the room for two readings taken out: UTF-8 without a mark, no name twice in one object
(section 4 leaves open which one counts), no numbers beyond a double, nothing behind the end. Whatever two parsers could
read differently is refused, so that what was looked at is what the provider reads.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial

MAX_BODY = 32 << 20
"""Bytes of a body that is looked through: Anthropic's own limit."""
MAX_DEPTH = 100
"""Arrays and objects inside each other."""
MAX_PARTS = 1 << 20
"""Values, and arrays and objects among them: each costs up to some hundred bytes once it is read."""

Object = dict[str, object]

_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_ALIKE = bytes.maketrans(b"{}", b"[]")


class BodyRefused(Exception):  # noqa: N818 (an outcome)
    """The body goes no further. The text says why, for the agent; it quotes nothing but names."""


class Malformed(BodyRefused):
    """It is not what the endpoint takes."""


class ServerTools(StrEnum):
    """What becomes of tools that the provider runs itself, and of the like."""

    STRIP = "strip"
    """Taken out where that leaves a whole request; else the request is refused."""
    ASK = "ask"
    """A person decides, once a session for each."""
    DENY = "deny"
    ALLOW = "allow"


@dataclass(frozen=True)
class Finding:
    """Something that would act, or be kept, out of sight."""

    what: str
    """In a few words; may quote a name that the agent chose."""
    take_out: Callable[[], object] | None = None
    """Removes it from the document; None when nothing whole would be left."""


@dataclass
class Findings:
    """What is found in one document, and the small changes that are made to every one."""

    all: list[Finding] = field(default_factory=list)
    amendments: list[str] = field(default_factory=list)
    """What was changed in the document already, which nobody could mind."""

    def add(self, what: str, take_out: Callable[[], object] | None = None) -> None:
        self.all.append(Finding(what, take_out))

    def fields(self, document: Object, known: frozenset[str]) -> None:
        """Every field of ``document`` that is not ``known`` may do anything."""
        for name in [each for each in document if each not in known]:
            self.add(f"field {shown(name)}", partial(document.pop, name, None))

    def settle(self, treatment: ServerTools) -> tuple[str, ...]:
        """Deal with what was found; what was changed in the document, in a few words each.

        ASK is for whoever can ask: here it means STRIP. Raises BodyRefused for what may not be sent.
        """
        changed = list(self.amendments)
        for finding in self.all if treatment is not ServerTools.ALLOW else ():
            if treatment is ServerTools.DENY or finding.take_out is None:
                raise BodyRefused(
                    f"the request has something that would act or be kept out of this machine's sight ({finding.what})"
                )
            finding.take_out()
            changed.append(f"took out {finding.what}")
        return tuple(changed)


def parse(body: bytes) -> Object:
    """The JSON object that ``body`` is. Raises Malformed."""
    try:
        _measure(body)
        document = _decoder.decode(body.decode("utf-8"))
    except UnicodeDecodeError:
        raise Malformed("the body is not UTF-8") from None
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, _AmbiguousError) else "the body is not valid JSON"
        raise Malformed(reason) from None
    if not isinstance(document, dict):
        raise Malformed("the body is not a JSON object")
    return document


def serialise(document: Object) -> bytes:
    """The bytes of a document that was changed."""
    return json.dumps(document, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode("ascii")


def objects(value: object, where: str) -> Iterator[Object]:
    """The objects of an array; none when there is no array. Malformed when it is anything else."""
    if value is None:
        return
    if not isinstance(value, list):
        raise Malformed(f"{where} is not an array")
    for each in value:
        if not isinstance(each, dict):
            raise Malformed(f"{where} holds something that is no object")
        yield each


def kind(value: Object, where: str, default: str = "") -> str:
    """The ``type`` of an object. Malformed when that is no text."""
    told = value.get("type", default)
    if not isinstance(told, str):
        raise Malformed(f"the type of something in {where} is not a text")
    return told


def is_inline(url: object) -> bool:
    """Whether what would be looked up under ``url`` is in it already."""
    return isinstance(url, str) and url.startswith("data:")


def shown(name: str) -> str:
    """A name from the document, short enough to be told."""
    return name if len(name) <= 60 else f"{name[:60]}…"


class _AmbiguousError(ValueError):
    pass


def _measure(body: bytes) -> None:
    """Refuse what would take too much to read. The brackets outside of strings are closed from the inside out."""
    unescaped = body.replace(rb"\\", b"").replace(rb"\"", b"")
    if unescaped.count(b'"') > 4 * MAX_PARTS:
        raise _AmbiguousError("the body has too many parts")
    outside = b"".join(unescaped.split(b'"')[::2])
    if outside.count(b",") > MAX_PARTS:
        raise _AmbiguousError("the body has too many parts")
    brackets = outside.translate(_ALIKE, delete=_NO_BRACKETS)
    if len(brackets) > 2 * MAX_PARTS:
        raise _AmbiguousError("the body has too many parts")
    for _ in range(MAX_DEPTH):
        if not brackets:
            return
        brackets = brackets.replace(b"[]", b"")
    if brackets:
        raise _AmbiguousError("the body is nested too deeply")


def _object(pairs: list[tuple[str, object]]) -> Object:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise _AmbiguousError("the body has a name twice in one object")
    return document


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _AmbiguousError("the body has a number that no double can hold")
    return number


def _no_constant(_name: str) -> object:
    raise ValueError


_decoder = json.JSONDecoder(object_pairs_hook=_object, parse_float=_finite, parse_constant=_no_constant)
