from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ironcurtain_tui.events import Decision
from ironcurtain_tui.policy.action import HttpRequest, ToolCall, Tunnel
from ironcurtain_tui.policy.decide import HostRules, Policy
from ironcurtain_tui.policy.endpoint import Endpoint

POLICY = Policy(
    [
        HostRules(
            name="example",
            host="api.example.org",
            endpoints=(
                Endpoint(method="POST", path="/v1/messages", query=("beta",)),
                Endpoint(method="GET", path="/v1/models/*"),
                Endpoint(method="GET", path="/settings", answer=404),
            ),
        )
    ]
)


def ask(
    method: str = "POST", path: str = "/v1/messages", query: str = "", host: str = "api.example.org", port: int = 443
) -> HttpRequest:
    return HttpRequest(host=host, port=port, method=method, path=path, query=query)


def test_a_listed_endpoint_is_allowed_and_names_its_rule() -> None:
    verdict = POLICY.decide(ask(query="beta=true"))
    assert (verdict.decision, verdict.rule, verdict.reason) == (Decision.ALLOW, "example: POST /v1/messages", "")
    assert POLICY.decide(ask("GET", "/v1/models/one")).decision is Decision.ALLOW


def test_an_answered_endpoint_is_answered_whatever_its_query() -> None:
    verdict = POLICY.decide(ask("GET", "/settings", "x=1"))
    assert (verdict.decision, verdict.answer_status) == (Decision.ANSWER, 404)


def test_every_denial_says_why() -> None:
    for action, rule, words in (
        (ask(host="example.org"), "unlisted-host", "example.org is not a host"),
        (ask(port=80), "unlisted-host", "not a host"),
        (ask(path="/v1/files"), "unlisted-endpoint", "POST /v1/files is not an endpoint"),
        (ask(method="post"), "unlisted-endpoint", "post /v1/messages"),
        (ask(path="/v1/../v1/messages"), "non-canonical-path", "two ways"),
        (ask(query="key=1"), "unlisted-query", "query"),
        (Tunnel(host="example.org", port=443), "unlisted-host", "example.org"),
        (Tunnel(host="api.example.org", port=22), "unlisted-port", "443 only, not 22"),
        (ToolCall(server="git", tool="push", arguments={}), "default-deny", "no rule"),
    ):
        verdict = POLICY.decide(action)
        assert (verdict.decision, verdict.rule) == (Decision.DENY, rule)
        assert words in verdict.reason


def test_a_tunnel_to_a_listed_host_is_allowed_in_any_case() -> None:
    assert POLICY.decide(Tunnel(host="API.Example.ORG", port=443)).decision is Decision.ALLOW


def test_a_long_path_is_quoted_in_part_with_its_length() -> None:
    reason = POLICY.decide(ask(path="/" + "x" * 50_000)).reason
    assert len(reason) < 400
    assert "50001 characters" in reason


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40), st.text(max_size=40), st.integers())
def test_nothing_else_is_allowed(host: str, method: str, path: str, query: str, port: int) -> None:
    assert POLICY.decide(ask(method, path, query, host, port)).decision is Decision.DENY
    assert POLICY.decide(Tunnel(host=host, port=port)).decision is Decision.DENY
    assert POLICY.decide(ask(method, path, query)).decision is Decision.DENY
