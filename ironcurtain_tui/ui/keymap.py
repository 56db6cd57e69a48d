"""Which key does what, and where. The one table: the screen obeys it, the help shows it.

``press`` is a state machine without a screen. In the agent's terminal every key goes to the agent, except
the prefix and F1 to F4; after the prefix one key is a command, ``Escape`` leaves, and anything that is no
command is ignored, so a slip never reaches the agent.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Command(StrEnum):
    """Everything the session screen can be told to do, by key, palette or mouse."""

    AGENT = "agent"
    BACK = "back"
    BROWSE = "browse"
    BROWSE_TRAFFIC = "browse-traffic"
    CLEAR_FILTER = "clear-filter"
    CLOSE = "close"
    DETACH = "detach"
    DETAILS = "details"
    DOWN = "down"
    FILTER = "filter"
    FIRST = "first"
    FOCUS_ABOVE = "focus-above"
    FOCUS_BELOW = "focus-below"
    FOCUS_NEXT = "focus-next"
    FOCUS_PREVIOUS = "focus-previous"
    GROW = "grow"
    HELP = "help"
    HIDE = "hide"
    KEEP_FILTER = "keep-filter"
    LAST = "last"
    LEAVE_PREFIX = "leave-prefix"
    LIVE = "live"
    NARROW = "narrow"
    NOTICES = "notices"
    PAGE_DOWN = "page-down"
    PAGE_UP = "page-up"
    PALETTE = "palette"
    PANEL_AUDIT = "panel-audit"
    PANEL_ESCALATIONS = "panel-escalations"
    PANEL_TRAFFIC = "panel-traffic"
    SCROLLBACK = "scrollback"
    SHRINK = "shrink"
    SIDE = "side"
    STOP = "stop"
    THEME = "theme"
    UP = "up"
    WIDEN = "widen"
    ZOOM = "zoom"
    ZOOM_AUDIT = "zoom-audit"
    ZOOM_ESCALATIONS = "zoom-escalations"
    ZOOM_TRAFFIC = "zoom-traffic"


class Place(StrEnum):
    """Where the keys go while no prefix is pending."""

    AGENT = "agent"
    PANEL = "panel"
    FILTER = "filter"
    SCROLLBACK = "scrollback"
    """Looking back in the agent's terminal, entered after the prefix."""
    OVER = "over"
    """The session has ended or is lost: nobody is there to type to."""


@dataclass(frozen=True)
class Row:
    """One line of the table. ``keys`` are Textual's names, the first is the one that hints show."""

    keys: tuple[str, ...]
    command: Command
    label: str
    hint: str = ""
    """Short form for the footer; empty: not shown there."""
    repeats: bool = False
    """After the prefix: more of these may follow without pressing it again."""


ALWAYS = (
    Row(("f1",), Command.HELP, "Help: all keys, and what the badges mean", "help"),
    Row(("f2",), Command.ZOOM_ESCALATIONS, "Escalations, full screen and back", "escalations"),
    Row(("f3",), Command.ZOOM_TRAFFIC, "Traffic, full screen and back", "traffic"),
    Row(("f4",), Command.ZOOM_AUDIT, "Audit, full screen and back", "audit"),
)

