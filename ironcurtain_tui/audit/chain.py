"""The format of the audit log, version 1, and its hash chain. Pure.

A log is JSON Lines: one record a line, UTF-8, each line ended by one ``\\n``. A line looks like this::

    {"data":{...},"kind":"...","mono_us":1,"prev":"<64 hex>","seq":1,...,"v":1,"hash":"<64 hex>"}

Its members, all but ``decision`` always there:

``v``         1
``seq``       1, 2, 3, ... without gaps
``time_us``   wall clock, microseconds since the epoch
``mono_us``   the machine's monotonic clock in microseconds, by which a jump of the wall clock shows
``session``   the session's id
``kind``      what kind of event, dotted words (``session.started``)
``decision``  ``allow``, ``deny``, ``escalate`` or ``answer``; only where something was decided
``summary``   one sentence for a person
``data``      an object with the details
``prev``      the hash of the line before; of the first line, the genesis
``hash``      always last, in the same spelling to the byte: ``,"hash":"<64 hex>"}``

To verify a log without this program:

1. genesis = lower-case hex SHA-256 of the text ``ironcurtain-tui audit v1\\n`` followed by the session's id.
2. Take the lines in order. Of each, cut off the last 75 bytes, which are the ``hash`` member and the
   closing brace, and put ``}`` in their place: that is the *body*.
3. The SHA-256 of the body, in lower-case hex, must be ``hash``; ``prev`` must be the hash of the line
   before (of the first line: the genesis); ``seq`` must count from 1; ``session`` must not change.

The hash covers the bytes as they stand in the file, ``prev`` among them, so no JSON needs to be
re-serialised. The writer nevertheless writes a canonical body in the spirit of RFC 8785: members sorted by
code point, no white space, nothing escaped that need not be. Times and counts are integers. A float can only
occur inside ``data`` and is written with the fewest digits that read back as the same number; what JSON cannot
say is replaced (NaN and infinities by their name as a string, lone surrogates by U+FFFD).

What a chain cannot show: that whole lines at the end are missing, or that somebody rewrote everything.
That is what checkpoints and the ledger are for: see docs/audit-format.md.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping

import msgspec

from ironcurtain_tui.events import Decision, Value

VERSION = 1
GENESIS_TEXT = "ironcurtain-tui audit v1\n"
_HASH_MEMBER = b',"hash":"'
_TRAILER = len(_HASH_MEMBER) + 64 + len(b'"}')


class Entry(Value, frozen=True):
    """What the writer wants recorded; its place in the chain is not known yet."""

    time_us: int
    mono_us: int
    kind: str
    summary: str
    decision: Decision | None = None
    data: Mapping[str, object] = {}


class Record(Value, frozen=True):
    """One line of the log, read back. Members as told in the module's docstring."""

    v: int
    seq: int
    time_us: int
    mono_us: int
    session: str
    kind: str
    summary: str
    data: dict[str, object]
    prev: str
    hash: str
    decision: Decision | None = None


class Position(msgspec.Struct, frozen=True):
    """Where a record says it stands: the members that verifying reads. The rest is hashed but not decoded."""

    v: int
    seq: int
    time_us: int
    mono_us: int
    session: str
    prev: str


class Head(msgspec.Struct, frozen=True):
    """The end of a chain: number and hash of its last record (0 and the genesis when there is none)."""

    session: str
    seq: int
    hash: str


class ChainBroken(ValueError):  # noqa: N818 -- reads as what it says
    """A line is not the one that belongs at its place. The message says why, in words for a person."""


def start(session: str) -> Head:
    """Head of the empty chain of ``session``: no log can pass for another session's."""
    return Head(session, 0, hashlib.sha256((GENESIS_TEXT + session).encode()).hexdigest())


def canonical(value: object) -> bytes:
    """``value`` as canonical JSON (see above).

    TypeError when it holds something that is not JSON, or names that differ in lone surrogates only.
    """
    try:
        text = _encode(value)
    except ValueError:
        text = _encode(_without_special_floats(value))
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _encode(_well_formed(json.loads(text))).encode()


def link(head: Head, entry: Entry) -> tuple[bytes, Head]:
    """The line (with its newline) that records ``entry`` after ``head``, and the new head.

    Raises TypeError when ``entry.data`` holds something that JSON cannot say, RecursionError when it is
    nested beyond reason.
    """
    seq = head.seq + 1
    body: dict[str, object] = {
        "v": VERSION,
        "seq": seq,
        "time_us": entry.time_us,
        "mono_us": entry.mono_us,
        "session": head.session,
        "kind": entry.kind,
        "summary": entry.summary,
        "data": entry.data,
        "prev": head.hash,
    }
    if entry.decision is not None:
        body["decision"] = entry.decision
    text = canonical(body)
    found = hashlib.sha256(text).hexdigest()
    return text[:-1] + _HASH_MEMBER + found.encode() + b'"}\n', Head(head.session, seq, found)


def parse(line: bytes) -> Record:
    """Read one line, without looking at its place in the chain; ChainBroken when it is no record."""
    try:
        return _record_decoder.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ChainBroken(f"not a record of this log ({error})") from error


def advance(head: Head, line: bytes) -> Head:
    """The head after ``line`` (with or without newline), which must continue ``head``; ChainBroken if it does not."""
    return follow(head, line, locate(line))


def follow(head: Head, line: bytes, position: Position) -> Head:
    """``advance`` for a line that was located already."""
    found = digest(line)
    if line.rstrip(b"\n")[-_TRAILER:] != _HASH_MEMBER + found.encode() + b'"}':
        raise ChainBroken("its content does not match its hash: it was changed")
    if position.v != VERSION:
        raise ChainBroken(f"it has format version {position.v}, this program reads {VERSION}")
    if position.session != head.session:
        raise ChainBroken(f"it belongs to session {position.session!r}, not to {head.session!r}")
    if position.seq != head.seq + 1:
        raise ChainBroken(f"it is record {position.seq} where {head.seq + 1} belongs: records are missing or moved")
    if position.prev != head.hash:
        raise ChainBroken("it does not follow from the record before: something was changed or replaced")
    return Head(head.session, position.seq, found)


def digest(line: bytes) -> str:
    """The hash of the body of ``line`` as it stands there, in hexadecimal, whatever it says itself."""
    return hashlib.sha256(line.rstrip(b"\n")[:-_TRAILER] + b"}").hexdigest()


def locate(line: bytes) -> Position:
    """Where ``line`` says it stands; ChainBroken when it is no record."""
    try:
        return _position_decoder.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ChainBroken(f"not a record of this log ({error})") from error


def _without_special_floats(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _without_special_floats(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_special_floats(item) for item in value]
    return value


def _well_formed(value: object) -> object:
    """Every lone surrogate replaced: UTF-8 has no form for one."""
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, list):
        return [_well_formed(item) for item in value]
    if isinstance(value, dict):
        members = {_well_formed(name): _well_formed(item) for name, item in value.items()}
        if len(members) < len(value):
            raise TypeError("an object has two names that cannot be told apart")
        return members
    return value


_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
_record_decoder = msgspec.json.Decoder(Record)

_position_decoder = msgspec.json.Decoder(Position)
