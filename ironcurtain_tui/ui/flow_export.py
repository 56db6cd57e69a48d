"""Flows in the forms of others: a curl command, and HAR 1.2 (w3c.github.io/web-performance/specs/HAR). Pure.

Both hold what is kept of a flow: no credential, and of long bodies only the beginning. Both say what is missing.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import parse_qsl, quote

from ironcurtain_tui import __version__
from ironcurtain_tui.audit.redact import MARK
from ironcurtain_tui.events import Flow, Usage
from ironcurtain_tui.providers import PROVIDERS
from ironcurtain_tui.traffic.kept import Body, KeptFlow, Message

NOT_KEPT = "Values of headers that carry a credential are not in here, nor what looks like a secret."
_SAFE = "/%:@!$&'()*+,;=~-._"
_OF_CURL = frozenset({"host", "content-length", "transfer-encoding", "connection", "accept-encoding", "expect"})
"""Headers that curl makes itself, or that the proxy takes out."""
_PLAIN = frozenset(chr(code) for code in range(0x20, 0x7F))
MAX_ARGUMENT = 100_000
"""Bytes of a body that is written into a command; Linux takes 128 KiB an argument."""


def url(flow: Flow, kept: KeptFlow | None = None) -> str:
    """Where the flow went, with its query if that is kept; what has no place in a URL is percent-encoded."""
    port = "" if flow.port == 443 else f":{flow.port}"
    path, mark, query = (kept.target if kept is not None and kept.target else flow.path).partition("?")
    tail = mark + quote(query, safe=_SAFE + "?") if mark else ""
    return f"https://{quote(flow.host, safe='.-_:[]')}{port}{quote(path, safe=_SAFE)}{tail}"


def curl(flow: Flow, kept: KeptFlow | None = None) -> str:
    """A command that repeats the request from inside the container: the key is the agent's own, which is a fake."""
    missing: list[str] = []
    words = ["curl", "--silent", "--show-error", "--request", shlex.quote(quote(flow.method, safe=""))]
    words += _key(flow, kept)
    source = ""
    if kept is not None:
        words += _headers(kept.request, missing)
        data, source = _data(kept.request.body, missing)
        words += data
    else:
        missing += ["headers", "query string"] + ([f"{flow.bytes_up:,} bytes of body"] if flow.bytes_up else [])
        words += ["--data-binary", "@body"] if flow.bytes_up else []
    command = " ".join([*words, shlex.quote(url(flow, kept))])
    comment = f"  # not kept: {', '.join(missing)}" if missing else ""
    return f"{source}{command}{comment}\n"


def _key(flow: Flow, kept: KeptFlow | None) -> list[str]:
    for provider in PROVIDERS.values():
        for host in provider.hosts:
            if host.name == flow.host:
                sent = {name.lower() for name, _ in kept.request.headers} if kept is not None else set()
                places = [place for place in host.credentials if place.header in sent] or list(host.credentials[:1])
                return [
                    word
                    for place in places
                    for word in ("--header", f'"{place.header}: {place.scheme}${provider.key_variable}"')
                ]
    return []


def _headers(message: Message, missing: list[str]) -> list[str]:
    words: list[str] = []
    for name, value in message.headers:
        if value == MARK:
            missing.append(f"the credential in {quote(name, safe='')}")
        elif name.lower() not in _OF_CURL:
            words += ["--header", _quoted(f"{name}: {value}" if value else f"{name};")]
    return words


def _data(body: Body, missing: list[str]) -> tuple[list[str], str]:
    """The words for a body, and what has to stand before the command."""
    if not body.size:
        return [], ""
    if body.missing or len(body.raw) > MAX_ARGUMENT:
        missing.append(f"{body.size:,} bytes of body")
        return ["--data-binary", "@body"], ""
    if body.cut:
        missing.append(f"the body's end, {body.size:,} bytes in all")
    if body.data:
        return ["--data-binary", "@-"], f"printf %s {body.data} | base64 -d | "
    return ["--data-binary", _quoted(body.text)], ""


