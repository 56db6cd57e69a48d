"""Our own theme. Textual's others can be chosen at any time."""

from __future__ import annotations

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
