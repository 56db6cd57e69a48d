"""Short messages at the edge of the screen: how long they stay and how loud they are."""

from __future__ import annotations

from textual.app import App
from textual.notifications import SeverityLevel

from ironcurtain_tui.events import BadgeState, Notice
from ironcurtain_tui.ui.neutralise import neutralise

SEVERITIES: dict[BadgeState, SeverityLevel] = {BadgeState.FAIL: "error", BadgeState.WARN: "warning"}
SECONDS = {BadgeState.FAIL: 20.0, BadgeState.WARN: 10.0}


def toast[T](app: App[T], notice: Notice, whose: str = "") -> None:
    """Show ``notice``. ``whose``: the session it is about, when that is not the one in front."""
    app.notify(
        neutralise(notice.text) + (f"\n{neutralise(notice.remedy)}" if notice.remedy else ""),
        title=whose,
        severity=SEVERITIES.get(notice.level, "information"),
        timeout=SECONDS.get(notice.level, 5.0),
        markup=False,
    )
