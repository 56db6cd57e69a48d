from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ironcurtain_tui.credentials.login import ANTHROPIC_CLI, CLAUDE, CODEX, LoginFormat, Tokens, expiry_of, parse
from ironcurtain_tui.credentials.secret import Secret

ACCESS, REFRESH = "access-token-of-a-test", "refresh-token-of-a-test"


def jwt(claims: object) -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(each).encode()).decode().rstrip("=") for each in ({}, claims)]
    return ".".join([*parts, "signature"])


CLAUDE_DOCUMENT: dict[str, Any] = {
    "claudeAiOauth": {
        "accessToken": ACCESS,
        "refreshToken": REFRESH,
        "expiresAt": 1_800_000_000_000,
        "scopes": ["user:inference", "user:profile"],
        "subscriptionType": "max",
        "rateLimitTier": None,
    },
    "mcpOAuth": {"server|1": {"accessToken": "another"}},
}
CLI_DOCUMENT: dict[str, Any] = {
    "type": "oauth_token",
    "access_token": ACCESS,
    "refresh_token": REFRESH,
    "expires_at": 1_800_000_000,
    "organization": {"id": "o"},
}
CODEX_DOCUMENT: dict[str, Any] = {
    "auth_mode": "chatgpt",
    "OPENAI_API_KEY": None,
    "tokens": {
        "id_token": jwt({"email": "a@example.org"}),
        "access_token": jwt({"exp": 1_800_000_000}),
        "refresh_token": REFRESH,
        "account_id": "account-1",
        "new_field": 1,
    },
    "last_refresh": "2026-01-01T00:00:00Z",
    "agent_identity": {"x": [1, 2]},
}
DOCUMENTS = [(CLAUDE, CLAUDE_DOCUMENT), (ANTHROPIC_CLI, CLI_DOCUMENT), (CODEX, CODEX_DOCUMENT)]


@pytest.mark.parametrize(("login_format", "document"), DOCUMENTS)
def test_read(login_format: LoginFormat, document: dict[str, Any]) -> None:
    login = login_format.read(document)
    assert login is not None
    assert login.access.reveal() in (ACCESS, document.get("tokens", {}).get("access_token"))
    assert login.refresh is not None
    assert login.refresh.reveal() == REFRESH
    assert login.expires == 1_800_000_000
    assert login.is_fresh(1_799_999_000, 300)
    assert not login.is_fresh(1_799_999_800, 300)


@pytest.mark.parametrize(("login_format", "document"), DOCUMENTS)
def test_new_tokens_change_nothing_else(login_format: LoginFormat, document: dict[str, Any]) -> None:
    before = json.dumps(document)
    access = jwt({"exp": 1_900_000_000})
    renewed = login_format.renew(document, Tokens(Secret(access), Secret("next-refresh-token"), 1_900_000_000, "id"))
    assert json.dumps(document) == before
    login = login_format.read(renewed)
    assert login is not None
    assert (login.access.reveal(), login.expires) == (access, 1_900_000_000)
    assert login.refresh is not None
    assert login.refresh.reveal() == "next-refresh-token"
    changed = {"accessToken", "refreshToken", "expiresAt", "access_token", "refresh_token", "expires_at"}
    changed |= {"id_token", "last_refresh"}

    def rest(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: rest(each) for name, each in value.items() if name not in changed}
        return value

    assert rest(renewed) == rest(document)


def test_the_old_refresh_token_stays_when_there_is_no_new_one() -> None:
    for login_format, document in DOCUMENTS:
        login = login_format.read(login_format.renew(document, Tokens(Secret("x" * 20), None, None)))
        assert login is not None
        assert login.refresh is not None
        assert login.refresh.reveal() == REFRESH


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"claudeAiOauth": None},
        {"claudeAiOauth": {"accessToken": 5}},
        {"claudeAiOauth": {"accessToken": "short"}},
        {"claudeAiOauth": {"accessToken": "with a blank in it, and so no token"}},
        {"claudeAiOauth": {"accessToken": "with\nheader: injection"}},
        {"access_token": ACCESS, "type": "api_key"},
        {"tokens": None, "OPENAI_API_KEY": "sk-a-key-of-a-test"},
        {"auth_mode": "apikey", "tokens": CODEX_DOCUMENT["tokens"]},
    ],
)
def test_what_is_no_log_in(document: dict[str, Any]) -> None:
    for login_format, _ in DOCUMENTS:
        assert login_format.read(document) is None


@given(st.binary(max_size=200))
def test_nonsense_is_no_document(data: bytes) -> None:
    for login_format, _ in DOCUMENTS:
        assert parse(data, login_format) is None


JSON = st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda some: st.lists(some), max_leaves=5)
NAMES = st.sampled_from(
    ["claudeAiOauth", "tokens", "access_token", "accessToken", "refresh_token", "expiresAt", "type"]
)


@given(st.dictionaries(NAMES, JSON | st.dictionaries(NAMES, JSON)))
def test_any_document_is_read_without_an_error(document: dict[str, Any]) -> None:
    for login_format, _ in DOCUMENTS:
        login_format.read(document)


def test_expiry() -> None:
    assert expiry_of(jwt({"exp": 5})) == 5
    for text in ("", "a.b.c", "a.b", jwt({}), jwt([]), jwt({"exp": "soon"}), "a.%%%.c", "é.é.é"):
        assert expiry_of(text) is None
