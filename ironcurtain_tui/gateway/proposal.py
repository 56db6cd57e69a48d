"""Guesses what the arguments of an unknown server's tools mean, for a person to read and correct. Pure.

A guess errs on the strict side: whatever looks like a path that might be written is taken for one that is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from mcp.types import Tool

from ironcurtain_tui.policy.annotations import ServerAnnotations, ToolAnnotation
from ironcurtain_tui.policy.document import toml
from ironcurtain_tui.policy.roles import Role

_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")

_DELETING = frozenset(["delete", "remove", "rm", "unlink", "destroy", "purge", "erase", "drop", "clear", "trash"])
_WRITING = frozenset(
    [
        "write",
        "create",
        "edit",
        "update",
        "append",
        "save",
        "move",
        "copy",
        "mkdir",
        "put",
        "set",
        "insert",
        "replace",
        "patch",
        "modify",
        "rename",
        "add",
        "store",
    ]
)
_MOVING = frozenset(["move", "mv", "rename"])
_READING = frozenset(
    [
        "read",
        "get",
        "list",
        "show",
        "search",
        "find",
        "stat",
        "info",
        "tree",
        "cat",
        "view",
        "describe",
        "diff",
        "log",
        "status",
        "head",
        "tail",
    ]
)
_REWRITING = frozenset(
    [
        "commit",
        "checkout",
        "merge",
        "rebase",
        "reset",
        "tag",
        "stash",
        "cherry",
        "pull",
        "fetch",
        "init",
        "branch",
        "add",
        "push",
    ]
)

_PATHS = frozenset(
    ["path", "paths", "file", "files", "filename", "filepath", "dir", "directory", "folder", "root", "cwd"]
)
_SOURCES = frozenset(["source", "src", "from", "old", "origin"])
_TARGETS = frozenset(["destination", "dest", "dst", "target", "to", "new", "output", "out"])
_URLS = frozenset(["url", "urls", "uri", "uris", "link", "href", "endpoint", "webhook"])
_HOSTS = frozenset(["domain", "domains", "host", "hostname", "site"])
_MAIL = frozenset(["email", "emails", "recipient", "recipients", "to", "cc", "bcc", "attendee", "attendees"])
_OPEN_KINDS = frozenset({"string", "array", "object", ""})


def propose(tools: Iterable[Tool]) -> ServerAnnotations:
    """Roles for every argument of every tool."""
    return ServerAnnotations(tools={tool.name: _annotation(tool) for tool in tools})


def render(server: str, annotations: ServerAnnotations) -> str:
    """The proposal as the annotation file of ``server``."""
    lines = [
        f"# What the arguments of the tools of {server} mean: a guess. Read it through and correct what is wrong.",
        f"# Roles: {', '.join(Role)}.",
        '# An argument may have several: ["read-path", "write-path"]. What has no role is not judged.',
    ]
    for name, annotation in annotations.tools.items():
        lines += ["", f"[tools.{_key(name)}]", f"comment = {toml(annotation.comment)}"]
        if annotation.arguments:
            lines.append(f"[tools.{_key(name)}.arguments]")
        for argument, roles in annotation.arguments.items():
            value = [str(role) for role in roles] if isinstance(roles, tuple) else str(roles)
            lines.append(f"{_key(argument)} = {toml(value)}")
    return "\n".join(lines) + "\n"


def _annotation(tool: Tool) -> ToolAnnotation:
    properties = tool.inputSchema.get("properties")
    described = properties.items() if isinstance(properties, Mapping) else ()
    words = _words(tool.name)
    return ToolAnnotation(
        comment=" ".join("".join(c if c.isprintable() else " " for c in tool.description or "").split())[:120],
        arguments={str(name): _roles(tool, words, str(name), schema) for name, schema in described},
    )


def _roles(tool: Tool, doing: frozenset[str], name: str, schema: object) -> Role | tuple[Role, ...]:
    described: Mapping[str, Any] = schema if isinstance(schema, Mapping) else {}
    words = _words(name)
    if not _kinds(described) & _OPEN_KINDS or "enum" in described:
        return Role.NONE
    if described.get("format") in {"uri", "url"} or words & _URLS:
        return Role.GIT_REMOTE_URL if doing & {"clone", "git", "remote"} else Role.FETCH_URL
    if described.get("format") == "email" or (words & _MAIL and doing & {"mail", "email", "send", "draft", "invite"}):
        return Role.EMAIL_ADDRESS
    if "git" in doing and words & {"remote", "upstream"}:
        return Role.GIT_REMOTE_URL
    if words & {"repo", "repository"}:
        return _repository(doing, words)
    if words & _PATHS or (words & (_SOURCES | _TARGETS) and doing & (_MOVING | {"copy", "file", "directory"})):
        return _path(tool, doing, words)
    return _other(doing, words)


def _repository(doing: frozenset[str], words: frozenset[str]) -> Role | tuple[Role, ...]:
    if not words & _PATHS:
        return Role.GITHUB_REPO
    if doing & _DELETING:
        return Role.DELETE_HISTORY
    return Role.WRITE_HISTORY if doing & _REWRITING else Role.READ_PATH


def _path(tool: Tool, doing: frozenset[str], words: frozenset[str]) -> Role | tuple[Role, ...]:
    if words & _SOURCES:
        return (Role.READ_PATH, Role.DELETE_PATH) if doing & _MOVING else Role.READ_PATH
    if words & _TARGETS:
        return Role.WRITE_PATH
    if doing & _DELETING:
        return Role.DELETE_PATH
    if doing & {"edit", "update", "append", "patch", "modify"}:
        return (Role.READ_PATH, Role.WRITE_PATH)
    if doing & _WRITING:
        return Role.WRITE_PATH
    if doing & _READING or (tool.annotations and tool.annotations.readOnlyHint):
        return Role.READ_PATH
    return (Role.READ_PATH, Role.WRITE_PATH)


def _other(doing: frozenset[str], words: frozenset[str]) -> Role:
    meanings = (
        (words & _HOSTS, Role.PROXY_DOMAIN),
        (words & {"owner", "org", "organization", "organisation"}, Role.GITHUB_OWNER),
        (words & {"branch", "branches", "ref"}, Role.BRANCH_NAME),
        (words & {"message", "title"} and "commit" in doing | words, Role.COMMIT_MESSAGE),
        (words & {"body", "html", "text"} and doing & {"mail", "email", "draft"}, Role.EMAIL_BODY),
        (words & {"permission", "permissions", "role", "visibility"}, Role.SHARE_PERMISSION),
    )
    return next((role for meant, role in meanings if meant), Role.NONE)


def _kinds(schema: Mapping[str, Any]) -> frozenset[str]:
    """JSON types a schema allows, one level deep; the empty one for a schema that does not say."""
    kind = schema.get("type")
    if isinstance(kind, list):
        return frozenset(map(str, kind))
    if isinstance(kind, str):
        return frozenset({kind})
    options = [each for key in ("anyOf", "oneOf") for each in schema.get(key, ()) if isinstance(each, Mapping)]
    return frozenset(str(each.get("type", "")) for each in options) or frozenset({""})


def _words(name: str) -> frozenset[str]:
    return frozenset(word.lower() for word in _WORDS.findall(name))


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else toml(key)
