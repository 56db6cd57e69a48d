"""Gateways: a provider's tables under another base URL."""

from __future__ import annotations

import pytest

from ironcurtain_tui.events import Decision
from ironcurtain_tui.policy.action import HttpRequest, Tunnel
from ironcurtain_tui.policy.decide import Policy
from ironcurtain_tui.providers import PROVIDERS
from ironcurtain_tui.providers.gateway import BaseUrl, through

CALLS = [
    ("openai", "https://llm.corp.example/v1", "/v1/chat/completions"),
    ("openai", "https://llm.corp.example", "/chat/completions"),
    ("openai", "https://LLM.corp.example/team-a/openai/v1/", "/team-a/openai/v1/responses"),
    ("openai", "https://llm.corp.example:8443/v1", "/v1/models"),
    ("anthropic", "https://llm.corp.example/anthropic", "/anthropic/v1/messages"),
    ("google", "https://llm.corp.example/gemini", "/gemini/v1beta/models/m:generateContent"),
    ("openrouter", "https://llm.corp.example/api/v1", "/api/v1/messages"),
]


@pytest.mark.parametrize(("kind", "url", "path"), CALLS)
def test_the_endpoints_lie_below_the_base_url(kind: str, url: str, path: str) -> None:
    gateway = through(PROVIDERS[kind], url, "corp")
    policy = Policy(gateway.rules())
    port = gateway.hosts[0].port
    method = "GET" if path.endswith("models") else "POST"
    asked = HttpRequest(host="llm.corp.example", port=port, method=method, path=path)
    assert policy.decide(asked).decision is Decision.ALLOW
    assert policy.decide(Tunnel(host="llm.corp.example", port=port)).decision is Decision.ALLOW
    for other in (f"/other{path}", path.rpartition("/")[0], f"{path}/x/y"):
        elsewhere = HttpRequest(host="llm.corp.example", port=port, method=method, path=other)
        assert policy.decide(elsewhere).decision is Decision.DENY
    assert policy.decide(Tunnel(host="llm.corp.example", port=9)).decision is Decision.DENY
    assert gateway.base_url == url.lower().rstrip("/")
    assert gateway.known_as == kind


@pytest.mark.parametrize("kind", ["openai", "anthropic", "google", "openrouter"])
def test_nothing_goes_to_the_providers_own_host_any_more(kind: str) -> None:
    own = PROVIDERS[kind]
    gateway = through(own, "https://llm.corp.example/v1", kind)
    policy = Policy(gateway.rules())
    for endpoint in own.hosts[0].endpoints:
        path = endpoint.path.replace("*", "m")
        request = HttpRequest(host=own.hosts[0].name, port=443, method=endpoint.method, path=path)
        assert policy.decide(request).decision is Decision.ANSWER
    assert [host.name for host in gateway.hosts if host.credentials] == ["llm.corp.example"]
    assert gateway.login is None


def test_its_key_has_a_variable_of_its_own() -> None:
    assert through(PROVIDERS["openai"], "https://llm.corp.example", "my-llm").key_variable == "MY_LLM_API_KEY"
    assert through(PROVIDERS["openai"], "https://llm.corp.example", "openai").key_variable == "OPENAI_API_KEY"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "llm.corp.example",
        "http://llm.corp.example",
        "https://",
        "https://10.0.0.7/v1",
        "https://[::1]/v1",
        "https://localhost/v1",
        "https://user:password@llm.corp.example/v1",
        "https://llm.corp.example:0/v1",
        "https://llm.corp.example:70000/v1",
        "https://llm.corp.example:x/v1",
        "https://llm.corp.example/v1?key=x",
        "https://llm.corp.example/v1#x",
        "https://llm.corp.example/../v1",
        "https://llm.corp.example//v1",
        "https://llm.corp.example/%2e/v1",
        "https://llm.corp.example./v1",
        "https://llm.corp.example /v1",
        "https://llm.corp.example\n/v1",
    ],
)
def test_a_url_that_a_key_cannot_be_kept_to_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="must"):
        BaseUrl.read(url)


def test_a_provider_is_no_gateway_to_itself() -> None:
    with pytest.raises(ValueError, match="own"):
        through(PROVIDERS["openai"], "https://api.openai.com/v1", "x")
