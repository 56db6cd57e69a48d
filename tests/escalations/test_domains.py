from __future__ import annotations

import pytest

from ironcurtain_tui.escalations.domains import objection, requested_rule
from ironcurtain_tui.policy.action import HttpRequest, ToolCall


def ask(**arguments: object) -> ToolCall:
    return ToolCall(server="proxy", tool="request_domain", arguments=arguments)


@pytest.mark.parametrize(
    "host",
    ["", "localhost", "10.0.0.1", "0x7f.1", "[::1]", "a", "*.example.org", "Example.org", "example.org:443",
     "example.org/x", "x.local", "host.docker.internal", "metadata.google.internal", "a..b", "-a.org"],
)  # fmt: skip
def test_what_can_never_be_asked_for(host: str) -> None:
    assert objection(host)
    assert requested_rule(ask(host=host)) is None


def test_reading_is_what_is_opened_unless_more_is_asked() -> None:
    rule = requested_rule(ask(host="docs.example.org", reason="r"))
    assert rule is not None
    assert rule.method == ("GET", "HEAD")
    wider = requested_rule(ask(host="docs.example.org", methods=["POST", "NONSENSE"]))
    assert wider is not None
    assert wider.method == ("POST",)
    assert wider.fits(HttpRequest(host="docs.example.org", port=443, method="POST", path="/any/%2e"))
    assert not wider.fits(HttpRequest(host="docs.example.org", port=80, method="POST", path="/"))


def test_other_calls_open_nothing() -> None:
    assert requested_rule(ToolCall(server="other", tool="request_domain", arguments={"host": "a.org"})) is None
