"""What a record is about, as far as it can be filtered by and searched for. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum

from ironcurtain_tui.audit.chain import Record

LONGEST_BODY = 4096
"""Characters of a record's details that can be searched for; the rest only by reading the log."""


class Facet(StrEnum):
    """What can be filtered by."""

    SESSION = "session"
    KIND = "kind"
    DECISION = "decision"
    SERVER = "server"
    TOOL = "tool"
    """``server.tool``"""
    HOST = "host"


def facets(record: Record) -> dict[Facet, str]:
    """The values a record has; decision is empty where nothing was decided, the others are missing."""
    found = {Facet.SESSION: record.session, Facet.KIND: record.kind, Facet.DECISION: record.decision or ""}
    action = record.data.get("action")
    about = action if isinstance(action, Mapping) else record.data
    host, server, tool = about.get("host"), about.get("server"), about.get("tool")
    if record.kind == "tool.end":
        server, _, tool = record.summary.partition(".")
    if isinstance(host, str) and host:
        found[Facet.HOST] = host.lower()
    if isinstance(server, str) and server:
        found[Facet.SERVER] = server
        if isinstance(tool, str) and tool:
            found[Facet.TOOL] = f"{server}.{tool}"
    return found


def body(record: Record) -> str:
    """The words of a record: its summary, and all texts in its details."""
    words = [record.summary]
    left = LONGEST_BODY
    for text in _texts(record.data):
        words.append(text[:left])
        left -= len(text)
        if left <= 0:
            break
    return "\n".join(words)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
