"""Which rules would have saved the most questions, and would have allowed nothing that was ever denied. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from posixpath import dirname

import msgspec

from ironcurtain_tui.events import Decision, Value
from ironcurtain_tui.policy.action import Action, HttpRequest, ToolCall, Tunnel
from ironcurtain_tui.policy.decide import Policy
from ironcurtain_tui.policy.draft import READING
from ironcurtain_tui.policy.roles import Role
from ironcurtain_tui.policy.rules import RequestRule, Rule, ToolRule

FEWEST_QUESTIONS = 2
"""A rule that would have saved fewer is not worth a line in a file."""
MOST_ACTIONS = 300
"""Different approved actions that are looked at, most asked first."""
SHALLOWEST = 3
"""Names in the path of the highest directory that is suggested: ``/home/me/notes``."""
EXAMPLES = 3
_WIDENED = frozenset({Role.READ_PATH, Role.WRITE_PATH})
"""Deleting and rewriting history stay with what was named."""


class Decided(Value, frozen=True):
    """How a past action ended."""

    action: Action
    decision: Decision
    """ALLOW or DENY; what only led to a question is left out."""
    asked: bool = False
    """Whether it took a person to allow it."""


class Suggestion(Value, frozen=True):
    """A rule, and what it would have been good for."""

    rule: Rule
    saves: int
    """Questions that were asked and approved, and would not have been asked."""
    examples: tuple[Action, ...]
    """A few different ones of them."""


def suggest(decisions: Iterable[Decided], policy: Policy) -> list[Suggestion]:
    """The rules worth adding to ``policy``, most questions saved first; no two of them save the same question.

    A rule is never suggested when it would allow one past action that was denied, by whomever.
    """
    approved: Counter[bytes] = Counter()
    actions: dict[bytes, Action] = {}
    denied: dict[bytes, Action] = {}
    for decided in decisions:
        if isinstance(decided.action, Tunnel):
            continue  # says only where it leads; what is asked inside is judged by itself
        key = msgspec.json.encode(decided.action)
        if decided.decision is Decision.DENY:
            denied[key] = decided.action
        elif decided.asked:
            actions[key] = decided.action
            approved[key] += 1
    asked_now = [
        (actions[key], count)
        for key, count in approved.most_common(MOST_ACTIONS)
        if policy.decide(actions[key]).decision is Decision.ESCALATE
    ]
    harmless = [rule for rule in _candidates(policy, asked_now) if not _allows_any(policy, rule, denied.values())]
    return list(_best(policy, harmless, asked_now))


def _candidates(policy: Policy, asked: Iterable[tuple[Action, int]]) -> list[Rule]:
    """Narrow rules and wider ones, each once."""
    found: dict[bytes, Rule] = {}
    for action, _ in asked:
        narrow = policy.draft(action)
        if narrow is not None:
            for rule in (narrow, *_wider(narrow)):
                found.setdefault(msgspec.json.encode(rule), rule)
    return list(found.values())


def _wider(rule: Rule) -> Iterator[Rule]:
    """The same for reading anywhere at a host, or for every path beside the one that was named."""
    if isinstance(rule, RequestRule):
        if rule.method == READING:
            name = f"{', '.join(READING)} {rule.host}/**"
            yield msgspec.structs.replace(rule, name=name, path="/**")
        return
    where = {role: tuple(map(_beside, texts)) if role in _WIDENED else texts for role, texts in rule.where.items()}
    if where != rule.where:
        places = ", ".join(dict.fromkeys(text for texts in where.values() for text in texts))
        yield msgspec.structs.replace(rule, name=f"{rule.server}.{rule.tool} on {places}"[:180], where=where)


def _beside(path: str) -> str:
    parent = dirname(path.rstrip("/"))
    return parent if parent.count("/") >= SHALLOWEST else path


def _best(policy: Policy, rules: list[Rule], asked: list[tuple[Action, int]]) -> Iterator[Suggestion]:
    """The rule that saves most, then the one that saves most of what is left, and so on."""
    saved_by = [
        (rule, {place for place, (action, _) in enumerate(asked) if _allows(policy, rule, action)}) for rule in rules
    ]
    while saved_by:
        rule, best = max(saved_by, key=lambda each: sum(asked[place][1] for place in each[1]))
        saves = sum(asked[place][1] for place in best)
        if saves < FEWEST_QUESTIONS:
            return
        examples = tuple(asked[place][0] for place in sorted(best)[:EXAMPLES])
        yield Suggestion(rule=rule, saves=saves, examples=examples)
        saved_by = [(other, places - best) for other, places in saved_by if other is not rule]


def _allows_any(policy: Policy, rule: Rule, actions: Iterable[Action]) -> bool:
    return any(_allows(policy, rule, action) for action in actions)


def _allows(policy: Policy, rule: Rule, action: Action) -> bool:
    match action:
        case HttpRequest():
            possible = isinstance(rule, RequestRule) and rule.fits(action)
        case ToolCall():
            possible = isinstance(rule, ToolRule) and rule.names(action)
        case _:
            return False
    return possible and policy.covers(rule, action)