PREFIX = (
    Row(("d", "q"), Command.DETACH, "Close; the agent runs on"),
    Row(("x",), Command.STOP, "Stop the session (asks)"),
    Row(("left_square_bracket",), Command.SCROLLBACK, "Scroll back"),
    Row(("f",), Command.BROWSE_TRAFFIC, "All flows on the whole screen: filter, timing, curl, HAR"),
    Row(("n",), Command.NOTICES, "All notices"),
    Row(("p", "colon"), Command.PALETTE, "Command palette"),
    Row(("t",), Command.THEME, "Choose a theme"),
    Row(("question_mark",), Command.HELP, "Help"),
    Row(("1",), Command.PANEL_ESCALATIONS, "To the escalations"),
    Row(("2",), Command.PANEL_TRAFFIC, "To the traffic"),
    Row(("3",), Command.PANEL_AUDIT, "To the audit log"),
    Row(("left",), Command.AGENT, "To the agent's terminal"),
    Row(("tab", "right"), Command.FOCUS_NEXT, "Next panel"),
    Row(("shift+tab",), Command.FOCUS_PREVIOUS, "Previous panel"),
    Row(("up",), Command.FOCUS_ABOVE, "Panel above"),
    Row(("down",), Command.FOCUS_BELOW, "Panel below"),
    Row(("z",), Command.ZOOM, "Full screen, and back"),
    Row(("b",), Command.SIDE, "Side panels away, and back"),
    Row(("less_than_sign",), Command.WIDEN, "Side panels wider", repeats=True),
    Row(("greater_than_sign",), Command.NARROW, "Side panels narrower", repeats=True),
    Row(("plus", "equals_sign"), Command.GROW, "Panel taller", repeats=True),
    Row(("minus",), Command.SHRINK, "Panel shorter", repeats=True),
    Row(("escape",), Command.LEAVE_PREFIX, "Back, nothing done"),
)

PANEL = (
    Row(("escape",), Command.BACK, "Leave full screen, or back to the agent", "back"),
    Row(("enter",), Command.DETAILS, "Details of the selected line", "details"),
    Row(("slash",), Command.FILTER, "Show only lines that contain ...", "filter"),
    Row(("o",), Command.BROWSE, "Open the panel's browser on the whole screen", "open"),
    Row(("j", "down"), Command.DOWN, "Next line"),
    Row(("k", "up"), Command.UP, "Previous line"),
    Row(("pagedown", "ctrl+d"), Command.PAGE_DOWN, "A page down"),
    Row(("pageup", "ctrl+u"), Command.PAGE_UP, "A page up"),
    Row(("g", "home"), Command.FIRST, "Oldest line"),
    Row(("G", "end"), Command.LAST, "Newest line, and follow new ones", "newest"),
    Row(("tab",), Command.FOCUS_NEXT, "Next panel", "next"),
    Row(("shift+tab",), Command.FOCUS_PREVIOUS, "Previous panel"),
    Row(("z",), Command.ZOOM, "Full screen and back", "zoom"),
    Row(("h",), Command.HIDE, "Hide this panel (the prefix and its number bring it back)", "hide"),
    Row(("plus", "equals_sign"), Command.GROW, "Taller"),
    Row(("minus",), Command.SHRINK, "Shorter"),
    Row(("less_than_sign",), Command.WIDEN, "Side panels wider"),
    Row(("greater_than_sign",), Command.NARROW, "Side panels narrower"),
    Row(("question_mark",), Command.HELP, "Help"),
)

SCROLLBACK = (
    Row(("escape", "q"), Command.LIVE, "Back to the live screen", "live screen"),
    Row(("up", "k"), Command.UP, "A line up", "up"),
    Row(("down", "j"), Command.DOWN, "A line down"),
    Row(("pageup", "ctrl+u"), Command.PAGE_UP, "A page up", "page up"),
    Row(("pagedown", "ctrl+d", "space"), Command.PAGE_DOWN, "A page down", "page down"),
    Row(("g", "home"), Command.FIRST, "To the oldest line", "oldest"),
    Row(("G", "end"), Command.LAST, "To the newest line"),
)

OVER = (
    Row(("q", "enter"), Command.CLOSE, "Close the app", "close"),
    Row(("tab",), Command.FOCUS_NEXT, "Next panel", "panels"),
    Row(("left_square_bracket", "pageup"), Command.SCROLLBACK, "Scroll back in the agent's terminal", "scroll back"),
)

FILTER = (
    Row(("enter", "down"), Command.KEEP_FILTER, "Keep the filter and go to the lines", "keep"),
    Row(("escape",), Command.CLEAR_FILTER, "Show all lines again", "clear"),
)

