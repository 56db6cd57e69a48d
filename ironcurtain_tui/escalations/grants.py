"""Standing permissions of this session: what they cover, how long they last, how often they may still be used."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ironcurtain_tui.escalations.digest import canonical
from ironcurtain_tui.events import Grant, Value
from ironcurtain_tui.policy.action import Action, HttpRequest, ToolCall

READING = ("GET", "HEAD")


class WebScope(Value, frozen=True, tag_field="scope", tag="web"):
    """Requests to one host. ``path`` covers itself and what lies below it."""

    host: str
    port: int
    methods: tuple[str, ...]
    path: str = "/"

    def covers(self, action: Action) -> bool:
        """Whether ``action`` is such a request."""
        if not isinstance(action, HttpRequest) or (action.host, action.port) != (self.host, self.port):
            return False
        below = self.path if self.path.endswith("/") else f"{self.path}/"
        return action.method in self.methods and (action.path == self.path or action.path.startswith(below))

    def __str__(self) -> str:
        port = "" if self.port == 443 else f":{self.port}"
        return f"{', '.join(self.methods)} https://{self.host}{port}{self.path}{'*' if self.path.endswith('/') else ''}"


class ToolScope(Value, frozen=True, tag_field="scope", tag="tool"):
    """Calls of one tool with just these arguments."""

    server: str
    tool: str
    arguments: dict[str, object]

    def covers(self, action: Action) -> bool:
        """Whether ``action`` is such a call."""
        return (
            isinstance(action, ToolCall)
            and (action.server, action.tool) == (self.server, self.tool)
            and canonical(action.arguments) == canonical(self.arguments)
        )

    def __str__(self) -> str:
        return f"{self.server}.{self.tool} with the same arguments"


Scope = WebScope | ToolScope


class Lease(Value, frozen=True):
    """A grant with what it covers. ``expires`` in seconds since the epoch; None for no limit, as with ``uses_left``."""

    id: str
    scope: Scope
    given: float
    expires: float | None = None
    uses_left: int | None = None

    @property
    def host(self) -> str | None:
        """The host whose connections rest on it."""
        return self.scope.host if isinstance(self.scope, WebScope) else None

    def in_force(self, now: float) -> bool:
        """Whether it still covers anything at ``now``."""
        return (self.expires is None or now < self.expires) and self.uses_left != 0

    def shown(self, connections: int = 0) -> Grant:
        """The lease as viewers see it."""
        return Grant(
            id=self.id,
            covers=str(self.scope),
            given=self.given,
            expires=self.expires,
            uses_left=self.uses_left,
            connections=connections,
        )


def scope_of(action: Action) -> Scope:
    """What "the same again" means for ``action``: the same tool and arguments; the same host, method and directory."""
    if isinstance(action, HttpRequest):
        methods = READING if action.method in READING else (action.method,)
        return WebScope(host=action.host, port=action.port, methods=methods, path=_directory(action.path))
    if isinstance(action, ToolCall):
        return ToolScope(server=action.server, tool=action.tool, arguments=action.arguments)
    raise TypeError("a tunnel is never granted, only what is asked inside it")


def use(leases: Iterable[Lease], action: Action, now: float) -> tuple[tuple[Lease, ...], Lease | None]:
    """The leases in force after one of them was used for ``action``, and that one; None when none covers it.

    One that is not counted is preferred to one that is.
    """
    alive = [lease for lease in leases if lease.in_force(now)]
    covering = [lease for lease in alive if lease.scope.covers(action)]
    if not covering:
        return tuple(alive), None
    used = next((lease for lease in covering if lease.uses_left is None), covering[0])
    if used.uses_left is not None:
        used = msgspec.structs.replace(used, uses_left=used.uses_left - 1)
    after = tuple(used if lease.id == used.id else lease for lease in alive)
    return tuple(lease for lease in after if lease.in_force(now)), used


def _directory(path: str) -> str:
    return path[: path.rfind("/") + 1] or "/"
