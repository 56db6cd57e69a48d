"""Messages on ``control.sock``, version 2. The one schema of that wire.

Every message is a MessagePack map with a ``type`` field, framed by control/framing.py. A client opens
with ``Hello``; the server answers ``Welcome`` or ``Refused`` and then sends events and screen updates
as they come. Screen content is written by the agent and untrusted; all else is written by us.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from ironcurtain_tui.events import DoorState, Numbered, SessionState

PROTOCOL_VERSION = 2


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", forbid_unknown_fields=True):
    """Base of everything on the wire."""


# --- the screen ------------------------------------------------------------------------------------


class CursorShape(StrEnum):
    BLOCK = "block"
    UNDERLINE = "underline"
    BAR = "bar"


class Cursor(msgspec.Struct, frozen=True):
    """Cell of the cursor, from 0, and how it looks."""

    x: int = 0
    y: int = 0
    visible: bool = True
    blinking: bool = False
    shape: CursorShape = CursorShape.BLOCK


class MouseTracking(StrEnum):
    NONE = "none"
    CLICK = "click"
    """DEC mode 9 or 1000."""
    DRAG = "drag"
    """DEC mode 1002."""
    MOTION = "motion"
    """DEC mode 1003."""


class TerminalModes(msgspec.Struct, frozen=True):
    """Modes the agent switched that change what keys, mouse and paste must send."""

    alternate_screen: bool = False
    application_cursor: bool = False
    application_keypad: bool = False
    bracketed_paste: bool = False
    focus_events: bool = False
    mouse: MouseTracking = MouseTracking.NONE
    mouse_sgr: bool = False
    alternate_scroll: bool = False
    kitty_flags: int = 0
    """Progressive enhancement flags of the kitty keyboard protocol, 0 when off."""


class CellStyle(msgspec.Struct, frozen=True, array_like=True):
    """How a run of cells looks. Colours: None default, 0..255 palette, 0x1000000 | 0xRRGGBB true colour."""

    fg: int | None = None
    bg: int | None = None
    flags: int = 0
    """Sum of BOLD 1, ITALIC 2, FAINT 4, BLINK 8, INVERSE 16, INVISIBLE 32, STRIKE 64, OVERLINE 128."""
    underline: int = 0
    """0 none, 1 single, 2 double, 3 curly, 4 dotted, 5 dashed."""
    underline_color: int | None = None
    link: str = ""
    """OSC 8 target, untrusted."""


class Run(msgspec.Struct, frozen=True, array_like=True):
    """Adjacent cells of one style. ``text`` measures exactly the cells it covers, never more or less."""

    text: str
    style: CellStyle = CellStyle()


Row = tuple[Run, ...]


class ScreenUpdate(Message, frozen=True, tag="screen"):
    """The rows that changed. A viewer that applies every update shows exactly the agent's screen.

    ``rows`` maps the row number (0 = top) to its runs, still encoded (decode with ``decode_row``): the
    supervisor forwards them unread. ``full`` means that every row is there and old ones are void.
    """

    cols: int
    lines: int
    cursor: Cursor
    modes: TerminalModes
    rows: dict[int, msgspec.Raw]
    full: bool = False
    history: int = 0
    """Rows of scrollback above the screen."""


class HistoryRows(Message, frozen=True, tag="history"):
    """Answer to ReadHistory: rows from ``top`` (0 = oldest) on."""

    request: int
    top: int
    total: int
    """Rows of scrollback and screen together, now."""
    rows: tuple[msgspec.Raw, ...]


# --- client to server --------------------------------------------------------------------------------


class Hello(Message, frozen=True, tag="hello", omit_defaults=True):
    protocol: int
    cols: int = 0
    lines: int = 0
    """Size of the viewer's terminal widget; 0 when it shows no screen: it gets none until it sends ``Watch``."""
    decides: bool = True
    """Whether a person is there who can answer questions."""


class Watch(Message, frozen=True, tag="watch"):
    """Whether this viewer shows the agent's screen. While it does not, changes are merged and not sent."""

    screen: bool


class Key(Message, frozen=True, tag="key"):
    """A key pressed in the terminal widget, in Textual's names (``ctrl+c``, ``shift+enter``, ``a``)."""

    key: str
    character: str | None = None


