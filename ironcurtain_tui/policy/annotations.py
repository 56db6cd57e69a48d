"""What the arguments of each tool mean: tables, one a server, and how a call is taken apart with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

from ironcurtain_tui.events import Value
from ironcurtain_tui.policy import domains
from ironcurtain_tui.policy.roles import CASELESS, PATHS, Role
from ironcurtain_tui.policy.surroundings import Surroundings

MOST_ELEMENTS = 1_000
"""Values of one call that are judged; a call with more is refused."""

Scalar = str | int | float | bool | None
Roles = Role | tuple[Role, ...]


class When(Value, frozen=True, kw_only=True):
    """Roles that hold only under a condition on an argument of the call; null counts as absent."""

    argument: str
    roles: Roles
    equals: Scalar | msgspec.UnsetType = msgspec.UNSET
    one_of: tuple[Scalar, ...] | msgspec.UnsetType = msgspec.UNSET
    being: Literal["present", "absent", "truthy", "falsy"] | msgspec.UnsetType = msgspec.UNSET

    def __post_init__(self) -> None:
        if sum(each is not msgspec.UNSET for each in (self.equals, self.one_of, self.being)) != 1:
            raise ValueError("a condition has exactly one of equals, one_of and being")

    def holds(self, arguments: Mapping[str, object]) -> bool:
        """Whether the condition is met by a call's arguments."""
        value = arguments.get(self.argument)
        if not isinstance(self.equals, msgspec.UnsetType):
            return same(value, self.equals)
        if not isinstance(self.one_of, msgspec.UnsetType):
            return any(same(value, each) for each in self.one_of)
        met = {"present": value is not None, "absent": value is None, "truthy": bool(value), "falsy": not value}
        return met[str(self.being)]


class Argument(Value, frozen=True, kw_only=True):
    """The long form of an argument's roles. The first condition that holds wins over ``roles``."""

    roles: Roles
    when: tuple[When, ...] = ()
    absent: str = ""
    """What the tool takes when the argument is not given; judged as if it were."""
    relative_to: str = ""
    """The argument that relative paths in this one count from; empty: the workspace."""

    def roles_for(self, arguments: Mapping[str, object]) -> tuple[Role, ...]:
        """The roles it has in this call."""
        return _many(next((each.roles for each in self.when if each.holds(arguments)), self.roles))


class ToolAnnotation(Value, frozen=True, kw_only=True):
    """One tool. Every argument it can have must be named."""

    comment: str = ""
    arguments: dict[str, Role | tuple[Role, ...] | Argument] = msgspec.field(default_factory=dict)

    def argument(self, name: str) -> Argument | None:
        """The long form of an argument's entry; None when there is none."""
        entry = self.arguments.get(name)
        return entry if entry is None or isinstance(entry, Argument) else Argument(roles=entry)


class ServerAnnotations(Value, frozen=True, kw_only=True):
    """All tools of one server."""

    local: bool | None = None
    """Whether its tools act on nothing but the paths and remotes they are given, so that within the workspace they are
    free. Not said: what the program's own table of this name says, else not."""
    tools: dict[str, ToolAnnotation] = msgspec.field(default_factory=dict)


ANY_SERVER = {
    "resources/read": ToolAnnotation(comment="Reads a resource.", arguments={"uri": Role.NONE}),
    "prompts/get": ToolAnnotation(comment="Gets a prompt.", arguments={"name": Role.NONE, "arguments": Role.NONE}),
}
"""What every server has besides its tools, as the gateway names it."""


@dataclass(frozen=True)
class Element:
    """One value of a call in one role."""

    argument: str
    role: Role
    value: str
    """As the agent wrote it."""
    subject: str | None
    """What rules are compared with: a real path, a host, ``host/owner/repository``. None: it cannot be told."""

    def __str__(self) -> str:
        leads = f" -> {self.subject}" if self.subject not in (None, self.value) else ""
        return f"{self.argument} ({self.role}): {_shortened(self.value)}{leads}"


