"""Takes over the policy of the original IronCurtain: its compiled rules, dynamic lists and tool annotations.

Formats: the types of provos/ironcurtain, src/pipeline/types.ts, and the files under src/config/generated.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.events import Decision
from ironcurtain_tui.policy.annotations import Argument, ServerAnnotations, ToolAnnotation, When
from ironcurtain_tui.policy.document import render_annotations, render_rule, toml
from ironcurtain_tui.policy.roles import Role
from ironcurtain_tui.policy.rules import LONGEST_NAME, Rule, ToolRule, escaped

SOURCE = "Taken over from the original IronCurtain."
POLICY, LISTS, ANNOTATIONS = "compiled-policy.json", "dynamic-lists.json", "tool-annotations.json"


class _Json(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An object of theirs; fields we do not know are ignored here and reported from the raw file."""


class _Within(_Json, frozen=True, kw_only=True):
    roles: tuple[Role, ...]
    within: str


class _Allowed(_Json, frozen=True, kw_only=True):
    roles: tuple[Role, ...]
    allowed: tuple[str, ...]


class _If(_Json, frozen=True, kw_only=True):
    roles: tuple[Role, ...] | None = None
    server: tuple[str, ...] = ()
    tool: tuple[str, ...] = ()
    paths: _Within | None = None
    domains: _Allowed | None = None
    lists: tuple[_Allowed, ...] = ()
    side_effects: bool | None = None


class _CompiledRule(_Json, frozen=True, kw_only=True):
    name: str
    condition: _If = msgspec.field(name="if")
    then: Decision
    reason: str = ""


class _Compiled(_Json, frozen=True, kw_only=True):
    rules: tuple[dict[str, object], ...]


class _List(_Json, frozen=True, kw_only=True):
    values: tuple[str, ...] = ()
    manual_additions: tuple[str, ...] = ()
    manual_removals: tuple[str, ...] = ()


class _Lists(_Json, frozen=True, kw_only=True):
    lists: dict[str, _List] = {}


class _Servers(_Json, frozen=True, kw_only=True):
    servers: dict[str, dict[str, object]] = {}


@dataclass
class Imported:
    """What came of an import. ``notes`` say what could not be taken over, or means something else now."""

    policy: str = ""
    """The text of a policy file."""
    annotations: dict[str, str] = field(default_factory=dict)
    """Server and the text of its table."""
    notes: list[str] = field(default_factory=list)


def convert(files: Mapping[str, bytes], known: Mapping[str, ServerAnnotations]) -> Imported:
    """Convert their files (by name; each may be missing). ``known``: the tables that are there already, which win.

    UserFacingError when a file is not what its name says.
    """
    result = Imported()
    lists = _read(files, LISTS, _Lists).lists if LISTS in files else {}
    if POLICY in files:
        _policy(_read(files, POLICY, _Compiled), lists, result)
    if ANNOTATIONS in files:
        for server, table in _read(files, ANNOTATIONS, _Servers).servers.items():
            _annotations(server, table, known.get(server, ServerAnnotations()), result)
    return result


def _policy(compiled: _Compiled, lists: Mapping[str, _List], result: Imported) -> None:
    rules: list[Rule] = []
    for number, raw in enumerate(compiled.rules, 1):
        name = str(raw.get("name", f"rule {number}"))
        condition = raw.get("if")
        unknown = set(condition) - _names(_If) if isinstance(condition, dict) else set()
        if unknown:
            result.notes.append(f"rule {name}: left out, its condition {', '.join(sorted(unknown))} is not known here")
            continue
        try:
            rules += _rules(msgspec.convert(raw, _CompiledRule), result.notes)
        except (msgspec.ValidationError, ValueError) as error:
            result.notes.append(f"rule {name}: left out: {error}")
    named = {name: _values(entry) for name, entry in lists.items()}
    for rule in rules:
        for pattern in (pattern for patterns in getattr(rule, "where", {}).values() for pattern in patterns):
            if pattern.startswith("@") and pattern[1:] not in named:
                named[pattern[1:]] = ()
                result.notes.append(f"list {pattern[1:]}: not among the dynamic lists; it is empty now")
    parts = [
        f"# {SOURCE} Its rules expect nothing behind them: what none fits is denied.",
        "defaults = false",
    ]
    if named:
        parts += ["\n[lists]", *(f"{toml(name)} = {toml(values)}" for name, values in named.items())]
    seen: set[str] = set()
    for rule in rules:
        name = next(each for each in _numbered(rule.name) if each not in seen)
        seen.add(name)
        parts.append("\n" + render_rule(msgspec.structs.replace(rule, name=name)).rstrip())
    result.policy = "\n".join(parts) + "\n"


