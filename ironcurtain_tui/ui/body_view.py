"""Headers and bodies as lines for a person: JSON indented, event streams put together, bytes in hexadecimal. Pure.

Works on bodies of which only the beginning is kept, too. What comes out is untrusted, like what went in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from urllib.parse import unquote_plus

from ironcurtain_tui.traffic.kept import Body, Message

MOST_LINES = 600
LONGEST_LINE = 2_000
HEX_BYTES = 512
INDENT = "  "
LONGEST_ESCAPE = 6
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
_EVENT_STREAM = "text/event-stream"
_FORM = "application/x-www-form-urlencoded"


def lines(message: Message) -> list[str]:
    """The body, at most MOST_LINES lines; what is left out, or missing, is said in the last one."""
    body = message.body
    shown: list[str] = []
    for line in _readable(body, message.header("content-type").lower()):
        if len(shown) == MOST_LINES:
            shown.append("… and more; an export as HAR has all that is kept")
            break
        more = len(line) - LONGEST_LINE
        shown.append(line if more <= 0 else f"{line[:LONGEST_LINE]}… (+{more:,} characters)")
    return shown


def summary(body: Body) -> str:
    """How much there was of it, and how much of that is kept."""
    if not body.size:
        return "none"
    words = [f"{body.size:,} bytes"]
    if body.coding:
        words.append(f"coded as {body.coding}")
    if body.missing:
        words.append(f"not kept: {body.missing}")
    elif body.cut:
        words.append(f"only the first {len(body.raw):,} are kept")
    return ", ".join(words)


def _readable(body: Body, content_type: str) -> Iterator[str]:
    if body.data:
        yield from hexadecimal(body.raw)
    elif content_type.startswith(_EVENT_STREAM):
        yield from event_stream(body.text)
    elif "json" in content_type or body.text.lstrip()[:1] in ("{", "["):
        yield from indented(body.text)
    elif content_type.startswith(_FORM):
        for field in body.text.split("&"):
            name, _, value = field.partition("=")
            yield from f"{unquote_plus(name)} = {unquote_plus(value)}".split("\n")
    elif body.text:
        yield from re.split(r"\r?\n", body.text)


def indented(text: str) -> Iterator[str]:
    """JSON over many lines, also when it is cut off. Texts of several lines are written as such."""
    depth, line = 0, ""
    parts: Sequence[str] = _TOKEN.findall(text)
    for place, part in enumerate(parts):
        following = parts[place + 1] if place + 1 < len(parts) else ""
        if part in ("{", "["):
            line += part
            if following in ("}", "]"):
                continue
            yield line
            depth, line = depth + 1, INDENT * (depth + 1)
        elif part in ("}", "]"):
            if place and parts[place - 1] in ("{", "["):
                line += part
            else:
                if line.strip():
                    yield line
                depth = max(0, depth - 1)
                line = INDENT * depth + part
        elif part == ",":
            yield line + part
            line = INDENT * depth
        elif part == ":":
            line += ": "
        elif r"\n" in part and part.startswith('"'):
            first, *rest = _unescaped(part).split("\n")
            line += '"' + first
            for each in rest:
                yield line
                line = INDENT * (depth + 1) + each
            line += '"'
        else:
            line += part
    if line.strip():
        yield line


def _unescaped(part: str) -> str:
    """What a JSON text says; of one that is cut off, without an escape that is not whole."""
    whole = part[1:-1] if len(part) > 1 and part.endswith('"') else part[1:]
    for end in range(len(whole), max(-1, len(whole) - LONGEST_ESCAPE), -1):
        try:
            return str(json.loads(f'"{whole[:end]}"', strict=False))
        except ValueError:
            continue
    return whole


def event_stream(text: str) -> Iterator[str]:
    """Server-sent events: first what their pieces of text make together, then one line an event."""
    events: list[tuple[str, str]] = []
    name = ""
    for line in re.split(r"\r\n|\r|\n", text):
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            events.append((name, value))
        elif not line:
            name = ""
    if not events:  # it is none, whatever its type says
        yield from re.split(r"\r?\n", text)
        return
    together = "".join(_piece(data) for _, data in events)
    if together:
        yield from together.split("\n")
        yield ""
    for event, data in events:
        yield f"{event}  {data}" if event else data


def _piece(data: str) -> str:
    """The text that one event adds, in the forms of the providers' streams; nothing for others."""
    try:
        event = json.loads(data)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(event, dict):
        return ""
    delta = event.get("delta")
    if isinstance(delta, str):
        return delta if "text" in str(event.get("type")) else ""
    if isinstance(delta, dict):
        found = (delta.get(key) for key in ("text", "thinking", "partial_json"))
        return next((each for each in found if isinstance(each, str)), "")
    choices = event.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    content = first.get("delta", {}) if isinstance(first, dict) else None
    text = content.get("content") if isinstance(content, dict) else None
    return text if isinstance(text, str) else ""


def hexadecimal(raw: bytes) -> Iterator[str]:
    """Offset, sixteen bytes, and what is ASCII of them."""
    for start in range(0, min(len(raw), HEX_BYTES), 16):
        piece = raw[start : start + 16]
        shown = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in piece)
        yield f"{start:06x}  {piece.hex(' '):<47}  {shown}"
    if len(raw) > HEX_BYTES:
        yield f"… and {len(raw) - HEX_BYTES:,} more bytes"
