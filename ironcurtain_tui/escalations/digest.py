"""The digest of exactly what will be executed: shown on the card, named by the decision, checked before the effect.

SHA-256 over a sequence of byte strings, each written as its length in decimal digits, a colon and itself
(https://cr.yp.to/proto/netstrings.txt, without the comma), so that no two different actions share a spelling.
The first string names the format.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping

from ironcurtain_tui.escalations.held_request import HeldRequest


def of_call(server: str, tool: str, arguments: Mapping[str, object]) -> str:
    """The digest of a tool call."""
    return _digest((b"ironcurtain tool call 1", _bytes(server), _bytes(tool), canonical(arguments)))


def canonical(value: object) -> bytes:
    """A JSON value in the one spelling that counts: members sorted, ASCII, no white space; ``1`` is not ``1.0``."""
    return json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":")).encode("ascii")


def of_request(request: HeldRequest) -> str:
    """The digest of a web request: method, scheme, host, port, target, every header in order, and the body."""
    asked = request.action
    head = (asked.method, "https", asked.host, str(asked.port), request.target)
    fields = (part for header in request.headers for part in header)
    return _digest(
        (
            b"ironcurtain request 1",
            *(_bytes(part) for part in head),
            *(_bytes(part) for part in fields),
            request.body,
        )
    )


def of_unseen(host: str, what: str) -> str:
    """The digest of something that would act at a provider."""
    return _digest((b"ironcurtain unseen 1", _bytes(host), _bytes(what)))


def of_budget(span: str, unit: str, most: float) -> str:
    """The digest of a budget that is used up."""
    return _digest((b"ironcurtain budget 1", _bytes(span), _bytes(unit), _bytes(repr(most))))


def of_full_log(size: int) -> str:
    """The digest of an audit log that has grown to ``size``."""
    return _digest((b"ironcurtain full log 1", _bytes(repr(size))))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(b"%d:" % len(part))
        digest.update(part)
    return digest.hexdigest()
