"""What is to be known of a program's line editor to follow it by the keys alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ironcurtain_tui.events import Confidence
from ironcurtain_tui.words.line import ALNUM, Line, Words

Effect = Callable[[Line], object]

EMACS: Mapping[str, Effect] = {
    "left": Line.left,
    "ctrl+b": Line.left,
    "right": Line.right,
    "ctrl+f": Line.right,
    "home": Line.line_start,
    "ctrl+a": Line.line_start,
    "end": Line.line_end,
    "ctrl+e": Line.line_end,
    "alt+b": Line.word_left,
    "ctrl+left": Line.word_left,
    "alt+left": Line.word_left,
    "alt+f": Line.word_right,
    "ctrl+right": Line.word_right,
    "alt+right": Line.word_right,
    "backspace": Line.backspace,
    "ctrl+h": Line.backspace,
    "delete": Line.delete,
    "ctrl+d": Line.delete,
    "ctrl+k": Line.kill_to_end,
    "ctrl+u": Line.kill_to_start,
    "ctrl+w": Line.kill_blank_word_left,
    "alt+backspace": Line.kill_word_left,
    "alt+d": Line.kill_word_right,
    "ctrl+y": Line.yank,
    "alt+y": Line.yank_pop,
}
"""What all of them took over from the same ancestor."""

PICTURES = re.compile(r"\.(?:png|jpe?g|gif|webp|bmp|svg|pdf)['\"]?\s*$", re.IGNORECASE)
PATHS = re.compile(rf"{PICTURES.pattern}|^\s*['\"]?(?:~?/|file:)\S+\s*$", re.IGNORECASE)
NOTHING = re.compile(r"(?!)")


@dataclass(frozen=True)
class Folding:
    """Which pastes are shown as a sign that stands for them."""

    characters: int
    """Longer ones,"""
    lines: int
    """and those with as many line ends; 0: their number does not matter."""
    one: bool = True
    """Whether the sign is one thing to the cursor; else it can be gone into, and what it is then is not known."""
    drops_end: bool = False
    """Whether a line end at its end is lost."""
    certain: bool = True
    """Whether what is sent in the place of the sign is known."""
    behind: str = ""
    """What is put behind the sign."""


@dataclass(frozen=True)
class Dialect:
    """The rules of one program. A key that none of them names makes the text doubtful."""

    best: Confidence = Confidence.LIKELY
    """How much a message can be trusted when no key was doubtful."""
    keys: Mapping[str, Effect] = field(default_factory=lambda: EMACS)
    newlines: frozenset[str] = frozenset({"ctrl+j", "shift+enter", "alt+enter"})
    submits: frozenset[str] = frozenset({"enter"})
    harmless: frozenset[str] = frozenset({"ctrl+l", "shift+tab", "pageup", "pagedown", "insert"})
    """Keys without an effect on the text."""
    guesses: frozenset[str] = frozenset({"tab"})
    """Keys after which nothing is known of the text: history, completion, undo, another editor."""
    going: Words = ALNUM
    cutting: Words = ALNUM
    kept_kills: int = 10
    chains: bool = True
    """Whether what is cut out by keys in a row comes back as one."""
    margin: int = 0
    """Columns of the terminal that the text does not get; 0: where its rows end is not known."""
    by_row: frozenset[str] = frozenset({"up", "down"})
    """Keys that go by rows, not by lines, where those differ."""
    beyond: str = "history"
    """Where ``up`` in the first row and ``down`` in the last lead: ``history``, the ``ends`` of the text, ``nowhere``
    for ``down``."""
    folding: Folding | None = None
    attaches: re.Pattern[str] = PICTURES
    """Pastes that may be taken for files, so that something else is sent than the text."""
    popups: str = "@"
    """Characters that open a list in which Enter, Tab and arrows choose, when they are in the word at the cursor."""
    commands: str = "/!"
    """Characters that make a message something else than a message when it begins with one."""
    bang: bool = False
    """Whether a line for its shell is followed, which the ``!`` at its beginning makes of it."""
    help_key: bool = False
    """Whether ``?`` in front of nothing is a key for help."""
    trims: bool = False
    """Whether blanks at the beginning are lost, too."""
    tabs: int = 0
    """Blanks that a tab in a paste becomes; 0: it stays."""
    continues: bool = False
    """Whether Enter behind a backslash begins a new line."""
    both_escapes: float = 0.0
    """Seconds within which a second Escape clears the text; 0: what Escape does is not known."""
    stash: frozenset[str] = frozenset()
    """Keys that exchange the text for the one that was set aside."""
    one_line: frozenset[str] = frozenset()
    """Keys that were measured on texts of one line only."""
    modal: bool = False
    """Whether it has a mode in which letters are commands, entered by Escape once a command turned that on."""
    burst: float = 0.0
    """Keys closer than this many seconds may be taken for a paste, and an Enter after them for its line end."""
    settle: float = 0.0
    """Seconds after such a key until an Enter sends."""
    sending: float = 0.0
    """Seconds after Enter in which what is typed may still go to the message that is being sent."""
