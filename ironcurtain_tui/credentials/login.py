"""A log-in of an agent on this host, and the three documents such a thing is kept in. Pure.

Formats as written by Claude Code 2.1.330 (``.credentials.json``), the Anthropic CLI (``credentials/default.json``) and
Codex 0.169.0 (``auth.json``). Everything else in a document stays as it is.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from ironcurtain_tui.credentials.secret import Secret

Document = dict[str, Any]


@dataclass(frozen=True)
class Login:
    """What was issued to a person who logged in."""

    access: Secret
    """Sent with requests."""
    refresh: Secret | None = None
    """Buys the next pair of tokens, once; None when somebody else sees to that."""
    expires: float | None = None
    """Of ``access``, in seconds since the epoch; None when it is not told."""
    account: str = ""
    client_id: str = ""
    """Whom the tokens were issued to, where the document tells."""
    scopes: tuple[str, ...] = ()

    def is_fresh(self, now: float, margin: float) -> bool:
        """Whether it is valid for another ``margin`` seconds, as far as can be told."""
        return self.expires is None or now + margin < self.expires


@dataclass(frozen=True)
class Tokens:
    """The answer to a refresh."""

    access: Secret
    refresh: Secret | None
    """None: the old one stays valid."""
    expires: float | None
    id_token: str = ""


@dataclass(frozen=True)
class LoginFormat:
    """One kind of document."""

    read: Callable[[Document], Login | None]
    """None when it holds no log-in. Raises nothing on any JSON object."""
    renew: Callable[[Document, Tokens], Document]
    """A copy with these tokens in it."""


class _Claude(msgspec.Struct, rename="camel"):
    access_token: str
    refresh_token: str | None = None
    expires_at: float | None = None
    """Milliseconds."""
    scopes: list[str] | None = None
    client_id: str | None = None


class _ClaudeDocument(msgspec.Struct, rename="camel"):
    claude_ai_oauth: _Claude


def _read_claude(document: Document) -> Login | None:
    if (found := _converted(document, _ClaudeDocument)) is None:
        return None
    oauth = found.claude_ai_oauth
    expires = None if oauth.expires_at is None else oauth.expires_at / 1000
    return _login(oauth.access_token, oauth.refresh_token, expires, "", oauth.client_id, oauth.scopes)


def _renew_claude(document: Document, tokens: Tokens) -> Document:
    oauth: Document = {**document["claudeAiOauth"], "accessToken": tokens.access.reveal()}
    if tokens.refresh is not None:
        oauth["refreshToken"] = tokens.refresh.reveal()
    if tokens.expires is not None:
        oauth["expiresAt"] = int(tokens.expires * 1000)
    return {**document, "claudeAiOauth": oauth}


class _AnthropicDocument(msgspec.Struct):
    access_token: str
    refresh_token: str | None = None
    expires_at: float | None = None
    """Seconds."""
    type: str | None = None


def _read_anthropic(document: Document) -> Login | None:
    found = _converted(document, _AnthropicDocument)
    if found is None or found.type not in (None, "oauth_token"):
        return None
    return _login(found.access_token, found.refresh_token, found.expires_at)


def _renew_anthropic(document: Document, tokens: Tokens) -> Document:
    renewed: Document = {**document, "access_token": tokens.access.reveal()}
    if tokens.refresh is not None:
        renewed["refresh_token"] = tokens.refresh.reveal()
    if tokens.expires is not None:
        renewed["expires_at"] = int(tokens.expires)
    return renewed


class _CodexTokens(msgspec.Struct):
    access_token: str
    refresh_token: str | None = None
    account_id: str | None = None


class _CodexDocument(msgspec.Struct):
    tokens: _CodexTokens
    auth_mode: str | None = None


def _read_codex(document: Document) -> Login | None:
    found = _converted(document, _CodexDocument)
    if found is None or (found.auth_mode or "chatgpt") != "chatgpt":
        return None
    tokens = found.tokens
    return _login(tokens.access_token, tokens.refresh_token, expiry_of(tokens.access_token), tokens.account_id)


def _renew_codex(document: Document, tokens: Tokens) -> Document:
    held: Document = {**document["tokens"], "access_token": tokens.access.reveal()}
    if tokens.refresh is not None:
        held["refresh_token"] = tokens.refresh.reveal()
    if tokens.id_token:
        held["id_token"] = tokens.id_token
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    return {**document, "tokens": held, "last_refresh": now}


CLAUDE = LoginFormat(_read_claude, _renew_claude)
ANTHROPIC_CLI = LoginFormat(_read_anthropic, _renew_anthropic)
CODEX = LoginFormat(_read_codex, _renew_codex)


class _Claims(msgspec.Struct):
    exp: float | None = None


def expiry_of(token: str) -> float | None:
    """When a JSON Web Token (RFC 7519) expires; None when it does not tell, or is none. Nothing is verified."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        return msgspec.json.decode(claims, type=_Claims).exp
    except (ValueError, msgspec.DecodeError):
        return None


def parse(text: bytes | str, login_format: LoginFormat) -> tuple[Document, Login] | None:
    """The document and the log-in in it; None when there is none."""
    try:
        document = msgspec.json.decode(text, type=dict[str, Any])
    except (ValueError, msgspec.DecodeError):
        return None
    login = login_format.read(document)
    return None if login is None else (document, login)


def _converted[T](document: Mapping[str, object], kind: type[T]) -> T | None:
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError:
        return None


def _login(
    access: str,
    refresh: str | None,
    expires: float | None,
    account: str | None = "",
    client_id: str | None = "",
    scopes: list[str] | None = None,
) -> Login | None:
    if not _is_token(access):
        return None
    buys = Secret(refresh) if refresh and _is_token(refresh) else None
    return Login(Secret(access), buys, expires, account or "", client_id or "", tuple(scopes or ()))


def _is_token(text: str) -> bool:
    """Whether it can stand in a header: the syntax of RFC 6750 section 2.1 and a little more."""
    return 16 <= len(text) <= 16384 and text.isascii() and text.isprintable() and " " not in text
