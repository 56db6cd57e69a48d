"""Whether the person's own words ask for just what the agent wants to do. Pure, and only ever in favour of asking.

What is looked at: the words, the name of the tool, and what its arguments name (paths, hosts, remotes, owners). Text
that the agent wrote for somebody to read, such as a commit message, is never looked at: a call with any is left to
the person.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ironcurtain_tui.events import Value
from ironcurtain_tui.policy.action import Action, ToolCall
from ironcurtain_tui.policy.annotations import Element
from ironcurtain_tui.policy.domains import is_remote_name
from ironcurtain_tui.policy.roles import PATHS, RESOURCES, Role
from ironcurtain_tui.policy.surroundings import within

FRESH_SECONDS = 120.0
"""How long words count."""
LONGEST = 200
"""Characters of anything an action names; with more of them it is left to the person."""

_NEVER = frozenset({Role.DELETE_PATH, Role.DELETE_HISTORY, Role.PROXY_DOMAIN, Role.SHARE_PERMISSION})
_DESTROYING = frozenset(
    {"delete", "remove", "rm", "drop", "purge", "destroy", "reset", "clean", "prune", "unlink", "trash", "erase"}
    | {"wipe", "revoke", "force", "mirror", "overwrite", "policy", "permission", "permissions"}
)
"""Words in the name of a tool, or of a switch that is on, with which it is left to the person."""
_FILLERS = frozenset(
    {"please", "now", "it", "this", "that", "them", "the", "my", "our", "your", "these", "those", "a", "an", "just"}
    | {"to", "from", "into", "onto", "on", "in", "at", "of", "with", "and", "then", "so", "ok", "okay", "yes", "again"}
    | {"go", "ahead", "i", "you", "we", "me", "want", "have", "thanks", "changes", "change", "commit", "commits"}
    | {"work", "code", "branch", "repo", "repository", "remote", "current"}
)
"""Words that neither ask for anything nor take it back."""
_PLAIN = re.compile(r"[\w./:@+~-]+")
_BRANCH = re.compile(r"[\w][\w./-]{0,199}")
_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_EDGES = "\"'`“”‘’()[]{}<>,.;:!"


class Asked(Value, frozen=True):
    """An action, as far as anybody who decides in the person's place may know it."""

    tool: str
    """``git.git_push``."""
    resources: tuple[str, ...]
    """What it acts upon, or where something goes, by the names the person has for them."""


class Opinion(Value, frozen=True):
    """Approve, or leave it to the person; there is no third."""

    approve: bool
    reason: str


def asked(
    action: Action, elements: Sequence[Element], workspace: str, names: Mapping[str, str]
) -> tuple[Asked | None, str]:
    """What ``action`` asks for; None, and why, when it is one for the person in any case.

    ``elements``: its arguments as the policy reads them. What lies in ``workspace`` (a real path) needs no words.
    ``names``: what the person calls some of the things, by what they are: a remote's URL to ``origin``. They must
    date from before the agent could change them.
    """
    if not isinstance(action, ToolCall):
        return None, "it is about a host, which only a person opens"
    if action.server == "proxy" or any(element.role in _NEVER for element in elements):
        return None, "it opens a host, deletes something or gives a permission"
    switched = [name for name, value in action.arguments.items() if value not in (None, False, "", 0)]
    if words := _DESTROYING.intersection(part for name in (action.tool, *switched) for part in _tokens_of(name)):
        return None, f"it may destroy something ({', '.join(sorted(words))})"
    resources: list[str] = []
    for element in elements:
        if element.role not in RESOURCES or (element.role in PATHS and _inside(element, workspace)):
            continue
        name = names.get(element.value, element.value)
        if not _leads_where_it_says(element) or not _is_plain(name):
            return None, f"it cannot be told where {element.argument} leads"
        resources.append(name)
    if not resources:
        return None, "it names nothing that could be compared with words"
    if unclear := _unaccounted(action, elements):
        return None, f"it carries something else: {unclear}"
    return Asked(tool=f"{action.server}.{action.tool}", resources=tuple(dict.fromkeys(resources))), ""


def by_rules(words: str, action: ToolCall, what: Asked) -> Opinion:
    """Approve when the words name what is done and what it is done to, and say nothing else at all."""
    if "?" in words:
        return Opinion(approve=False, reason="the words are a question")
    said = [token for token in (word.strip(_EDGES) for word in words.lower().split()) if token]
    verb = [part for part in _tokens_of(action.tool) if part not in _tokens_of(action.server)]
    if not verb or any(part not in said for part in verb):
        return Opinion(approve=False, reason=f"the words do not say {' '.join(verb) or action.tool}")
    named = {name.lower() for name in what.resources}
    if missing := sorted(named.difference(said)):
        return Opinion(approve=False, reason=f"the words do not name {missing[0]}")
    branches = {str(value).lower() for name, value in action.arguments.items() if "branch" in name}
    if others := [token for token in said if token not in _FILLERS | named | branches | set(verb)]:
        return Opinion(approve=False, reason=f"the words also say {others[0]}")
    return Opinion(approve=True, reason=f"the words name {' '.join(verb)} and {', '.join(what.resources)}")


def _unaccounted(action: ToolCall, elements: Sequence[Element]) -> str:
    """The first argument that is neither a resource, nor empty, nor something as plain as a branch or a hash."""
    resources = {element.argument for element in elements if element.role in RESOURCES}
    branches = {element.argument for element in elements if element.role is Role.BRANCH_NAME}
    for name, value in action.arguments.items():
        if name in resources or value in (None, False, "", 0):
            continue
        if not isinstance(value, str) or not (
            _HASH.fullmatch(value) or (name in branches and _BRANCH.fullmatch(value))
        ):
            return name
    return ""


def _leads_where_it_says(element: Element) -> bool:
    """Not so for what the agent can make lead anywhere: the name of a remote, a link in the file system."""
    if element.role is Role.GIT_REMOTE_URL and is_remote_name(element.value):
        return False
    return element.subject == element.value if element.role in PATHS else element.subject is not None


def _inside(element: Element, workspace: str) -> bool:
    return element.subject is not None and within(element.subject, workspace)


def _is_plain(text: str) -> bool:
    return len(text) <= LONGEST and _PLAIN.fullmatch(text) is not None


def _tokens_of(name: str) -> list[str]:
    """The words in a name such as ``git_push`` or ``createIssue``."""
    return [part.lower() for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", name)]
