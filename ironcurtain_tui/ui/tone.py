"""The few ways text may look. Themes say what they are (styles/tone.tcss); a tone is never the only signal."""

from __future__ import annotations

from enum import StrEnum

from rich.style import Style
from textual.widget import Widget


class Tone(StrEnum):
    """How much a piece of text asks for attention."""

    PLAIN = "tone--plain"
    QUIET = "tone--quiet"
    STRONG = "tone--strong"
    ACCENT = "tone--accent"
    GOOD = "tone--good"
    WARN = "tone--warn"
    BAD = "tone--bad"
    ALERT = "tone--alert"
    """Reversed: cannot be overlooked."""
    ALARM = "tone--alarm"
    """Reversed in red: something that must never be is."""


TONES = set(Tone)
"""For ``COMPONENT_CLASSES`` of the widgets that draw with tones."""


def toned(widget: Widget, name: str, base: Style) -> Style:
    """``base`` in the tone ``name`` of ``widget``: a translucent colour is mixed with the widget's background."""
    style = base + widget.get_component_rich_style(name, partial=True)
    return style + Style(color=widget.get_component_rich_style(name).color)