class Unjudgeable(ValueError):  # noqa: N818 -- reads as what it says
    """A call that cannot be taken apart; the message is for the agent."""


def elements(
    annotation: ToolAnnotation, arguments: Mapping[str, object], surroundings: Surroundings
) -> tuple[Element, ...]:
    """Every value of a call in each of its roles. Unjudgeable when a value is none that its role can have."""
    found: list[Element] = []
    for name in annotation.arguments:
        argument = annotation.argument(name)
        if argument is None:
            continue
        roles = [role for role in argument.roles_for(arguments) if role is not Role.NONE]
        value = arguments.get(name)
        if value is None or value == "":
            value = argument.absent
        if not roles or value == "":
            continue
        base = _base(annotation, argument, arguments, surroundings)
        for text in _texts(name, value):
            found += [Element(name, role, text, subject_of(role, text, surroundings, base)) for role in roles]
            if len(found) > MOST_ELEMENTS:
                raise Unjudgeable(f"more than {MOST_ELEMENTS} values in one call")
    return tuple(found)


def subject_of(role: Role, value: str, surroundings: Surroundings, base: str = "") -> str | None:
    """What ``value`` stands for in ``role``; None when that cannot be told. ``base``: where relative paths start."""
    if role in PATHS:
        return surroundings.resolve(value, base)
    if role is Role.FETCH_URL:
        return domains.url_host(value)
    if role is Role.PROXY_DOMAIN:
        return value.lower().removesuffix(".")
    if role is Role.GIT_REMOTE_URL:
        return _remote(value, surroundings, base)
    return value.lower() if role in CASELESS else value


def path_like(value: object) -> Iterator[str]:
    """Every text in ``value``, however deep, that looks like a path."""
    match value:
        case str() if value.startswith(("/", "~", "./", "../")) or "/../" in value:
            yield value
        case str() if value.lower().startswith("file:"):
            yield "/" + value[5:].removeprefix("//localhost").lstrip("/")
        case dict():
            for member in value.values():
                yield from path_like(member)
        case list():
            for member in value:
                yield from path_like(member)


def _remote(value: str, surroundings: Surroundings, repository: str) -> str | None:
    """``host/path``, or the real path of a repository on this machine, or the URL as it is (which no pattern fits)."""
    if domains.is_remote_name(value):
        url = surroundings.remote_url(repository or surroundings.workspace, value)
        if url is None:
            return value
        value = url
    if value.startswith("-") or "::" in value:
        return None
    path = domains.remote_path(value)
    if path is not None:
        return surroundings.resolve(path, repository)
    return domains.remote_subject(value) or (value if "://" in value else None)


def _base(
    annotation: ToolAnnotation, argument: Argument, arguments: Mapping[str, object], surroundings: Surroundings
) -> str:
    if not argument.relative_to:
        return ""
    start = annotation.argument(argument.relative_to)
    value = arguments.get(argument.relative_to) or (start.absent if start else "")
    base = surroundings.resolve(value) if isinstance(value, str) and value else surroundings.workspace
    if base is None:
        raise Unjudgeable(f"it cannot be told where {argument.relative_to} leads")
    return base


def _texts(name: str, value: object) -> Iterator[str]:
    for each in value if isinstance(value, (list, tuple)) else (value,):
        if isinstance(each, bool) or not isinstance(each, (str, int, float)):
            raise Unjudgeable(f"{name} holds something that is neither text nor a list of texts")
        yield str(each)


def _many(roles: Roles) -> tuple[Role, ...]:
    return (roles,) if isinstance(roles, Role) else roles


def same(value: object, wanted: Scalar) -> bool:
    """Whether an argument has this value; ``true`` is not ``1``."""
    return value == wanted and isinstance(value, bool) == isinstance(wanted, bool)


def _shortened(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:200]}… ({len(text)} characters)"
