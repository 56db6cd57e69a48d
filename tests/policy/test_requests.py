"""Web requests and tunnels that are no provider's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.events import Decision
from ironcurtain_tui.policy.action import HttpRequest, Tunnel
from ironcurtain_tui.policy.decide import HostRules, PlacedRule, Policy
from ironcurtain_tui.policy.document import parse_policy
from ironcurtain_tui.policy.draft import generalise
from ironcurtain_tui.policy.endpoint import Endpoint
from ironcurtain_tui.policy.rules import RequestRule, Web, with_lists
from tests.policy.stage import decided

ALLOW, ASK, DENY = Decision.ALLOW, Decision.ESCALATE, Decision.DENY

RULES = """
[lists]
index = ["packages.example", "*.packages-files.example"]

[[rule]]
name = "packages"
on = "request"
host = "@index"
method = ["GET", "HEAD"]
path = ["/simple/*/", "/packages/**"]
then = "allow"

[[rule]]
name = "small talk"
on = "request"
host = "api.example.org"
port = [443, 8443]
method = "POST"
content_type = "application/json"
max_size = "1KiB"
then = "allow"

[[rule]]
name = "never admin"
on = "request"
host = "api.example.org"
path = "/admin/**"
then = "deny"
reason = "hands off"

[[rule]]
name = "never the secret"
on = "request"
host = "api.example.org"
path = ["/s:ecret", "/caf%C3%A9"]
then = "deny"

[[rule]]
name = "no programs"
on = "request"
host = "api.example.org"
method = "PUT"
content_type = "application/octet-stream"
then = "deny"