def _quoted(text: str) -> str:
    """One word of a shell's command line, in printable ASCII: in bash's, zsh's and ksh's form where it must be."""
    if _PLAIN.issuperset(text):
        return shlex.quote(text)
    escaped = "".join(
        character if character in _PLAIN and character not in "\\'" else _escape(character) for character in text
    )
    return f"$'{escaped}'"


def _escape(character: str) -> str:
    if character in "\\'":
        return f"\\{character}"
    return "".join(f"\\{byte:03o}" for byte in character.encode("utf-8", "replace"))


def har(flows: Iterable[tuple[Flow, KeptFlow | None]]) -> Iterator[bytes]:
    """The flows as a HAR file, in pieces. Members that begin with ``_`` are ours, as HAR allows."""
    head = {
        "version": "1.2",
        "creator": {"name": "ironcurtain-tui", "version": __version__},
        "comment": NOT_KEPT,
    }
    yield b'{"log": ' + _json(head)[:-1] + b', "entries": ['
    for number, (flow, kept) in enumerate(flows):
        yield (b",\n" if number else b"\n") + _json(_entry(flow, kept))
    yield b"\n]}}\n"


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def _entry(flow: Flow, kept: KeptFlow | None) -> dict[str, object]:
    total = flow.total_ms if flow.total_ms is not None else 0.0
    first = flow.first_byte_ms if flow.first_byte_ms is not None else total
    usage = flow.usage or Usage()
    request, response = (kept.request, kept.response) if kept is not None else (Message(), Message())
    where = url(flow, kept)
    asked: dict[str, object] = {
        "method": flow.method,
        "url": where,
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _pairs(request),
        "queryString": [
            {"name": name, "value": value}
            for name, value in parse_qsl(where.partition("?")[2], keep_blank_values=True, errors="replace")
        ],
        "headersSize": -1,
        "bodySize": flow.bytes_up,
    }
    if request.body.size:
        asked["postData"] = {
            "mimeType": request.header("content-type"),
            "params": [],
            "text": request.body.data or request.body.text,
            **({"encoding": "base64"} if request.body.data else {}),
            **_comment(request.body),
        }
    return {
        "startedDateTime": datetime.fromtimestamp(flow.started, UTC).isoformat(timespec="milliseconds"),
        "time": total,
        "request": asked,
        "response": {
            "status": flow.status or 0,
            "statusText": _phrase(flow.status),
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": _pairs(response),
            "content": {
                "size": len(response.body.raw) if response.body.coding else flow.bytes_down,
                "mimeType": response.header("content-type") or flow.content_type,
                **_content(response.body),
            },
            "redirectURL": response.header("location"),
            "headersSize": -1,
            "bodySize": flow.bytes_down,
        },
        "cache": {},
        "timings": {"send": 0, "wait": min(first, total), "receive": max(0.0, total - first)},
        "_id": flow.id,
        "_decision": flow.decision,
        "_reason": flow.reason,
        "_state": flow.state,
        "_model": usage.model,
        "_inputTokens": usage.input_tokens,
        "_outputTokens": usage.output_tokens,
        "_cacheReadTokens": usage.cache_read_tokens,
        "_cacheWriteTokens": usage.cache_write_tokens,
        "_costUsd": flow.cost_usd,
        "_altered": list(flow.altered),
    }


def _pairs(message: Message) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in message.headers]


def _content(body: Body) -> dict[str, str]:
    if body.data:
        return {"text": body.data, "encoding": "base64", **_comment(body)}
    return {**({"text": body.text} if body.text else {}), **_comment(body)}


def _comment(body: Body) -> dict[str, str]:
    if body.missing:
        return {"comment": f"not kept: {body.missing}"}
    return {"comment": f"only the beginning is kept, of {body.size:,} bytes"} if body.cut else {}


def _phrase(status: int | None) -> str:
    try:
        return HTTPStatus(status or 0).phrase
    except ValueError:
        return ""
