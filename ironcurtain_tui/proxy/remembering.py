"""What is remembered of heads: everything but credentials, of which only the names of their headers stay."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from mitmproxy.http import Request, Response

from ironcurtain_tui.audit.patterns import SECRET_HEADERS
from ironcurtain_tui.audit.redact import MARK
from ironcurtain_tui.proxy.addons.credential_check import CREDENTIAL
from ironcurtain_tui.traffic.capture import Capture, Headers

_SECRET_PARAMETER = re.compile(r"(?:.*[-_.])?(?:key|sig|signature|code|pass|pwd)", re.IGNORECASE)
"""Beside what CREDENTIAL names: parameters of a query that open something."""


def remember_request(capture: Capture, request: Request) -> None:
    """The head as the agent sent it. Never fails."""
    capture.target = _without_secrets(_text(request.data.path))
    capture.request.head(_headers(request.data.headers.fields, _opens_something))


def remember_response(capture: Capture, response: Response) -> None:
    """The head as the agent gets it, with no key in it any more. Never fails."""
    capture.response.head(_headers(response.data.headers.fields, SECRET_HEADERS.__contains__))


def remember_answer(capture: Capture, response: Response) -> None:
    """A response of our own, whole. Never fails."""
    remember_response(capture, response)
    capture.response.feed(response.data.content or b"")


def _headers(fields: Iterable[tuple[bytes, bytes]], secret: Callable[[str], bool]) -> Headers:
    named = ((_text(name), value) for name, value in fields)
    return tuple((name, MARK if secret(name.lower()) else _text(value)) for name, value in named)


def _opens_something(name: str) -> bool:
    return name in SECRET_HEADERS or CREDENTIAL.fullmatch(name) is not None


def _without_secrets(target: str) -> str:
    path, mark, query = target.partition("?")
    return path + mark + "&".join(map(_parameter, query.split("&"))) if mark else path


def _parameter(parameter: str) -> str:
    name, equals, _ = parameter.partition("=")
    secret = CREDENTIAL.fullmatch(name.lower()) or _SECRET_PARAMETER.fullmatch(name)
    return f"{name}={MARK}" if equals and secret else parameter


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")
