"""What happens in a session, as values.

The supervisor publishes these; the audit log, the viewers and later readers consume them. They are
the vocabulary of the whole product, so this module imports nothing of ours. All times are seconds
since the epoch (float), all durations milliseconds unless the name says otherwise.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Value(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An immutable record with named fields."""


class SessionStatus(StrEnum):
    """What the session does, told from the wire and the container, never from the agent's screen."""

    STARTING = "starting"
    RUNNING = "running"
    """A model call is under way or was, moments ago."""
    WAITING = "waiting"
    """Something is held until a person decides."""
    IDLE = "idle"
    """The agent waits for its user."""
    LOST = "lost"
    """The engine or the container went away; both doors are closed."""
    ENDED = "ended"


class BadgeState(StrEnum):
    PENDING = "pending"
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Decision(StrEnum):
    ALLOW = "allow"
    DENY = "deny"
    ESCALATE = "escalate"
    ANSWER = "answer"
    """Answered by us on the host; nothing left the machine."""


class FlowState(StrEnum):
    OPEN = "open"
    """Request accepted, nothing has come back yet."""
    STREAMING = "streaming"
    DONE = "done"
    ERROR = "error"


class Usage(Value, frozen=True):
    """Tokens of one model call, as the provider counted them."""

    model: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        """All of them, cached ones included."""
        return self.input_tokens + self.output_tokens + self.cache_read_tokens + self.cache_write_tokens


class Flow(Value, frozen=True):
    """One HTTP exchange (or refused attempt) through the proxy, as far as it has come.

    Built from the request as the agent sent it, before any key is swapped in; header values are
    never part of it. ``path`` has its query cut off.
    """

    id: str
    started: float
    method: str
    host: str
    port: int
    path: str
    decision: Decision
    reason: str = ""
    """Why it was refused, in words for a person; empty when allowed."""
    state: FlowState = FlowState.OPEN
    status: int | None = None
    bytes_up: int = 0
    bytes_down: int = 0
    content_type: str = ""
    first_byte_ms: float | None = None
    total_ms: float | None = None
    usage: Usage | None = None
    cost_usd: float | None = None


class AuditLine(Value, frozen=True):
    """One record of the audit log as the screen shows it."""

    seq: int
    time: float
    kind: str
    decision: Decision | None = None
    summary: str = ""


class Badge(Value, frozen=True):
    """A short standing statement in the header, e.g. ``no-egress``."""

    name: str
    state: BadgeState
    text: str
    detail: str = ""


class SessionInfo(Value, frozen=True):
    """What is fixed for the life of a session."""

    id: str
    agent: str
    """Name of the adapter: ``claude-code``, ``shell``, ..."""
    agent_title: str
    workspace: str
    rehearsal: bool
    network_mode: str
    started: float
    model: str = ""
    container: str = ""


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event"):
    """Base of everything that is published; subclasses are told apart by ``event``."""


class StatusChanged(Event, frozen=True, tag="status"):
    status: SessionStatus
    detail: str = ""


class StepChanged(Event, frozen=True, tag="step"):
    """Progress of start-up or shutdown: one line a step."""

    step: str
    state: BadgeState
    ms: float | None = None
    detail: str = ""


class BadgeChanged(Event, frozen=True, tag="badge"):
    badge: Badge


class FlowChanged(Event, frozen=True, tag="flow"):
    """A flow appeared or moved on. Carries its whole state, so applying it twice does no harm."""

    flow: Flow


class AuditAppended(Event, frozen=True, tag="audit"):
    line: AuditLine


class Notice(Event, frozen=True, tag="notice"):
    """A sentence for the person, with what to do about it."""

    level: BadgeState
    text: str
    remedy: str = ""
    time: float = 0.0


class AgentExited(Event, frozen=True, tag="agent-exited"):
    exit_code: int | None


class TitleChanged(Event, frozen=True, tag="title"):
    """The agent set its terminal's title. Untrusted text."""

    title: str


class BellRang(Event, frozen=True, tag="bell"):
    """The agent's terminal rang."""


class ScreenRestarted(Event, frozen=True, tag="screen-restarted"):
    """The screen process crashed and a new one took over."""

    reason: str


AnyEvent = (
    StatusChanged
    | StepChanged
    | BadgeChanged
    | FlowChanged
    | AuditAppended
    | Notice
    | AgentExited
    | TitleChanged
    | BellRang
    | ScreenRestarted
)


class Numbered(Value, frozen=True):
    """An event with its place in the session's order, from 1."""

    seq: int
    event: AnyEvent


class SessionState(Value, frozen=True):
    """Everything a viewer needs to show a session from nothing: the sum of all events so far."""

    info: SessionInfo
    seq: int
    status: SessionStatus
    status_detail: str = ""
    steps: tuple[StepChanged, ...] = ()
    badges: tuple[Badge, ...] = ()
    flows: tuple[Flow, ...] = ()
    """The newest flows, oldest first, at most the configured ring."""
    audit: tuple[AuditLine, ...] = ()
    notices: tuple[Notice, ...] = ()
    title: str = ""
    exit_code: int | None = None
