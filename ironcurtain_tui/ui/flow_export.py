"""Flows in the forms of others: a curl command, and HAR 1.2 (w3c.github.io/web-performance/specs/HAR). Pure.

A flow has no bodies, header values or query strings: they are not kept. Both forms say so.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import quote

from ironcurtain_tui import __version__
from ironcurtain_tui.events import Flow, Usage
from ironcurtain_tui.providers import PROVIDERS

NOT_KEPT = "Bodies, header values and query strings are not kept by IronCurtain, so they are not in here."


def url(flow: Flow) -> str:
    """Where the flow went, without its query; anything that has no place in a URL is percent-encoded."""
    port = "" if flow.port == 443 else f":{flow.port}"
    return f"https://{quote(flow.host, safe='.-_:[]')}{port}{quote(flow.path, safe="/%:@!$&'()*+,;=~-._")}"


def curl(flow: Flow) -> str:
    """A command that repeats the request from inside the container: the key is the agent's own, which is a fake."""
    words = ["curl", "--silent", "--show-error", "--request", shlex.quote(quote(flow.method, safe=""))]
    for provider in PROVIDERS.values():
        for host in provider.hosts:
            if host.name == flow.host:
                for place in host.credentials[:1]:
                    words += ["--header", f'"{place.header}: {place.scheme}${provider.key_variable}"']
    if flow.bytes_up:
        words += ["--data-binary", "@body"]
    command = " ".join([*words, shlex.quote(url(flow))])
    missing = f"{flow.bytes_up:,} bytes of body, " if flow.bytes_up else ""
    return f"{command}  # not kept: {missing}headers, query string\n"


def har(flows: Iterable[Flow]) -> bytes:
    """The flows as a HAR file, as JSON. Members that begin with ``_`` are ours, as HAR allows."""
    document = {
        "log": {
            "version": "1.2",
            "creator": {"name": "ironcurtain-tui", "version": __version__},
            "entries": [_entry(flow) for flow in flows],
            "comment": NOT_KEPT,
        }
    }
    text = json.dumps(document, ensure_ascii=False, indent=1)
    return text.encode("utf-8", "replace")


def _entry(flow: Flow) -> dict[str, object]:
    total = flow.total_ms if flow.total_ms is not None else 0.0
    first = flow.first_byte_ms if flow.first_byte_ms is not None else total
    usage = flow.usage or Usage()
    return {
        "startedDateTime": datetime.fromtimestamp(flow.started, UTC).isoformat(timespec="milliseconds"),
        "time": total,
        "request": {
            "method": flow.method,
            "url": url(flow),
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": [],
            "queryString": [],
            "headersSize": -1,
            "bodySize": flow.bytes_up,
        },
        "response": {
            "status": flow.status or 0,
            "statusText": "",
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": [],
            "content": {"size": flow.bytes_down, "mimeType": flow.content_type},
            "redirectURL": "",
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
    }
