"""A rule that allows what a person approved, and the same again on the same resource."""

from __future__ import annotations

from collections.abc import Iterable

from ironcurtain_tui.events import Decision
from ironcurtain_tui.policy import domains
from ironcurtain_tui.policy.action import Action, HttpRequest, ToolCall
from ironcurtain_tui.policy.annotations import Element, Scalar
from ironcurtain_tui.policy.endpoint import is_host_name
from ironcurtain_tui.policy.roles import HOSTS, PATHS, RESOURCES, Role
from ironcurtain_tui.policy.rules import LONGEST_NAME, RequestRule, Rule, ToolRule, escaped, is_unambiguous

READING = ("GET", "HEAD")
_FREE_TEXT = frozenset({Role.COMMIT_MESSAGE, Role.EMAIL_BODY})
"""Differs from call to call; a rule that holds it fixed would never fit again."""


def generalise(action: Action, found: Iterable[Element] = (), known: Iterable[str] = ()) -> Rule | None:
    """The rule; None when there is none that would be safe or fit.

    The same tool of the same server with the same paths, hosts, repositories, branches, addresses and switches
    (``force``), and nothing that was not given; or the same method at the same host, below the same directory.
    ``found``: what ``Policy.elements`` says of a tool call; ``known``: all arguments that it could have.
    """
    if isinstance(action, ToolCall):
        return _tool_rule(action, tuple(found), known)
    if isinstance(action, HttpRequest) and action.package is None:  # of a package, this one version was approved
        return _request_rule(action)
    return None


def _tool_rule(call: ToolCall, found: tuple[Element, ...], known: Iterable[str]) -> ToolRule | None:
    where: dict[Role, tuple[str, ...]] = {}
    for element in found:
        if element.role in _FREE_TEXT:
            continue
        pattern = _pattern(element)
        if pattern is None:
            return None
        where[element.role] = tuple(dict.fromkeys((*where.get(element.role, ()), pattern)))
    resources = ", ".join(dict.fromkeys(pattern for patterns in where.values() for pattern in patterns))
    return ToolRule(
        name=_name(f"{call.server}.{call.tool}" + (f" on {resources}" if resources else "")),
        then=Decision.ALLOW,
        server=escaped(call.server),
        tool=escaped(call.tool),
        where=where,
        arguments=_switches(call, found, known),
    )


def _switches(call: ToolCall, found: tuple[Element, ...], known: Iterable[str]) -> dict[str, Scalar]:
    """What must be given again as it was: ``where`` says nothing of a call that leaves it out, or gives more."""
    goes_along = {each.argument for each in found if each.role not in RESOURCES | _FREE_TEXT}
    given: dict[str, Scalar] = {
        name: value
        for name, value in call.arguments.items()
        if isinstance(value, bool) or (name in goes_along and isinstance(value, str))
    }
    there = {*call.arguments, *(each.argument for each in found)}
    return given | {name: False for name in known if name not in there}


def _pattern(element: Element) -> str | None:
    subject, role = element.subject, element.role
    if subject is None:
        return None
    if role in PATHS or (role is Role.GIT_REMOTE_URL and subject.startswith("/")):
        return subject
    if role in HOSTS:
        return subject if domains.is_pattern(subject, paths=role is Role.GIT_REMOTE_URL) else None
    return escaped(subject)


def _request_rule(request: HttpRequest) -> RequestRule | None:
    if not is_unambiguous(request.path) or not is_host_name(request.host):
        return None
    methods = READING if request.method in READING else (escaped(request.method),)
    directory = request.path[: request.path.rfind("/") + 1]
    below = f"{escaped(directory)}**" if directory != "/" or request.path == "/" else escaped(request.path)
    return RequestRule(
        name=_name(f"{', '.join(methods)} {request.host}{below}"),
        then=Decision.ALLOW,
        host=request.host,
        port=request.port,
        method=methods,
        path=below,
    )


def _name(text: str) -> str:
    """``text`` as the name of a rule. What does not print is left out."""
    name = "".join(character for character in text if character.isprintable())
    return name if len(name) <= LONGEST_NAME - 10 else f"{name[: LONGEST_NAME - 11]}…"