[[rule]]
name = "never there"
on = "request"
host = "*.evil.example"
then = "deny"
"""


def policy(text: str = RULES, hosts: tuple[HostRules, ...] = ()) -> Policy:
    document = parse_policy(text, "policy.toml")
    placed = [PlacedRule(origin="user", rule=with_lists(rule, document.lists)) for rule in document.rule]
    return Policy(hosts, placed, web=document.web or Web())


def ask(url: str, method: str = "GET", content_type: str = "", size: int | None = 0) -> HttpRequest:
    host, slash, path = url.partition("/")
    host, _, port = host.partition(":")
    path, _, query = (slash + path).partition("?")
    return HttpRequest(
        host=host,
        port=int(port or 443),
        method=method,
        path=path,
        query=query,
        content_type=content_type,
        content_length=size,
    )


JSON = "application/json; charset=utf-8"


@pytest.mark.parametrize(
    ("request_", "decision", "rule"),
    [
        (ask("packages.example/simple/requests/"), ALLOW, "user: packages"),
        (ask("files.packages-files.example/packages/a/b/c%20d.whl"), ALLOW, "user: packages"),
        (ask("packages-files.example/packages/x", "HEAD"), ALLOW, "user: packages"),
        (ask("packages.example/simple/a/b/"), ASK, "unlisted-host"),
        (ask("packages.example/simple/requests/", "POST"), ASK, "unlisted-host"),
        (ask("packages.example/packages/%2e%2e/x"), ASK, "unlisted-host"),
        (ask("packages.example/packages/a//b"), ASK, "unlisted-host"),
        (ask("packages.example:8443/simple/requests/"), ASK, "unlisted-host"),
        (ask("evilpackages.example/simple/x/"), ASK, "unlisted-host"),
        (ask("api.example.org/a", "POST", JSON, 1024), ALLOW, "user: small talk"),
        (ask("api.example.org:8443/a", "POST", JSON, 0), ALLOW, "user: small talk"),
        (ask("api.example.org/a", "POST", JSON, 1025), ASK, "unlisted-host"),
        (ask("api.example.org/a", "POST", JSON, None), ASK, "unlisted-host"),
        (ask("api.example.org/a", "POST", "text/html", 5), ASK, "unlisted-host"),
        (ask("api.example.org/admin/x"), DENY, "user: never admin"),
        (ask("api.example.org/x/../admin/y"), DENY, "user: never admin"),
        (ask("api.example.org/x%2fadmin"), DENY, "user: never admin"),
        (ask("api.example.org/%61dmin/x"), DENY, "user: never admin"),
        (ask("api.example.org/admin%3Ax"), ASK, "unlisted-host"),
        (ask("api.example.org/s%3aecret"), DENY, "user: never the secret"),
        (ask("api.example.org/caf%c3%a9"), DENY, "user: never the secret"),
        (ask("packages.example/packages/%61"), ASK, "unlisted-host"),
        (ask("api.example.org/a", "POST", "", 5), ASK, "unlisted-host"),
        (ask("api.example.org/a", "POST", "", None), ASK, "unlisted-host"),
        (ask("api.example.org/a", "POST", "", 0), ALLOW, "user: small talk"),
        (ask("api.example.org/upload", "PUT", "", 5), DENY, "user: no programs"),
        (ask("a.evil.example/"), DENY, "user: never there"),
        (ask("evil.example/"), DENY, "user: never there"),
        (ask("example.net/"), ASK, "unlisted-host"),
        (ask("127.0.0.1/"), DENY, "unlisted-host"),
        (ask("localhost/"), DENY, "unlisted-host"),
        (ask("2130706433/"), DENY, "unlisted-host"),
    ],
)  # fmt: skip
def test_requests(request_: HttpRequest, decision: Decision, rule: str) -> None:
    assert decided(policy().decide(request_)) == (decision, rule)


@pytest.mark.parametrize(
    ("host", "port", "decision"),
    [
        ("Packages.EXAMPLE", 443, ALLOW),
        ("packages.example", 22, ASK),
        ("api.example.org", 8443, ALLOW),
        ("evil.example", 443, DENY),
        ("example.net", 443, ASK),
        ("127.0.0.1", 443, DENY),
    ],
)
def test_tunnels(host: str, port: int, decision: Decision) -> None:
    assert policy().decide(Tunnel(host=host, port=port)).decision is decision


def test_unknown_hosts_are_denied_when_configured_so_or_when_nobody_watches() -> None:
    for action in (ask("example.net/"), Tunnel(host="example.net", port=443)):
        assert policy('[web]\nunknown_hosts = "deny"').decide(action).decision is DENY
        assert policy("").decide(action).decision is ASK
        verdict = policy("").decide(action, attended=False)
        assert verdict.decision is DENY
        assert "nobody" in verdict.reason


def test_a_listed_host_is_not_asked_about_when_nobody_watches_either() -> None:
    assert policy().decide(ask("packages.example/simple/requests/"), attended=False).decision is ALLOW


def test_a_persons_reason_is_told() -> None:
    assert policy().decide(ask("api.example.org/admin/x")).reason == "hands off"


def test_no_rule_changes_what_a_provider_may_be_asked() -> None:
    """A key would be put into whatever is sent there."""
    provider = HostRules(name="p", host="api.p.example", endpoints=(Endpoint(method="POST", path="/v1"),))
    text = '[[rule]]\nname = "a"\non = "request"\nhost = "*"\nthen = "allow"\n'
    assert policy(text, (provider,)).decide(ask("api.p.example/files")).decision is DENY
    assert policy(text.replace("allow", "deny"), (provider,)).decide(ask("api.p.example/v1", "POST")).decision is ALLOW


def test_a_draft_covers_the_directory_and_the_method() -> None:
    held = ask("example.net/a/b?secret=1", "POST", JSON, 10)
    rule = generalise(held)
    assert rule is not None
    assert policy().covers(rule, ask("example.net/a/c", "POST"))
    for other in ("example.net/b", "example.net/a/../b", "www.example.net/a/c", "example.net:8443/a/c"):
        assert not policy().covers(rule, ask(other, "POST")), other
    assert not policy().covers(rule, ask("example.net/a/c", "DELETE"))


def test_a_draft_takes_the_agents_stars_as_they_are() -> None:
    rule = generalise(ask("example.net/*/x"))
    assert rule is not None
    assert policy().covers(rule, ask("example.net/*/y"))
    assert not policy().covers(rule, ask("example.net/a/y"))


@pytest.mark.parametrize("action", [ask("example.net/a/../b"), ask("10.0.0.1/"), Tunnel(host="example.net", port=443)])
def test_there_is_no_draft_of_what_can_be_read_in_two_ways(action: HttpRequest | Tunnel) -> None:
    assert generalise(action) is None


TEXT = st.text(st.sampled_from("ab/*.%2eA;\\ \x00é"), max_size=12)


@given(TEXT, TEXT, st.sampled_from(["GET", "get", "POST", "*"]))
def test_a_draft_allows_nothing_above_its_directory(path: str, other: str, method: str) -> None:
    held = HttpRequest(host="example.net", port=443, method=method, path="/d/" + path)
    rule = generalise(held)
    if rule is None:
        return
    assert isinstance(rule, RequestRule)
    assert policy("").covers(rule, held)
    again = HttpRequest(host="example.net", port=443, method=method, path=other)
    if policy("").covers(rule, again):
        assert other.startswith("/d/")
        assert "/." not in other


@given(st.text(max_size=30), st.integers(0, 70000), st.text(max_size=30))
def test_without_rules_nothing_is_let_through(host: str, port: int, path: str) -> None:
    assert policy("").decide(HttpRequest(host=host, port=port, method="GET", path=path)).decision is not ALLOW


@pytest.mark.parametrize(
    ("tunnel", "decision", "blind"),
    [
        (Tunnel(host="ssh.example.org", port=22), ALLOW, True),
        (Tunnel(host="SSH.example.org", port=22), ALLOW, True),
        (Tunnel(host="ssh.example.org", port=443), ASK, False),
        (Tunnel(host="other.example.org", port=22), ASK, False),
    ],
)
def test_only_what_is_named_is_blind(tunnel: Tunnel, decision: Decision, blind: bool) -> None:
    verdict = policy('[web]\nblind = ["ssh.example.org:22"]\n').decide(tunnel)
    assert (verdict.decision, verdict.blind) == (decision, blind)


def test_what_is_denied_is_not_passed_on_unread_either() -> None:
    text = '[web]\nblind = ["ssh.evil.example:443"]\n' + RULES
    assert policy(text).decide(Tunnel(host="ssh.evil.example", port=443)).decision is DENY


@pytest.mark.parametrize("place", ["ssh.example.org", "10.0.0.1:22", "SSH.example.org:22", "ssh.example.org:0", "*:22"])
def test_blind_places_are_spelled_out(place: str) -> None:
    with pytest.raises(UserFacingError, match="host name and port"):
        policy(f'[web]\nblind = ["{place}"]\n')
