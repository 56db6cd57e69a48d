"""What the agent asks, read from a parsed head before anything is changed in it, for the policy and the record.

Never fails: odd bytes are escaped. Holds no key, even where the agent wrote one.
"""

from __future__ import annotations

import msgspec
from mitmproxy.http import HTTPFlow, Request

from ironcurtain_tui.escalations.held_request import HeldRequest
from ironcurtain_tui.policy.action import HttpRequest, Tunnel
from ironcurtain_tui.proxy.exchange import Exchange
from ironcurtain_tui.proxy.route import Routes
from ironcurtain_tui.proxy.tunnel import OpenTunnel

MAX_NAME = 300
"""Characters of a host or method that are kept: longer ones are refused anyway."""


def read_tunnel(request: Request, routes: Routes) -> Tunnel:
    """The target of a CONNECT, as spelled. Port 0 when it is none."""
    host, _, port = _text(routes.redact(request.data.authority)).rpartition(":")
    return Tunnel(host=host[:MAX_NAME], port=_number(port) or 0)


def read_request(request: Request, tunnel: OpenTunnel | None, routes: Routes) -> HttpRequest:
    """The request inside ``tunnel``; outside of one, with the host it names itself."""
    path, _, query = _text(routes.redact(request.data.path)).partition("?")
    fields = {name.lower(): value for name, value in reversed(request.data.headers.fields)}
    return HttpRequest(
        host=tunnel.host
        if tunnel
        else _text(routes.redact(request.data.host.encode(errors="backslashreplace")))[:MAX_NAME],
        port=tunnel.port if tunnel else request.data.port,
        method=_text(routes.redact(request.data.method))[:MAX_NAME],
        path=path,
        query=query,
        content_type=_text(routes.redact(fields.get(b"content-type", b"")))[:MAX_NAME],
        content_length=None if b"transfer-encoding" in fields else _number(_text(fields.get(b"content-length", b"0"))),
    )


def read_held(flow: HTTPFlow, exchange: Exchange) -> HeldRequest:
    """The request of ``flow`` as it stands now, with its body. TypeError for anything but a request in a tunnel."""
    if not isinstance(exchange.action, HttpRequest):
        raise TypeError("only a request can be held")
    request = flow.request.data
    fields = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.fields)
    return HeldRequest(
        # The method once more from what will be sent: the digest must not rest on an older reading.
        action=msgspec.structs.replace(exchange.action, method=request.method.decode("latin-1")),
        target=request.path.decode("latin-1"),
        headers=fields,
        body=request.content or b"",
        stripped=exchange.stripped,
    )


def _text(raw: bytes) -> str:
    return raw.decode("ascii", "backslashreplace")


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
