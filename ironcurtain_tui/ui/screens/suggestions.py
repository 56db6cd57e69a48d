"""Rules that would have saved the person questions, told from past sessions; to be copied, never written by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path

from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from ironcurtain_tui.audit.directory import AuditDirectory
from ironcurtain_tui.audit.suggestions import suggested_rules
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.policy.document import render_rule
from ironcurtain_tui.policy.suggest import Suggestion
from ironcurtain_tui.ui.neutralise import neutralise
from ironcurtain_tui.ui.screens.dialog import Dialog

NEWEST = 50
"""Sessions that are looked at."""
NONE = "Nothing to suggest: no rule would have saved you two questions or more without allowing what was denied."


class Suggestions(Dialog[None]):
    """Looks at the newest sessions' logs in a thread, then shows what they suggest."""

    def __init__(self, workspace: str, look: Callable[[Path], list[Suggestion]] | None = None) -> None:
        super().__init__("Rules that would have saved you questions")
        self._workspace = Path(workspace)
        self._look = look or newest_sessions_suggest
        self._text = Static("Looking at past sessions ...", markup=False)

    def body(self) -> Iterable[Widget]:
        with VerticalScroll(id="content"):
            yield self._text

    def on_mount(self) -> None:
        self.run_worker(self._fill(), name="suggestions")

    async def _fill(self) -> None:
        try:
            found = await asyncio.to_thread(self._look, self._workspace)
        except UserFacingError as error:
            self._text.update(f"{neutralise(error.message)}\n{neutralise(error.remedy)}")
            return
        self._text.update("\n".join(lines(found)))


def newest_sessions_suggest(workspace: Path) -> list[Suggestion]:
    """What the newest sessions' logs suggest for ``workspace``. Blocks."""
    directory = AuditDirectory()
    logs = sorted((directory.log(one) for one in directory.sessions()), key=_changed)[-NEWEST:]
    return suggested_rules(logs, workspace)


def lines(found: list[Suggestion]) -> list[str]:
    """Safe to draw: names of hosts and files in rules are the agent's."""
    if not found:
        return [NONE]
    shown = ["Copy what you want into policy.toml. Nothing that was ever denied would be allowed by these."]
    for each in found:
        shown += ["", f"# saves {each.saves:,} questions"]
        shown += [neutralise(line) for line in render_rule(each.rule).strip().splitlines()]
    return shown


def _changed(log: Path) -> float:
    try:
        return log.stat().st_mtime
    except OSError:
        return 0.0
