"""Everything the agent asks of the outside, as one kind of value."""

from __future__ import annotations

from ironcurtain_tui.events import Decision, Value
from ironcurtain_tui.packages.package import Package


class HttpRequest(Value, frozen=True, tag_field="action", tag="http"):
    """A request inside a TLS-terminated tunnel, after parsing and normalising. Holds no header values.

    ``path`` is the request target as sent, query cut off; ``query`` what was cut off, without ``?``.
    """

    host: str
    port: int
    method: str
    path: str
    query: str = ""
    content_type: str = ""
    content_length: int | None = None
    """None when chunked."""
    package: Package | None = None
    """What it is about, where the proxy knows it for a request to a package registry."""


class Tunnel(Value, frozen=True, tag_field="action", tag="tunnel"):
    """A CONNECT to ``host:port``, before anything is dialled. Both as the agent spelled them, bounded."""

    host: str
    port: int
    registry: str = ""
    """Kind of the package registry behind the host, where the proxy knows it for one."""


class ToolCall(Value, frozen=True, tag_field="action", tag="tool"):
    """An MCP tool call."""

    server: str
    tool: str
    arguments: dict[str, object]


Action = HttpRequest | Tunnel | ToolCall


class Verdict(Value, frozen=True):
    """What the policy says of an action, and why."""

    decision: Decision
    reason: str = ""
    """For the person and for the agent; empty only when allowed."""
    rule: str = ""
    """Name of the rule that decided."""
    answer_status: int = 0
    """The status to answer locally with, with Decision.ANSWER or instead of 403."""
    digest: str = ""
    """Of what a person saw and approved; what is executed must have it. Empty when nobody was asked."""
    retry: bool = False
    """Whether asking again later may help."""
    blind: bool = False
    """Of a tunnel: it is passed on unread, because the person's policy names it so."""
