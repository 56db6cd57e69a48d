"""The decision on one action. Pure; whatever no rule allows is denied."""

from __future__ import annotations

from collections.abc import Iterable

from ironcurtain_tui.events import Decision, Value
from ironcurtain_tui.policy.action import Action, HttpRequest, ToolCall, Tunnel, Verdict
from ironcurtain_tui.policy.endpoint import Endpoint, is_canonical_path

SHOWN = 200
"""Characters of the agent's own words that a reason quotes at most."""


OWN_TOOLS = frozenset({("ironcurtain", "where_am_i")})
"""Server and tool: answered by the session itself, without any effect."""


class HostRules(Value, frozen=True):
    """What may be asked of one host. ``host`` is lower case."""

    name: str
    """Who stands behind the host, for the name of the rule: ``anthropic``."""
    host: str
    endpoints: tuple[Endpoint, ...]
    port: int = 443


class Policy:
    """All hosts a session may reach; every other is out of reach."""

    def __init__(self, hosts: Iterable[HostRules]) -> None:
        self._hosts = {rules.host: rules for rules in hosts}

    def decide(self, action: Action) -> Verdict:
        """The verdict on ``action``: allow, deny, or answer on the host."""
        match action:
            case Tunnel():
                return self._decide_tunnel(action)
            case HttpRequest():
                return self._decide_request(action)
            case ToolCall(server=server, tool=tool) if (server, tool) in OWN_TOOLS:
                return Verdict(decision=Decision.ALLOW, rule="own tools")
            case ToolCall():
                return _deny("no rule allows this tool", "default-deny")

    def _decide_tunnel(self, tunnel: Tunnel) -> Verdict:
        rules = self._hosts.get(tunnel.host.lower())
        if rules is None:
            return _deny(f"{_shown(tunnel.host)} is not a host this session may reach", "unlisted-host")
        if tunnel.port != rules.port:
            return _deny(f"{rules.host} may be reached on port {rules.port} only, not {tunnel.port}", "unlisted-port")
        return Verdict(decision=Decision.ALLOW, rule=f"{rules.name}: host {rules.host}")

    def _decide_request(self, request: HttpRequest) -> Verdict:
        rules = self._hosts.get(request.host)
        if rules is None or request.port != rules.port:
            return _deny(f"{_shown(request.host)} is not a host this session may reach", "unlisted-host")
        asked = f"{_shown(request.method)} {_shown(request.path)}"
        if not is_canonical_path(request.path):
            return _deny(f"{asked}: a path that can be read in two ways is not sent on", "non-canonical-path")
        endpoint = next((each for each in rules.endpoints if each.matches(request.method, request.path)), None)
        if endpoint is None:
            return _deny(f"{asked} is not an endpoint of {rules.host} this session may use", "unlisted-endpoint")
        rule = f"{rules.name}: {endpoint.method} {endpoint.path}"
        if endpoint.answer is not None:
            return Verdict(
                decision=Decision.ANSWER,
                reason=f"{asked} is answered on this machine and never sent",
                rule=rule,
                answer_status=endpoint.answer,
            )
        if not endpoint.allows_query(request.query):
            return _deny(f"{asked} may not be used with this query string", "unlisted-query")
        return Verdict(decision=Decision.ALLOW, rule=rule)


def _deny(reason: str, rule: str) -> Verdict:
    return Verdict(decision=Decision.DENY, reason=reason, rule=rule)


def _shown(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}… ({len(text)} characters)"
