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
    APPROVE = "approve"
    APPROVE_ALWAYS = "approve-always"
    APPROVE_MINUTES = "approve-minutes"
    APPROVE_SESSION = "approve-session"
    APPROVE_USES = "approve-uses"
    BACK = "back"
    BROWSE = "browse"
    BROWSE_AUDIT = "browse-audit"
    BROWSE_TRAFFIC = "browse-traffic"
    CANCEL = "cancel"
    CLEAR_FILTER = "clear-filter"
    CLOSE = "close"
    CLOSE_TAB = "close-tab"
    COMPLETE = "complete"
    CONFIRM = "confirm"
    CUT = "cut"
    DENY = "deny"
    DENY_SAYING = "deny-saying"
    DETACH = "detach"
    DETAILS = "details"
    DOWN = "down"
    EARLIER = "earlier"
    FILTER = "filter"
    FIRST = "first"
    FOCUS_ABOVE = "focus-above"
    FOCUS_BELOW = "focus-below"
    FOCUS_NEXT = "focus-next"
    FOCUS_PREVIOUS = "focus-previous"
    GRANTS = "grants"
    GROW = "grow"
    HELP = "help"
    HIDE = "hide"
    KEEP_FILTER = "keep-filter"
    LAST = "last"
    LATER = "later"
    LEAVE_PREFIX = "leave-prefix"
    LIVE = "live"
    MARK = "mark"
    MARK_ALL = "mark-all"
    NARROW = "narrow"
    NEW_LINE = "new-line"
    NEW_SESSION = "new-session"
    NEXT_CARD = "next-card"
    NEXT_TAB = "next-tab"
    NOTICES = "notices"
    PAGE_DOWN = "page-down"
    PAGE_UP = "page-up"
    PALETTE = "palette"
    PANEL_AUDIT = "panel-audit"
    PANEL_TRAFFIC = "panel-traffic"
    PAUSE = "pause"
    PREVIOUS_CARD = "previous-card"
    PREVIOUS_TAB = "previous-tab"
    QUEUE = "queue"
    READ_MARKED = "read-marked"
    READ_ON = "read-on"
    REOPEN = "reopen"
    REPLAY = "replay"
    RESUME = "resume"
    REVIEW = "review"
    REVOKE = "revoke"
    REVOKE_ALL = "revoke-all"
    SAY = "say"
    SCROLLBACK = "scrollback"
    SESSIONS = "sessions"
    SHRINK = "shrink"
    SIDE = "side"
    STOP = "stop"
    STOP_SELECTED = "stop-selected"
    SUBMIT = "submit"
    SUGGEST_RULES = "suggest-rules"
    TAB_1 = "tab-1"
    TAB_2 = "tab-2"
    TAB_3 = "tab-3"
    TAB_4 = "tab-4"
    TAB_5 = "tab-5"
    TAB_6 = "tab-6"
    TAB_7 = "tab-7"
    TAB_8 = "tab-8"
    TAB_9 = "tab-9"
    THEME = "theme"
    UP = "up"
    WIDEN = "widen"
    ZOOM = "zoom"
    ZOOM_AUDIT = "zoom-audit"
    ZOOM_TRAFFIC = "zoom-traffic"


TABS = tuple(Command(f"tab-{number}") for number in range(1, 10))
"""The commands that bring a tab to the front, in their order."""
ABOUT_TABS = {
    Command.CLOSE,
    Command.CLOSE_TAB,
    Command.DETACH,
    Command.NEW_SESSION,
    Command.NEXT_TAB,
    Command.PREVIOUS_TAB,
    Command.SESSIONS,
    *TABS,
}
"""Commands that are not about one session: the app obeys them."""


class Place(StrEnum):
    """Where the keys go while no prefix is pending."""

    AGENT = "agent"
    PANEL = "panel"
    FILTER = "filter"
    SCROLLBACK = "scrollback"
    """Looking back in the agent's terminal, entered after the prefix."""
    CARD = "card"
    """The queue: a whole card and its answers."""
    ANSWER = "answer"
    """The input line under a card."""
    REVIEW = "review"
    """The list from which several cards are chosen to be answered together."""
    SAYING = "saying"
    """The line in which the person writes to the agent."""
    GRANTS = "grants"
    """The grants in force."""
    SESSIONS = "sessions"
    """The list of all sessions."""
    OVER = "over"
    """The session has ended or is lost: nobody is there to type to."""


@dataclass(frozen=True)
class Row:
    """One line of the table. ``keys`` are Textual's names, the first is the one that hints show."""

    keys: tuple[str, ...]
    command: Command
    label: str
    hint: str = ""
    """Short form for the footer, which does not show those without, and for the prefix menu."""
    repeats: bool = False
    """After the prefix: more of these may follow without pressing it again."""


ALWAYS = (
    Row(("f1",), Command.HELP, "Help: all keys, and what the badges mean", "help"),
    Row(("f2",), Command.QUEUE, "What waits for you: the cards and their answers, and back", "approvals"),
    Row(("f3",), Command.ZOOM_TRAFFIC, "Traffic, full screen and back", "traffic"),
    Row(("f4",), Command.ZOOM_AUDIT, "Audit, full screen and back", "audit"),
)

