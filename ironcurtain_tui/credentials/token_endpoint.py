"""Where a refresh token buys new tokens (RFC 6749 section 6), as the agents themselves ask for them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from ironcurtain_tui.credentials.login import Login, Tokens, expiry_of
from ironcurtain_tui.credentials.secret import Secret

if TYPE_CHECKING:
    import httpx  # takes long to load, and most sessions renew nothing

SECONDS = 30.0
"""How long an answer may take."""
LARGEST = 1 << 20
"""Bytes of an answer that are read."""

_REVOKED = frozenset(
    {
        "invalid_grant",
        "refresh_token_expired",
        "refresh_token_invalidated",
        "refresh_token_reused",
        "token_expired",
    }
)
"""What authorization servers call a refresh token that is good for nothing any more."""


class RefreshRefused(Exception):  # noqa: N818 (an outcome)
    """The refresh token is not accepted: it was used, revoked, or has expired."""


class RefreshUnavailable(Exception):  # noqa: N818 (an outcome)
    """No answer that says anything about the token: the network, or the server. The text is fit to be shown."""


class _Answer(msgspec.Struct):
    access_token: str
    refresh_token: str | None = None
    expires_in: float | None = None
    id_token: str | None = None


class _NestedError(msgspec.Struct):
    code: str | None = None


class _Error(msgspec.Struct):
    error: str | _NestedError | None = None


type Transport = Callable[[], httpx.AsyncBaseTransport]
"""Opens the way out of this network, with verified TLS. May block; UserFacingError when there is none."""


def directly() -> httpx.AsyncBaseTransport:
    """The way out where there is no proxy."""
    import httpx

    return httpx.AsyncHTTPTransport()


@dataclass(frozen=True)
class TokenEndpoint:
    """One authorization server and the client we are to it: the agent whose log-in it is."""

    url: str
    client_id: str
    scope: bool = False
    """Whether the scopes are named again."""

    async def refresh(self, login: Login, transport: Transport) -> Tokens:
        """Spend the refresh token of ``login``: from here on only the answer is worth anything.

        RefreshRefused or RefreshUnavailable; UserFacingError when there is no ``transport``, before anything is sent.
        """
        import httpx

        if login.refresh is None:
            raise RefreshRefused
        form = {
            "grant_type": "refresh_token",
            "refresh_token": login.refresh.reveal(),
            "client_id": login.client_id or self.client_id,
        }
        if self.scope and login.scopes:
            form["scope"] = " ".join(login.scopes)
        way = await asyncio.to_thread(transport)
        try:
            async with (
                httpx.AsyncClient(timeout=SECONDS, transport=way) as client,
                client.stream("POST", self.url, json=form) as response,
            ):
                body = b""
                async for piece in response.aiter_bytes():
                    body += piece
                    if len(body) > LARGEST:
                        raise RefreshUnavailable("its answer is too large")
                return _read(response.status_code, body)
        except httpx.HTTPError as error:
            raise RefreshUnavailable(f"it cannot be reached ({type(error).__name__})") from None


def _read(status: int, body: bytes) -> Tokens:
    if status != 200:
        if status in (400, 401, 403) and _code(body) in _REVOKED:
            raise RefreshRefused
        raise RefreshUnavailable(f"it answered with status {status}")
    try:
        answer = msgspec.json.decode(body, type=_Answer)
        expires = expiry_of(answer.access_token) if answer.expires_in is None else time.time() + answer.expires_in
        refresh = Secret(answer.refresh_token) if answer.refresh_token else None
        return Tokens(Secret(answer.access_token), refresh, expires, answer.id_token or "")
    except (ValueError, msgspec.DecodeError):  # its text may quote a token
        raise RefreshUnavailable("its answer cannot be read") from None


def _code(body: bytes) -> str:
    try:
        error = msgspec.json.decode(body, type=_Error).error
    except (ValueError, msgspec.DecodeError):
        return ""
    return (error.code if isinstance(error, _NestedError) else error) or ""
