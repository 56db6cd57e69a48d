"""The rules of ``policy.toml``, and whether one fits what is asked. See default.toml for the format by example."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Literal
from urllib.parse import unquote

import msgspec

from ironcurtain_tui.events import Decision, Value
from ironcurtain_tui.policy import domains
from ironcurtain_tui.policy.action import HttpRequest, ToolCall
from ironcurtain_tui.policy.annotations import Element, Scalar, same
from ironcurtain_tui.policy.endpoint import is_host_name
from ironcurtain_tui.policy.roles import CASELESS, HOSTS, PATHS, RESOURCES, Role
from ironcurtain_tui.policy.surroundings import Surroundings, folded, within

HTTPS = 443
LONGEST_NAME = 200
_SIZE = re.compile(r"(\d+)\s*(B|KiB|MiB|GiB)")
_UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_TWO_READINGS = re.compile(
    r"[^\x21-\x7e]|[\\;]|//|/\.{1,2}(?:/|\Z)|%(?:2[fF]|5[cC]|25|[01]|7[fF])"
    r"|%(?:2[dDeE]|3[0-9]|[46][1-9a-fA-F]|[57][0-9aA]|5[fF]|7[eE])"
)
"""In a path: what servers are known to take for something else. In the second line, characters that need no encoding:
with or without it they are the same (RFC 3986 section 6.2.2.2)."""

Texts = str | tuple[str, ...]


class _Rule(Value, frozen=True, kw_only=True):
    name: str
    then: Decision
    reason: str = ""
    """Shown to the person and told to the agent."""

    def _check(self) -> None:
        if not self.name.strip() or len(self.name) > LONGEST_NAME or not self.name.isprintable():
            raise ValueError(f"name must be 1 to {LONGEST_NAME} printable characters")
        if self.then is Decision.ANSWER:
            raise ValueError("then must be allow, deny or escalate")


class ToolRule(_Rule, frozen=True, kw_only=True, tag_field="on", tag="tool"):
    """A rule on tool calls.

    It speaks of the elements (values in a role) that ``roles`` or ``where`` name, of every resource when there is
    neither. An element fits ``where`` when it matches one of its role's patterns and so do the elements of the
    other roles in ``where``: all of them for a rule that allows, any for one that does not.
    """

    server: Texts = ()
    tool: Texts = ()
    roles: tuple[Role, ...] = ()
    where: dict[Role, tuple[str, ...]] = msgspec.field(default_factory=dict)
    arguments: dict[str, Scalar] = msgspec.field(default_factory=dict)
    """Plain arguments the call must have, as in ``{ force = true }``; false fits one that is not given, too."""

    def __post_init__(self) -> None:
        self._check()
        for role, patterns in self.where.items():
            if role is Role.NONE:
                raise ValueError("where cannot name the role `none`")
            for pattern in patterns:
                _check_pattern(role, pattern)

    def names(self, call: ToolCall) -> bool:
        """Whether the rule is about this call at all."""
        return (
            _any_glob(self.server, call.server)
            and _any_glob(self.tool, call.tool)
            and all(same(call.arguments.get(name, False), value) for name, value in self.arguments.items())
        )

    def fits(self, element: Element | None, call: Sequence[Element], surroundings: Surroundings) -> bool:
        """Whether the rule decides on ``element`` of ``call``; on the call as such where ``element`` is None."""
        if element is None:
            return not self.roles and not self.where
        if not self.roles and not self.where:
            return element.role in RESOURCES
        if element.role not in self.where:
            return element.role in self.roles
        if not self._holds(element, surroundings):
            return False
        every = all if self.then is Decision.ALLOW else any
        others = [other for other in self.where if other is not element.role]
        return all(
            every(self._holds(each, surroundings) for each in call if each.role is other)
            for other in others
            if any(each.role is other for each in call)
        )

    def _holds(self, element: Element, surroundings: Surroundings) -> bool:
        """Whether the element matches. One that cannot be told may be what a rule forbids, never what it allows."""
        subject, role = element.subject, element.role
        if subject is None or (role is Role.GIT_REMOTE_URL and not domains.is_remote_subject(subject)):
            return self.then is not Decision.ALLOW
        if role is Role.FETCH_URL and self.then is not Decision.ALLOW:
            subject = subject.rpartition(":")[0] or subject  # an unusual port is no way around
        strict = self.then is Decision.ALLOW
        return any(_matches(role, pattern, subject, surroundings, strict=strict) for pattern in self.where[role])


class RequestRule(_Rule, frozen=True, kw_only=True, tag_field="on", tag="request"):
    """A rule on web requests. What is not said does not matter, but for the port, which is 443 then.

    In ``path`` a ``*`` stands for anything but a slash, ``**`` for anything. A path that can be read in two ways
    fits every rule that does not allow, and none that does. A rule that does not allow is also compared with the path
    as a server decodes it.
    """

    host: Texts
    port: int | tuple[int, ...] = HTTPS
    method: Texts = ()
    path: Texts = ()
    content_type: Texts = ()
    """Without parameters: ``application/json``, ``text/*``. Not asked of requests without body and type."""
    max_size: str = ""
    """Of the body, e.g. ``64KiB``; a body of unknown length is larger than that."""

    def __post_init__(self) -> None:
        self._check()
        for host in _texts(self.host):
            if not host.startswith("@") and not domains.is_pattern(host):
                raise ValueError(f"host must be a host name, `*.domain`, `*` or `@list`, not {host!r}")
        if not self.host:
            raise ValueError("host must not be empty")
        for path in _texts(self.path):
            if not path.startswith(("/", "*")):
                raise ValueError(f"path must begin with a slash, not {path!r}")
        if self.max_size and not _SIZE.fullmatch(self.max_size):
            raise ValueError("max_size must be written like '64KiB'")

    def leads_to(self, host: str, port: int) -> bool:
        """Whether the rule is about this host and port. ``host`` is lower case."""
        ports = (self.port,) if isinstance(self.port, int) else self.port
        return port in ports and any(domains.matches(pattern, host) for pattern in _texts(self.host))

    def fits(self, request: HttpRequest) -> bool:
        """Whether the rule decides on ``request``."""
        if not self.leads_to(request.host, request.port) or not _any_glob(self.method, request.method):
            return False
        if self.path:
            if not is_unambiguous(request.path):
                return self.then is not Decision.ALLOW
            if not any(self._path_fits(pattern, request.path) for pattern in _texts(self.path)):
                return False
        return self._body_fits(request)

    def _path_fits(self, pattern: str, path: str) -> bool:
        if _glob(pattern, "[^/]*").fullmatch(path):
            return True
        return self.then is not Decision.ALLOW and bool(_glob(unquote(pattern), "[^/]*").fullmatch(unquote(path)))

    @property
    def covers_host(self) -> bool:
        """Whether it decides on everything that is asked of its hosts."""
        return not (self.method or self.path or self.content_type or self.max_size)

    def _body_fits(self, request: HttpRequest) -> bool:
        media_type = request.content_type.partition(";")[0].strip().lower()
        untold = not media_type and (request.content_length == 0 or self.then is not Decision.ALLOW)
        if not untold and self.content_type and not _any_glob(self.content_type, media_type):
            return False
        if not self.max_size:
            return True
        if request.content_length is None:
            return self.then is not Decision.ALLOW
        return request.content_length <= size(self.max_size)


Rule = ToolRule | RequestRule


class Web(Value, frozen=True, kw_only=True):
    """Settings of web requests."""

    unknown_hosts: Literal["escalate", "deny"] = "escalate"
    """What happens to a request no rule is about. With nobody watching it is denied in any case."""
    blind: tuple[str, ...] = ()
    """``host:port`` that is passed on unread, whatever it speaks: of what is inside only the size is known."""
    private_networks: tuple[str, ...] = ()
    """Private addresses that may be reached all the same, when a host's name leads there: ``10.1.0.0/16``."""

    def __post_init__(self) -> None:
        for network in self.private_networks:
            ipaddress.ip_network(network)
        for place in self.blind:
            host, _, port = place.rpartition(":")
            if not is_host_name(host) or not re.fullmatch(r"[1-9][0-9]{0,4}", port):
                raise ValueError(f"{place!r} is no lower-case host name and port, like 'ssh.example.org:22'")

    def names(self, address: str) -> bool:
        """Whether ``address`` lies in one of the private networks that are named."""
        try:
            ip = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(ip in ipaddress.ip_network(network) for network in self.private_networks)


class PolicyDocument(Value, frozen=True, kw_only=True):
    """A policy file."""

    defaults: bool = True
    """Whether the rules that come with the program follow after these."""
    web: Web | None = None
    lists: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    """Named lists, for ``@name`` in the place of a pattern."""
    rule: tuple[Rule, ...] = ()


def size(text: str) -> int:
    """Bytes of ``64KiB`` and the like; ValueError for what is not written so."""
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError(f"not a size: {text!r}")
    return int(match[1]) * _UNITS[match[2]]


def is_unambiguous(path: str) -> bool:
    """Whether the path of a request has one reading only: no dot or empty segments, no encoded slashes or dots."""
    return path.startswith("/") and not _TWO_READINGS.search(path)


def escaped(literal: str) -> str:
    """A pattern that only ``literal`` itself fits."""
    text = literal.replace("\\", "\\\\").replace("*", "\\*")
    return f"\\{text}" if text.startswith("@") else text


def with_lists(rule: Rule, lists: Mapping[str, Sequence[str]]) -> Rule:
    """``rule`` with ``@name`` replaced by what is on the list. LookupError names a list that does not exist;
    ValueError says what an entry must look like.
    """
    if isinstance(rule, RequestRule):
        return msgspec.structs.replace(rule, host=_expanded(_texts(rule.host), lists))
    where = {role: _expanded(patterns, lists) for role, patterns in rule.where.items()}
    return msgspec.structs.replace(rule, where=where)


def _expanded(patterns: Sequence[str], lists: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    found: list[str] = []
    for pattern in patterns:
        if not pattern.startswith("@"):
            found.append(pattern)
        elif pattern[1:] in lists:
            found += lists[pattern[1:]]
        else:
            raise LookupError(f"there is no list called `{pattern[1:]}`")
    return tuple(found)


def _check_pattern(role: Role, pattern: str) -> None:
    if pattern.startswith("@"):
        return
    if role in PATHS and not pattern.startswith(("/", "~/")) and pattern != "~":
        raise ValueError(f"{role} must be a directory or file like `/srv/data` or `~/Documents`, not {pattern!r}")
    if role in HOSTS:
        local = role is Role.GIT_REMOTE_URL and pattern.startswith("/")
        if not local and not domains.is_pattern(pattern, paths=role is Role.GIT_REMOTE_URL):
            raise ValueError(f"{role} must be a host name, `*.domain`, `*` or `@list`, not {pattern!r}")


def _matches(role: Role, pattern: str, subject: str, surroundings: Surroundings, *, strict: bool) -> bool:
    """Unless ``strict``, also where only the case differs: some file systems and hosters know none."""
    if role in PATHS or (role is Role.GIT_REMOTE_URL and pattern.startswith("/")):
        directory = surroundings.resolve(pattern)
        if directory is None or not subject.startswith("/"):
            return False
        return within(subject, directory) or (not strict and within(folded(subject), folded(directory)))
    if role in HOSTS:
        return domains.matches(pattern, subject, caseless=not strict)
    return _glob(pattern.lower() if role in CASELESS else pattern).fullmatch(subject) is not None


def _texts(texts: Texts) -> tuple[str, ...]:
    return (texts,) if isinstance(texts, str) else texts


def _any_glob(patterns: Texts, text: str) -> bool:
    return not patterns or any(_glob(pattern).fullmatch(text) for pattern in _texts(patterns))


@lru_cache(maxsize=4096)
def _glob(pattern: str, star: str = ".*") -> re.Pattern[str]:
    parts = re.split(r"(\\.|\*+)", pattern)
    return re.compile("".join(_part(part, star) for part in parts), re.DOTALL)


def _part(part: str, star: str) -> str:
    if part.startswith("*"):
        return star if part == "*" else ".*"
    return re.escape(part[1:] if part.startswith("\\") and len(part) > 1 else part)
