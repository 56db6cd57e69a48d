"""The form of a request: one reading only, nothing that is meant for the next hop, nothing that overrides it."""

from __future__ import annotations

import re

from mitmproxy.http import Headers, HTTPFlow

from ironcurtain_tui.proxy.refusal import Refusal

_METHOD = re.compile(rb"[A-Z]+(?:-[A-Z]+)*")
"""Of those that are registered. In small letters they are others (RFC 9110 section 9.1), but not to every server."""
_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
_TARGET = re.compile(rb"/[\x21\x24-\x7e]*")
"""Printable ASCII without ``\"`` and ``#``."""

_DROPPED = frozenset(
    {
        b"accept-encoding",  # replaced: what comes back must be readable
        b"connection",
        b"forwarded",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"via",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-port",
        b"x-forwarded-proto",
        b"x-http-method",
        b"x-http-method-override",
        b"x-method-override",
        b"x-original-host",
        b"x-original-url",
        b"x-real-ip",
        b"x-rewrite-url",
    }
)
_PROTECTED = frozenset({b"host", b"content-length", b"transfer-encoding", b"authorization", b"x-api-key"})


class RequestForm:
    """Refuses what two parsers could read differently, and rebuilds the head from what is left."""

    def requestheaders(self, flow: HTTPFlow) -> None:
        request = flow.request.data
        fields = request.headers.fields
        if not all(_VALUE.fullmatch(value) for _, value in fields):
            raise Refusal(400, "a header holds control characters")
        if not _METHOD.fullmatch(request.method):
            raise Refusal(400, "the method is malformed: it is written in capital letters")
        if len(flow.request.headers.get_all("content-type")) > 1:
            raise Refusal(400, "a body has one Content-Type")
        if not _TARGET.fullmatch(request.path):
            raise Refusal(400, "the request target is malformed")
        for name, value in fields:
            if name.lower() == b"transfer-encoding" and value.lower() != b"chunked":
                raise Refusal(400, "no transfer coding but chunked is let through")
            if name.lower() == b"expect" and value.lower() != b"100-continue":
                raise Refusal(400, "no expectation but 100-continue is let through")
        options = connection_options(request.headers)
        if options & _PROTECTED:
            raise Refusal(400, "the Connection header names a header that must stay")
        kept = [(name, value) for name, value in fields if name.lower() not in _DROPPED | options]
        kept.append((b"Accept-Encoding", b"identity"))
        if b"close" in options:
            kept.append((b"Connection", b"close"))
        request.headers = Headers(kept)


def connection_options(headers: Headers) -> frozenset[bytes]:
    """What the Connection headers nominate as meant for the next hop only (RFC 9110 section 7.6.1), lower case."""
    values = [value for name, value in headers.fields if name.lower() == b"connection"]
    return frozenset(option.strip().lower() for value in values for option in value.split(b","))
