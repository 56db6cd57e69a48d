"""What holds for the tables of all providers."""

from __future__ import annotations

from urllib.parse import urlsplit

import msgspec
import pytest

from ironcurtain_tui.events import Decision
from ironcurtain_tui.policy.action import HttpRequest
from ironcurtain_tui.policy.decide import Policy
from ironcurtain_tui.policy.endpoint import is_host_name
from ironcurtain_tui.providers import PROVIDERS
from ironcurtain_tui.providers.base import ModelEndpoint, Provider

ALL = [provider for each in PROVIDERS.values() for provider in ((each,) if each.login is None else (each, each.login))]
CALLS = [
    ("openai", "api.openai.com", "POST", "/v1/responses", ""),
    ("openai", "api.openai.com", "POST", "/v1/chat/completions", ""),
    ("openai", "api.openai.com", "GET", "/v1/models", ""),
    ("chatgpt", "chatgpt.com", "POST", "/backend-api/codex/responses", ""),
    ("chatgpt", "chatgpt.com", "GET", "/backend-api/codex/models", "client_version=0.169.0"),
    ("google", "generativelanguage.googleapis.com", "POST", "/v1beta/models/gemini-3-pro:generateContent", ""),
    ("google", "generativelanguage.googleapis.com", "POST", "/v1beta/models/g-3:streamGenerateContent", "alt=sse"),
    ("google", "generativelanguage.googleapis.com", "POST", "/v1beta/models/gemini-3-pro:countTokens", ""),
    ("openrouter", "openrouter.ai", "POST", "/api/v1/chat/completions", ""),
    ("openrouter", "openrouter.ai", "POST", "/api/v1/messages", "beta=true"),
    ("anthropic", "api.anthropic.com", "POST", "/v1/messages", "beta=true"),
]
NOT_CALLS = [
    ("openai", "api.openai.com", "POST", "/v1/files", ""),
    ("openai", "api.openai.com", "GET", "/v1/responses/resp_1", ""),
    ("openai", "api.openai.com", "POST", "/v1/responses", "key=x"),
    ("google", "generativelanguage.googleapis.com", "POST", "/v1beta/models/m:generateContent", "key=AIza"),
    ("google", "generativelanguage.googleapis.com", "POST", "/v1beta/models/a/b:generateContent", ""),
    ("google", "generativelanguage.googleapis.com", "POST", "/upload/v1beta/files", ""),
    ("google", "generativelanguage.googleapis.com", "POST", "/v1beta/models/m:batchGenerateContent", ""),
    ("google", "generativelanguage.googleapis.com", "POST", "/v1beta/cachedContents", ""),
    ("openrouter", "openrouter.ai", "GET", "/api/v1/key", ""),
    ("openrouter", "openrouter.ai", "POST", "/api/v1/keys", ""),
]


def judged(name: str, host: str, method: str, path: str, query: str) -> Decision:
    request = HttpRequest(host=host, port=443, method=method, path=path, query=query)
    return Policy(PROVIDERS[name].rules()).decide(request).decision


@pytest.mark.parametrize("call", CALLS)
def test_what_agents_call_is_let_through(call: tuple[str, str, str, str, str]) -> None:
    assert judged(*call) is Decision.ALLOW


@pytest.mark.parametrize("call", NOT_CALLS)
def test_nothing_else_is(call: tuple[str, str, str, str, str]) -> None:
    assert judged(*call) is Decision.DENY


@pytest.mark.parametrize("host", ["ab.chatgpt.com", "auth.openai.com", "chatgpt.com"])
def test_what_surrounds_the_model_is_answered_here(host: str) -> None:
    assert judged("chatgpt", host, "POST", "/otlp/v1/metrics", "") is Decision.ANSWER


@pytest.mark.parametrize("provider", ALL, ids=lambda each: each.key_prefix)
def test_a_host_without_a_key_is_sent_nothing(provider: Provider) -> None:
    assert provider.hosts[0].credentials
    assert urlsplit(provider.base_url).hostname == provider.hosts[0].name
    for host in provider.hosts:
        assert is_host_name(host.name)
        assert host.credentials or all(each.answer is not None for each in host.endpoints)
        assert all(each.method == "POST" for each in host.endpoints if isinstance(each, ModelEndpoint))


@pytest.mark.parametrize("provider", ALL, ids=lambda each: each.key_prefix)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 415, 426, 429, 502])
def test_every_provider_has_a_form_for_errors(provider: Provider, status: int) -> None:
    body = msgspec.json.decode(provider.error_body(status, "what happened"))
    assert body["error"]["message"] == "what happened"


def test_no_two_providers_share_a_name_a_variable_or_a_host() -> None:
    hosts = [host.name for each in PROVIDERS.values() for host in each.hosts]
    variables = [each.key_variable for each in PROVIDERS.values() if each.key_variable]
    prefixes = [each.key_prefix for each in ALL]
    for names in (hosts, variables, prefixes):
        assert len(names) == len(set(names))