class Paste(Message, frozen=True, tag="paste"):
    text: str


class Say(Message, frozen=True, tag="say"):
    """A message to the agent, typed on the host: sent as a paste and Enter, and kept as what the person asked."""

    text: str


class MouseKind(StrEnum):
    PRESS = "press"
    RELEASE = "release"
    MOTION = "motion"
    SCROLL_UP = "scroll-up"
    SCROLL_DOWN = "scroll-down"


class Mouse(Message, frozen=True, tag="mouse"):
    """Mouse in the terminal widget; ``x``, ``y`` cells from 0; ``button`` 0 none, 1 left, 2 middle, 3 right."""

    kind: MouseKind
    x: int
    y: int
    button: int = 0
    shift: bool = False
    alt: bool = False
    ctrl: bool = False


class Focus(Message, frozen=True, tag="focus"):
    focused: bool


class Resize(Message, frozen=True, tag="resize"):
    cols: int
    lines: int


class ReadHistory(Message, frozen=True, tag="read-history"):
    request: int
    top: int
    count: int


class StopSession(Message, frozen=True, tag="stop"):
    """End the agent and remove everything the session made."""


class ScopeKind(StrEnum):
    ONCE = "once"
    SESSION = "session"
    MINUTES = "minutes"
    USES = "uses"
    ALWAYS = "always"
    """A rule is written to the user's policy file; preview it first."""


class Decide(Message, frozen=True, tag="decide"):
    """A person's answer to an escalation. Refused unless ``digest`` is that of the held action."""

    escalation: str
    digest: str
    approve: bool
    scope: ScopeKind = ScopeKind.ONCE
    amount: int = 0
    """Minutes or uses, where the scope counts."""
    sentence: str = ""
    """With a denial: told to the agent."""
    word: str = ""
    """Typed after a streak of hasty approvals (escalations/haste.py); else a risky one is refused then."""
    hasty: bool = False
    """Whether it was begun as soon as the card had come on the screen."""


class PreviewAlways(Message, frozen=True, tag="preview-always"):
    """What rule would "always" write, and what would it have changed?"""

    request: int
    escalation: str


class Revoke(Message, frozen=True, tag="revoke"):
    """Take back a grant, or all of them when ``grant`` is empty, and cut what rests on it."""

    grant: str = ""


class SetDoors(Message, frozen=True, tag="set-doors"):
    """Pause, reopen or cut both doors."""

    doors: DoorState


ClientMessage = (
    Hello
    | Watch
    | Key
    | Paste
    | Say
    | Mouse
    | Focus
    | Resize
    | ReadHistory
    | StopSession
    | Decide
    | PreviewAlways
    | Revoke
    | SetDoors
)


# --- server to client --------------------------------------------------------------------------------


class Welcome(Message, frozen=True, tag="welcome"):
    """First message to a client, and again whenever its queue overflowed: replaces all it knew."""

    protocol: int
    state: SessionState


class Events(Message, frozen=True, tag="events"):
    events: tuple[Numbered, ...]


class Refused(Message, frozen=True, tag="refused"):
    reason: str
    remedy: str = ""


class Goodbye(Message, frozen=True, tag="goodbye"):
    """The session is over; the supervisor closes the connection after this."""

    reason: str


class DecisionRefused(Message, frozen=True, tag="decision-refused"):
    """A Decide had no effect: gone, expired, decided already, or another digest."""

    escalation: str
    reason: str


class AlwaysPreview(Message, frozen=True, tag="always-preview"):
    """Answer to PreviewAlways."""

    request: int
    rule: str
    """The TOML that would be added."""
    effects: tuple[str, ...]
    """Decisions of past sessions that it would have changed, one line each."""


ServerMessage = Welcome | Events | ScreenUpdate | HistoryRows | Refused | Goodbye | DecisionRefused | AlwaysPreview

_row_decoder = msgspec.msgpack.Decoder(Row)


def decode_row(raw: msgspec.Raw) -> Row:
    """Decode one row of a ScreenUpdate; msgspec.DecodeError when it is not one."""
    return _row_decoder.decode(raw)
