"""What a check finds."""

from __future__ import annotations

from dataclasses import dataclass

from ironcurtain_tui.events import BadgeState

MARKS = {BadgeState.OK: "✓", BadgeState.WARN: "!", BadgeState.FAIL: "✗", BadgeState.PENDING: "…"}


@dataclass(frozen=True)
class Finding:
    """One line of `doctor`."""

    name: str
    """Of the check."""
    state: BadgeState
    text: str
    remedy: str = ""
