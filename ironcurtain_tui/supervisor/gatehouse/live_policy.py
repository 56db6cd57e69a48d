"""The policy in force. It can be read again and be added to; a broken file never replaces a good policy."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.escalations.domains import requested_rule
from ironcurtain_tui.events import Decision
from ironcurtain_tui.policy.action import Action, ToolCall, Verdict
from ironcurtain_tui.policy.annotations import Element
from ironcurtain_tui.policy.decide import Policy
from ironcurtain_tui.policy.document import PolicyFile, parse_policy, render_rule
from ironcurtain_tui.policy.load import read_documents
from ironcurtain_tui.policy.rules import PolicyDocument, Rule
from ironcurtain_tui.supervisor.gatehouse.backtest import changed_decisions

USER = "user"

Build = Callable[[Mapping[str, PolicyDocument]], Policy]


class LivePolicy:
    """Decides as the files in ``paths`` say (the strongest first; one of them is the user's), until told otherwise.

    ``build`` makes a policy of the documents. ``past``: audit logs of earlier sessions, for previews. Raises
    UserFacingError when a file is broken.
    """

    def __init__(self, paths: Mapping[str, Path], build: Build, past: Callable[[], Iterable[Path]]) -> None:
        self._paths = dict(paths)
        self._build = build
        self._past = past
        self._reading = threading.Lock()
        self._policy = build(read_documents(self._paths))

    @property
    def current(self) -> Policy:
        """What decides now."""
        return self._policy

    def decide(self, action: Action, *, attended: bool = True) -> Verdict:
        """As ``Policy.decide``."""
        return self._policy.decide(action, attended=attended)

    def covers(self, rule: Rule, action: Action) -> bool:
        """As ``Policy.covers``."""
        return self._policy.covers(rule, action)

    def elements(self, call: ToolCall) -> Sequence[Element]:
        """As ``Policy.elements``."""
        return self._policy.elements(call)

    def names_address(self, address: str) -> bool:
        """As ``Policy.names_address``."""
        return self._policy.names_address(address)

    def draft(self, action: Action) -> Rule | None:
        """The rule that means "the same again"; None when there is none that would be safe."""
        return requested_rule(action) or self._policy.draft(action)

    def reload(self, unchanged: Callable[[], bool] = lambda: True) -> bool:
        """Read the files again, and decide by them if they are still ``unchanged`` then; whether they are.

        UserFacingError for a broken one; the policy then stays as it was.
        """
        with self._reading:  # of two that read at once, the one that began last wins
            policy = self._build(read_documents(self._paths))
            if not unchanged():
                return False
            self._policy = policy
            return True

    async def preview(self, action: Action) -> tuple[str, tuple[str, ...]]:
        """The TOML that ``always`` would add, and the decisions of past sessions that it would have changed.

        UserFacingError when there is no such rule.
        """
        rule, before = self._rule_for(action)
        changed = await asyncio.to_thread(self._with, rule, before)
        effects = await asyncio.to_thread(changed_decisions, self._past(), self._policy, changed)
        return render_rule(rule), tuple(effects)

    async def always(self, action: Action) -> str:
        """Add the rule to the user's file and decide by it from now on; its name.

        UserFacingError when it cannot be written or would not allow ``action``; nothing is changed then.
        """
        rule, before = self._rule_for(action)
        changed = await asyncio.to_thread(self._with, rule, before)
        if requested_rule(action) is None and changed.decide(action).decision is not Decision.ALLOW:
            raise UserFacingError("A rule of its own would not lift this question.", "Approve it once, or for longer.")
        await asyncio.to_thread(PolicyFile(self._paths[USER]).add, rule, before)
        await asyncio.to_thread(self.reload)  # another file may have changed meanwhile
        return rule.name

    def _rule_for(self, action: Action) -> tuple[Rule, str]:
        """The rule, and the name of the user's rule before which it must stand."""
        rule = self.draft(action)
        if rule is None:
            raise UserFacingError("No rule can say safely what this is.", "Approve it once, or for longer.")
        origin, _, name = self._policy.decide(action).rule.partition(": ")
        return rule, name if origin == USER else ""

    def _with(self, rule: Rule, before: str) -> Policy:
        """The policy that would hold with ``rule`` added."""
        path = self._paths[USER]
        documents = read_documents(self._paths)
        text = PolicyFile(path).with_rule(rule, before)
        return self._build({**documents, USER: parse_policy(text, str(path))})