def _rules(compiled: _CompiledRule, notes: list[str]) -> list[ToolRule]:
    """Ours for one of theirs: a condition on several roles of which each stands for itself becomes a rule a role."""
    condition = compiled.condition
    places = [
        (place.roles, (place.within,) if isinstance(place, _Within) else place.allowed)
        for place in (condition.paths, condition.domains)
        if place is not None
    ]
    allows = compiled.then is Decision.ALLOW
    if condition.side_effects is not None:
        if allows and not condition.tool:
            raise ValueError("it allows by side effects, which are not told apart here")
        notes.append(f"rule {compiled.name}: its condition on side effects is not known here and was dropped")
    remote = [tool for tool in condition.tool if any(word in tool for word in ("push", "pull", "fetch", "clone"))]
    if allows and remote and not (places or condition.lists):
        notes.append(f"rule {compiled.name}: allows {', '.join(remote)} for every remote and URL")
    base = ToolRule(
        name=compiled.name[: LONGEST_NAME - 30],
        then=compiled.then,
        reason=compiled.reason,
        server=tuple(map(escaped, condition.server)),
        tool=tuple(map(escaped, condition.tool)),
    )
    together = {role: entry.allowed for entry in condition.lists for role in entry.roles}
    wanted = [role for role in condition.roles or () if role is not Role.NONE]
    if not places and not together:
        return [msgspec.structs.replace(base, roles=tuple(wanted))]
    if len(places) > 1:
        raise ValueError("it has conditions on paths and on domains at once, which fit no value in the original either")
    wheres = [{role: patterns} for roles, patterns in places for role in roles if not wanted or role in wanted]
    if places and not wheres:
        raise ValueError("its conditions speak of different roles, so it fits nothing in the original either")
    wheres = [{**where, **together} for where in wheres] or [together]
    names = [f"{base.name} ({next(iter(where))})" if len(wheres) > 1 else base.name for where in wheres]
    return [
        msgspec.convert(msgspec.to_builtins(msgspec.structs.replace(base, name=name, where=where)), ToolRule)
        for name, where in zip(names, wheres, strict=True)
    ]


def _values(entry: _List) -> tuple[str, ...]:
    removed = set(entry.manual_removals)
    return tuple(value for value in dict.fromkeys((*entry.values, *entry.manual_additions)) if value not in removed)


def _annotations(server: str, table: Mapping[str, object], known: ServerAnnotations, result: Imported) -> None:
    if not server.replace("-", "").replace("_", "").isalnum():
        result.notes.append(f"server {server!r}: left out, its name cannot be that of a file")
        return
    tools = table.get("tools")
    taken: dict[str, ToolAnnotation] = {}
    for raw in tools if isinstance(tools, list) else []:
        tool = str(raw.get("toolName", "")) if isinstance(raw, dict) else ""
        try:
            if tool in known.tools:
                result.notes.append(f"tool {server}.{tool}: this program's own table is kept")
            elif tool:
                taken[tool] = _tool(raw)
        except (msgspec.ValidationError, ValueError, KeyError, TypeError) as error:
            result.notes.append(f"tool {server}.{tool}: left out: {error}")
    if taken:
        result.annotations[server] = render_annotations(ServerAnnotations(tools=taken), SOURCE)


def _tool(raw: Mapping[str, object]) -> ToolAnnotation:
    arguments = raw.get("args", {})
    if not isinstance(arguments, dict):
        raise TypeError("its arguments are not a table")
    comment = raw.get("comment", "")
    return ToolAnnotation(
        comment=comment if isinstance(comment, str) else "",
        arguments={name: _argument(given) for name, given in arguments.items()},
    )


def _argument(given: object) -> tuple[Role, ...] | Argument:
    if isinstance(given, list):
        return msgspec.convert(given, tuple[Role, ...])
    if not isinstance(given, dict):
        raise TypeError("roles are neither a list nor conditional")
    return Argument(
        roles=msgspec.convert(given["default"], tuple[Role, ...]),
        when=tuple(_when(each["condition"], each["roles"]) for each in given.get("when", [])),
    )


def _when(condition: Mapping[str, object], roles: object) -> When:
    ours = {"arg": "argument", "equals": "equals", "in": "one_of", "is": "being"}
    return msgspec.convert({"roles": roles, **{ours[key]: value for key, value in condition.items()}}, When)


def _read[Kind](files: Mapping[str, bytes], name: str, kind: Callable[..., Kind] | type[Kind]) -> Kind:
    try:
        return msgspec.json.decode(files[name], type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UserFacingError(f"{name} is not what its name says: {error}.", "Compile it again there.") from error


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name} ({number})" for number in itertools.count(2))


def _names(kind: type[msgspec.Struct]) -> set[str]:
    return {each.encode_name for each in msgspec.structs.fields(kind)}