PLACES: dict[Place, tuple[Row, ...]] = {
    Place.AGENT: (),
    Place.PANEL: PANEL,
    Place.FILTER: FILTER,
    Place.SCROLLBACK: SCROLLBACK,
    Place.OVER: OVER,
}
"""What keys do without a prefix."""


@dataclass(frozen=True)
class Pressed:
    """What a key leads to: a command of ours, or a key that goes on to the agent, or nothing."""

    prefixed: bool = False
    """Whether the next key is a command."""
    command: Command | None = None
    send: str | None = None


class Keymap:
    """The table for one choice of prefix key."""

    def __init__(self, prefix: str = "ctrl+a") -> None:
        self.prefix = prefix
        self._always = _index(ALWAYS)
        self._prefix = _index(PREFIX)
        self._places = {place: _index(rows) for place, rows in PLACES.items()}

    def reserved(self, prefixed: bool, place: Place, key: str) -> bool:
        """Whether ``key`` is ours, rather than for the terminal or input line that has the focus."""
        everything = prefixed or place in (Place.OVER, Place.SCROLLBACK)
        return everything or key == self.prefix or key in self._always or key in self._places[place]

    def press(self, prefixed: bool, place: Place, key: str) -> Pressed:
        """One key at ``place``; ``prefixed`` when the prefix came before it."""
        if prefixed:
            return self._after_prefix(place, key)
        if key == self.prefix:
            return Pressed(prefixed=True)
        row = self._always.get(key) or self._places[place].get(key)
        return Pressed(command=row.command) if row else Pressed()

    def _after_prefix(self, place: Place, key: str) -> Pressed:
        if key == self.prefix or key in self._always:
            return Pressed(send=key if place is Place.AGENT else None)
        row = self._prefix.get(key)
        return Pressed(prefixed=row.repeats, command=row.command) if row else Pressed(prefixed=True)

    def hints(self, place: Place) -> tuple[Row, ...]:
        """What the footer shows at ``place``, most useful first."""
        return tuple(row for row in (*PLACES[place], *ALWAYS) if row.hint)

    def sections(self) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
        """The whole table for the help: a heading and its lines, each the keys and what they do."""
        prefix = display(self.prefix)
        return (
            ("Everywhere", ((prefix, "The prefix: the next key is a command"), *_lines(ALWAYS))),
            (
                f"After {prefix}",
                (
                    *_lines(PREFIX),
                    (prefix, f"{prefix} itself, to the agent"),
                    ("F1 - F4", "The function key itself, to the agent"),
                ),
            ),
            ("In a side panel", _lines(PANEL)),
            ("In the filter line", _lines(FILTER)),
            ("While scrolling back", _lines(SCROLLBACK)),
            ("When the session is over", _lines(OVER)),
        )


_SPELLED = {
    "slash": "/",
    "question_mark": "?",
    "left_square_bracket": "[",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "plus": "+",
    "equals_sign": "=",
    "minus": "-",
    "colon": ":",
    "escape": "Esc",
    "enter": "Enter",
    "tab": "Tab",
    "shift+tab": "Shift+Tab",
    "pagedown": "PgDn",
    "pageup": "PgUp",
    "home": "Home",
    "end": "End",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "backslash": "\\",
    "right_square_bracket": "]",
    "underscore": "_",
}


def display(key: str) -> str:
    """How a key is written for people: ``^A``, ``F3``, ``Esc``, ``/``."""
    if key.startswith("ctrl+"):
        rest = key.removeprefix("ctrl+")
        return "^" + _SPELLED.get(rest, rest.upper())
    if key in _SPELLED:
        return _SPELLED[key]
    return key.upper() if key[:1] == "f" and key[1:].isdigit() else key


def _index(rows: tuple[Row, ...]) -> dict[str, Row]:
    return {key: row for row in rows for key in row.keys}


def _lines(rows: tuple[Row, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((" ".join(display(key) for key in row.keys), row.label) for row in rows)
