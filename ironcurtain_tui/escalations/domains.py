"""The tool by which the agent asks for a host while it runs."""

from __future__ import annotations

from ironcurtain_tui.events import Decision
from ironcurtain_tui.policy.action import Action, ToolCall
from ironcurtain_tui.policy.draft import READING
from ironcurtain_tui.policy.endpoint import is_host_name
from ironcurtain_tui.policy.rules import RequestRule

SERVER = "proxy"
REQUEST = "request_domain"
LIST = "list_domains"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

_NEVER = (".local", ".localhost", ".internal", ".localdomain", ".home.arpa")
"""Names that lead to this machine or its neighbours, if anywhere."""


def objection(host: str) -> str:
    """Why ``host`` can never be asked for; empty when it can."""
    if not is_host_name(host):
        return "give the full lower-case name of one host: no address, no port, no wildcard, no path"
    if host.endswith(_NEVER):
        return f"{host} is not a public name"
    return ""


def requested_rule(action: Action) -> RequestRule | None:
    """What approving ``action`` opens; None for anything but a request for a host."""
    if not isinstance(action, ToolCall) or (action.server, action.tool) != (SERVER, REQUEST):
        return None
    host, methods = action.arguments.get("host"), action.arguments.get("methods") or READING
    if not isinstance(host, str) or objection(host) or not isinstance(methods, list | tuple):
        return None
    wanted = tuple(each for each in METHODS if each in methods)
    name = f"{', '.join(wanted)} https://{host}/"
    return RequestRule(name=name, then=Decision.ALLOW, host=host, method=wanted) if wanted else None
