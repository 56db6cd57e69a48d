"""What the person said before a card was raised: on a place of its own, where nothing the agent wrote is ever drawn."""

from __future__ import annotations

from textual.widgets import Static

from ironcurtain_tui.events import Confidence, Escalation, WordSource
from ironcurtain_tui.ui.neutralise import clip, neutralise

LONGEST = 600
"""Characters that are shown; the audit log has all."""
SOURCES = {
    WordSource.TRUSTED_LINE: "written on this side",
    WordSource.KEYSTROKES: "told from the keys you typed to the agent",
    WordSource.MODEL: "guessed by a model from the keys you typed to the agent",
}


class YourWords(Static):
    """One line or a few above the card; hidden where nothing is known, or several cards are shown together."""

    def __init__(self) -> None:
        super().__init__(markup=False)
        self._told = ""

    def show(self, escalations: tuple[Escalation, ...]) -> None:
        """Say what came before the card that is shown."""
        told = before(escalations[0]) if len(escalations) == 1 else ""
        if told != self._told:
            self._told = told
            self.display = bool(told)
            self.update(told)


def before(escalation: Escalation) -> str:
    """What the person said before ``escalation`` was raised, safe to draw; empty when nothing is known."""
    words = escalation.words
    if words is None:
        return ""
    ago = _ago(escalation.raised - words.time)
    if words.confidence is Confidence.UNKNOWN:
        return f"▌ You sent something {ago}, by keys that do not tell its text (history, completion and the like)."
    asked = "You asked" if words.confidence is Confidence.EXACT else "You asked something like"
    return f"▌ {asked}, {ago} ({SOURCES[words.source]}): “{neutralise(clip(words.text, LONGEST))}”"


def _ago(seconds: float) -> str:
    seconds = max(0.0, seconds)
    return f"{seconds:.0f} s before" if seconds < 120 else f"{seconds / 60:.0f} min before"
