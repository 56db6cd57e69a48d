"""Our own theme, and what makes Textual's others, which can be chosen at any time, readable."""

from __future__ import annotations

from collections.abc import Mapping

from textual.color import Color
from textual.theme import Theme

IRONCURTAIN = Theme(
    name="ironcurtain",
    dark=True,
    primary="#7d9fc4",
    secondary="#8c8fb5",
    accent="#e0b266",
    foreground="#ccd2da",
    background="#12151a",
    surface="#171b21",
    panel="#20262e",
    success="#86b58b",
    warning="#e0b266",
    error="#e07f83",
    variables={
        "block-cursor-background": "#2c3641",
        "block-cursor-foreground": "#ccd2da",
        "block-cursor-text-style": "none",
        "input-selection-background": "#7d9fc4 35%",
        "scrollbar": "#2c343e",
        "scrollbar-hover": "#47535f",
        "scrollbar-active": "#7d9fc4",
        "scrollbar-background": "#12151a",
        "scrollbar-background-hover": "#12151a",
        "scrollbar-background-active": "#12151a",
    },
)
"""Calm and dark: one accent, and red only for what was refused or failed."""

READABLE = 4.5
"""The contrast a text must have at least, of 1 to 21 (WCAG 2.2, criterion 1.4.3) ..."""
OF_TEXT = 0.75
"""... or this much of what the theme's own text has, where that is less: its signals stay colours."""
GROUNDS = ("background", "surface", "panel")
SIGNALS = {"good": "success", "warn": "warning", "bad": "error", "signal": "accent"}
"""Our names in the styles for a theme's colours where they are text."""


def signal_colours(theme: Mapping[str, str]) -> dict[str, str]:
    """``SIGNALS`` in the colours ``theme``, as far on the way to its text's colour as one needs to read them.

    Light themes have colours that are meant for areas: an orange on white cannot be read.
    """
    text = Color.parse(theme["foreground"])
    grounds = [Color.parse(theme[name]) for name in GROUNDS]
    return {name: _readable(Color.parse(theme[colour]), text, grounds) for name, colour in SIGNALS.items()}


def _readable(colour: Color, text: Color, grounds: list[Color]) -> str:
    if any(each.ansi is not None for each in (colour, text, *grounds)):
        return colour.css  # the terminal's own: nobody here knows what they look like
    needed = [(ground, min(READABLE, OF_TEXT * contrast(text, ground))) for ground in grounds]
    steps = (colour.blend(text, step / 20, 1) for step in range(21))
    return next(each.hex for each in steps if all(contrast(each, ground) >= least for ground, least in needed))


def contrast(one: Color, other: Color) -> float:
    """From 1 (the same) to 21 (black on white), as WCAG 2.2 defines it."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: Color) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour.normalized
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