LINES = (
    Row(("j", "down"), Command.DOWN, "A line down"),
    Row(("k", "up"), Command.UP, "A line up"),
    Row(("pagedown", "ctrl+d"), Command.PAGE_DOWN, "A page down"),
    Row(("pageup", "ctrl+u"), Command.PAGE_UP, "A page up"),
)
HELP = Row(("question_mark",), Command.HELP, "Help")
LIST = (
    *LINES,
    Row(("g", "home"), Command.FIRST, "First line"),
    Row(("G", "end"), Command.LAST, "Last line"),
    HELP,
)
"""In every list on a screen of its own."""

SAY = Row(("i",), Command.SAY, "Write to the agent on this side: your own words, kept", "write")

PREFIX = (
    SAY,
    Row(("d", "q"), Command.DETACH, "Close the app; all agents run on", "Close the app, agents run"),
    Row(("D",), Command.CLOSE_TAB, "Close this tab; its agent runs on", "Close tab, its agent runs"),
    Row(("x",), Command.STOP, "Stop the session (asks)"),
    Row(("c",), Command.NEW_SESSION, "Start another session in a tab", "New session"),
    Row(("w",), Command.SESSIONS, "All sessions: open, resume, replay", "All sessions"),
    Row(("n",), Command.NEXT_TAB, "Next tab"),
    Row(("p",), Command.PREVIOUS_TAB, "Previous tab"),
    Row(("space",), Command.PAUSE, "Pause: both doors hold everything", "Pause both doors"),
    Row(("o",), Command.REOPEN, "Open paused doors again"),
    Row(("K",), Command.CUT, "Cut off for good (asks)"),
    Row(("g",), Command.GRANTS, "Grants in force"),
    Row(("s",), Command.SUGGEST_RULES, "Suggest rules that would have saved you questions", "Suggest rules"),
    Row(("left_square_bracket",), Command.SCROLLBACK, "Scroll back"),
    Row(
        ("f",), Command.BROWSE_TRAFFIC, "All flows on the whole screen: filter, timing, curl, HAR", "Browse the traffic"
    ),
    Row(("l",), Command.BROWSE_AUDIT, "All audit logs on the whole screen: search, proof", "Browse the audit logs"),
    Row(("r",), Command.REPLAY, "Play this session's recording", "Play the recording"),
    Row(("N",), Command.NOTICES, "All notices"),
    Row(("colon",), Command.PALETTE, "Command palette"),
    Row(("t",), Command.THEME, "Choose a theme"),
    HELP,
    Row(("T",), Command.PANEL_TRAFFIC, "To the traffic"),
    Row(("A",), Command.PANEL_AUDIT, "To the audit log"),
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

TAB_ROWS = tuple(Row((str(number),), tab, f"To tab {number}") for number, tab in enumerate(TABS, 1))
"""After the prefix, too; the menu says it in one line."""
TAB_LINE = Row(("1 - 9",), Command.SESSIONS, "To that tab")

PANEL = (
    Row(("escape",), Command.BACK, "Leave full screen, or back to the agent", "back"),
    Row(("enter",), Command.DETAILS, "Details of the selected line", "details"),
    Row(("slash",), Command.FILTER, "Show only lines that contain ...", "filter"),
    Row(("o",), Command.BROWSE, "Open the panel's browser on the whole screen", "open"),
    *LINES,
    Row(("g", "home"), Command.FIRST, "Oldest line"),
    Row(("G", "end"), Command.LAST, "Newest line, and follow new ones", "newest"),
    Row(("tab",), Command.FOCUS_NEXT, "Next panel", "next"),
    Row(("shift+tab",), Command.FOCUS_PREVIOUS, "Previous panel"),
    Row(("z",), Command.ZOOM, "Full screen and back", "zoom"),
    Row(("h",), Command.HIDE, "Hide this panel (the prefix and T or A bring it back)", "hide"),
    Row(("plus", "equals_sign"), Command.GROW, "Taller"),
    Row(("minus",), Command.SHRINK, "Shorter"),
    Row(("less_than_sign",), Command.WIDEN, "Side panels wider"),
    Row(("greater_than_sign",), Command.NARROW, "Side panels narrower"),
    HELP,
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

CARD = (
    Row(("escape",), Command.BACK, "Take a half-given answer back; else leave the queue", "back"),
    Row(("space",), Command.READ_ON, "The next part that was not on the screen yet", "read on"),
    Row(("a",), Command.APPROVE, "Approve once"),
    Row(("s",), Command.APPROVE_SESSION, "Approve for this session"),
    Row(("m",), Command.APPROVE_MINUTES, "Approve for some minutes (asks how many)"),
    Row(("u",), Command.APPROVE_USES, "Approve for some uses (asks how many)"),
    Row(("w",), Command.APPROVE_ALWAYS, "Approve always (shows the rule first)"),
    Row(("A",), Command.CONFIRM, "The second key, where one is asked for: risky, always, several together"),
    Row(("d",), Command.DENY, "Deny"),
    Row(("e", "D"), Command.DENY_SAYING, "Deny with a sentence for the agent"),
    Row(("n", "right", "tab"), Command.NEXT_CARD, "Next card", "next"),
    Row(("p", "left", "shift+tab"), Command.PREVIOUS_CARD, "Previous card"),
    Row(("v",), Command.REVIEW, "Choose several, to answer them together", "several"),
    *LINES,
    Row(("g", "home"), Command.FIRST, "To the start of the card"),
    Row(("G", "end"), Command.LAST, "To the end of the card"),
    HELP,
)

ANSWER = (
    Row(("enter",), Command.SUBMIT, "Done", "done"),
    Row(("escape",), Command.CANCEL, "Back to the card, nothing answered", "back to the card"),
)

SAYING = (
    Row(("enter",), Command.SUBMIT, "Send it to the agent", "send"),
    Row(("alt+enter", "shift+enter", "ctrl+j"), Command.NEW_LINE, "A new line", "new line"),
    Row(("tab",), Command.COMPLETE, "Complete a path of the workspace", "path"),
    Row(("up",), Command.EARLIER, "A line up; from the first: what you said before", "before"),
    Row(("down",), Command.LATER, "A line down; from the last: what you said after"),
    Row(("escape",), Command.CANCEL, "Back to the agent; the text stays", "back"),
)

REVIEW = (
    Row(("escape",), Command.BACK, "Back to the single cards", "back"),
    Row(("space", "x"), Command.MARK, "Mark, or take the mark away", "mark"),
    Row(("asterisk",), Command.MARK_ALL, "Mark all that are not risky, or none", "mark all"),
    Row(("enter",), Command.READ_MARKED, "Read the marked ones, then answer them together", "read marked"),
    *LIST,
)

GRANTS = (
    Row(("escape",), Command.BACK, "Back", "back"),
    Row(("r",), Command.REVOKE, "Revoke the selected grant and cut what rests on it", "revoke"),
    Row(("R",), Command.REVOKE_ALL, "Revoke all grants (asks)", "revoke all"),
    *LIST,
)

SESSIONS = (
    Row(("escape",), Command.BACK, "Back to where you were; out, where there is no tab", "back"),
    Row(("enter",), Command.DETAILS, "Open it: what runs in a tab, what has ended goes on or is played", "open"),
    Row(("r",), Command.RESUME, "Take up an ended session's conversation in a new one", "resume"),
    Row(("p",), Command.REPLAY, "Play its recording", "play"),
    Row(("l",), Command.BROWSE_AUDIT, "Its audit log", "audit"),
    Row(("x",), Command.STOP_SELECTED, "Stop it (asks)", "stop"),
    Row(("c",), Command.NEW_SESSION, "Start another session", "new"),
    *LIST,
)

OVER = (
    Row(("q", "enter"), Command.CLOSE, "Close the tab, and with the last one the app", "close"),
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
    Place.CARD: CARD,
    Place.ANSWER: ANSWER,
    Place.REVIEW: REVIEW,
    Place.SAYING: SAYING,
    Place.GRANTS: GRANTS,
    Place.SESSIONS: SESSIONS,
    Place.OVER: OVER,
}
"""What keys do without a prefix."""
HEADINGS = {
    Place.CARD: "Before a card, once the keys count",
    Place.ANSWER: "In the line under a card",
    Place.REVIEW: "While choosing several cards",
    Place.SAYING: "While writing to the agent",
    Place.GRANTS: "In the list of grants",
    Place.SESSIONS: "In the list of sessions",
    Place.PANEL: "In a side panel",
    Place.FILTER: "In the filter line",
    Place.SCROLLBACK: "While scrolling back",
    Place.OVER: "When the session is over",
}


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
        self._prefix = _index((*PREFIX, *TAB_ROWS))
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
        everywhere = ALWAYS[:1] if place is Place.SESSIONS else ALWAYS  # the others are about one session
        return tuple(row for row in (*PLACES[place], *everywhere) if row.hint)

    def sections(self, here: Place = Place.AGENT) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
        """The whole table for the help: a heading and its lines, each the keys and what they do; ``here`` first."""
        prefix = display(self.prefix)
        places = {place: (heading, _lines(PLACES[place])) for place, heading in HEADINGS.items()}
        first = [places.pop(here)] if here in places else []
        return (
            *first,
            ("Everywhere", ((prefix, "The prefix: the next key is a command"), *_lines(ALWAYS))),
            (
                f"After {prefix}",
                (
                    *_lines((*PREFIX, TAB_LINE)),
                    (prefix, f"{prefix} itself, to the agent"),
                    ("F1 - F4", "The function key itself, to the agent"),
                ),
            ),
            *places.values(),
        )


_SPELLED = {
    "asterisk": "*",
    "slash": "/",
    "space": "Space",
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
    "alt+enter": "Alt+Enter",
    "shift+enter": "Shift+Enter",
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
