"""What happens in a session, as values.

The supervisor publishes these; the audit log, the viewers and later readers consume them. They are
the vocabulary of the whole product, so this module imports nothing of ours. All times are seconds
since the epoch (float), all durations milliseconds unless the name says otherwise.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

LAST_STEP = "doors"
"""The step a start ends with; the agent may run before."""


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

    @property
    def is_over(self) -> bool:
        """Nothing more will happen to it."""
        return self in {FlowState.DONE, FlowState.ERROR}


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
    altered: tuple[str, ...] = ()
    """What was changed in its body before it was sent, in a few words each. Untrusted: may quote the agent's names."""
    intended: bool = False
    """Whether the audit log holds the intent to let it through: then it gets its outcome, whatever came between."""


class ModelSpending(Value, frozen=True):
    """What one model was used for."""

    model: str
    requests: int = 0
    tokens: int = 0
    usd: float = 0.0
    """By the provider's price list."""
    unpriced: int = 0
    """Requests of which the price is not known."""


class Spending(Value, frozen=True):
    """What the models were used for, the dearest first."""

    session: tuple[ModelSpending, ...] = ()
    today: tuple[ModelSpending, ...] = ()
    """By all sessions, since midnight."""


class FieldKind(StrEnum):
    """How a field of a card is to be read."""

    TEXT = "text"
    CODE = "code"
    DIFF = "diff"
    """Unified diff."""
    UNINSPECTABLE = "uninspectable"
    """Bytes that could not be decoded; ``value`` says what they are, not what they mean."""


class CardField(Value, frozen=True):
    """One labelled part of what is asked. ``value`` is whole, never cut: long ones scroll."""

    label: str
    value: str
    kind: FieldKind = FieldKind.TEXT
    size: int = 0
    """Bytes of the original."""


class Card(Value, frozen=True):
    """What a person sees of a held action: drawn on the host from the parsed bytes. Text in it is untrusted."""

    kind: str
    """``tool``, ``request``, ``tunnel``, ``package``, ``unseen``, ``budget`` or ``log``."""
    title: str
    """One line: ``git.push origin main``, ``GET https://api.example.org/x``."""
    asker: str
    reason: str
    """Why the policy wants a person, in words."""
    rule: str
    fields: tuple[CardField, ...]
    digest: str
    """SHA-256 (hexadecimal) of exactly what will be executed; a decision must name it."""
    risky: bool = False
    """Destroys, or leaves the machine: approving asks for more care."""


class WordSource(StrEnum):
    """How it is known what the person said."""

    TRUSTED_LINE = "trusted-line"
    """Typed on the host, into our own line."""
    KEYSTROKES = "keystrokes"
    """Worked out from the keys typed into the agent's terminal."""
    MODEL = "model"
    """Guessed from those keys by a model."""


class Confidence(StrEnum):
    """How sure it is that this is what the person said, surest first."""

    EXACT = "exact"
    LIKELY = "likely"
    UNKNOWN = "unknown"


class Utterance(Value, frozen=True):
    """What the person said to the agent. Nothing the agent wrote is ever part of it."""

    text: str
    time: float
    source: WordSource
    confidence: Confidence = Confidence.EXACT


class EscalationState(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    """The agent's side went away; it can no longer be approved."""


class Escalation(Value, frozen=True):
    """A held action."""

    id: str
    card: Card
    raised: float
    deadline: float
    """When it is denied by itself."""
    state: EscalationState = EscalationState.PENDING
    decided: float | None = None
    note: str = ""
    """Who or what decided, the scope, and the person's sentence if there was one."""
    words: Utterance | None = None
    """What the person said last before it was raised; None when that is not known at all."""
    hasty: bool = False
    """Whether it was answered as soon as it came on the screen, however long it had waited."""
    frozen: float | None = None
    """Seconds that are left while the doors are paused and the clock stands still; None while it runs."""

    def left(self, now: float) -> float:
        """Seconds until it is denied by itself; not above 0 when that is due."""
        return self.deadline - now if self.frozen is None else self.frozen


class Grant(Value, frozen=True):
    """A standing permission a person gave during this session."""

    id: str
    covers: str
    """What it allows, in words."""
    given: float
    expires: float | None = None
    uses_left: int | None = None
    connections: int = 0
    """Live connections that rest on it; revoking cuts them."""


class DoorState(StrEnum):
    OPEN = "open"
    PAUSED = "paused"
    """Both doors hold everything until they are opened again."""
    CUT = "cut"
    """Both doors are shut for good."""


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
    conversation: str = ""
    """UUID of the agent's conversation; a session that takes it up has the same. Empty: it cannot be taken up."""
    resumes: str = ""
    """The session whose conversation this one took up."""
    limits: str = ""
    """What the agent's container may use, in words."""
    task: str = ""
    """The start of what it was asked to do, for a session without a screen of the agent's; empty: it has one."""


class TaskFailure(StrEnum):
    """Why an agent could not do a task."""

    QUOTA = "quota"
    """The provider's limit for this account is used up."""
    PROVIDER = "provider-error"
    EMPTY = "empty-answer"
    AGENT = "agent-error"
    """The agent itself failed or ended badly."""


class TaskOutcome(StrEnum):
    """How a task without a screen ended."""

    SUCCESS = "success"
    FAILED = "failed"
    REFUSED = "refused"
    """The model refused, or policy or a person denied something that was asked for on the way."""
    LIMIT = "limit"
    """Its time or its tokens were used up."""
    STOPPED = "stopped"
    """Somebody ended it."""


BRIEF_LENGTH = 4_000
"""Characters of an answer that go into the audit log."""


class TaskResult(Value, frozen=True):
    """What became of a task without a screen. ``text`` and ``reason`` are partly the agent's words: untrusted."""

    outcome: TaskOutcome
    text: str = ""
    """The agent's final answer."""
    failure: TaskFailure | None = None
    reason: str = ""
    """Why it is no success, in words."""
    denied: tuple[str, ...] = ()
    """What was asked for and denied, a line each."""
    exit_code: int | None = None
    """Of the agent's command."""
    seconds: float = 0.0
    usage: Usage = Usage()
    cost_usd: float | None = None

    @property
    def brief(self) -> dict[str, object]:
        """For the audit log: all of it, but only the start of the answer."""
        brief: dict[str, object] = msgspec.to_builtins(msgspec.structs.replace(self, text=self.text[:BRIEF_LENGTH]))
        return brief


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

    @property
    def matters(self) -> bool:
        """Whether it stays unread until somebody reads it."""
        return self.level in {BadgeState.WARN, BadgeState.FAIL}


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


class TaskProgressed(Event, frozen=True, tag="task-progressed"):
    """The agent of a session without a screen did something: lines to be shown, untrusted."""

    lines: tuple[str, ...]


class TaskEnded(Event, frozen=True, tag="task-ended"):
    result: TaskResult


class SpendingChanged(Event, frozen=True, tag="spending"):
    """A model call is over, or another session's was."""

    spending: Spending


class EscalationChanged(Event, frozen=True, tag="escalation"):
    """An action was held, or what became of it. Carries the whole of it."""

    escalation: Escalation


class GrantsChanged(Event, frozen=True, tag="grants"):
    """All grants in force now."""

    grants: tuple[Grant, ...]


class DoorsChanged(Event, frozen=True, tag="doors"):
    doors: DoorState


class PersonSaid(Event, frozen=True, tag="said"):
    """The person sent the agent a message by the trusted line."""

    utterance: Utterance


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
    | TaskProgressed
    | TaskEnded
    | SpendingChanged
    | EscalationChanged
    | GrantsChanged
    | DoorsChanged
    | PersonSaid
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
    escalations: tuple[Escalation, ...] = ()
    """Pending ones, oldest first, and after them the most recently decided."""
    grants: tuple[Grant, ...] = ()
    doors: DoorState = DoorState.OPEN
    task: TaskResult | None = None
    """Once a task without a screen has ended."""
    spending: Spending = Spending()
    said: tuple[Utterance, ...] = ()
    """By the trusted line, oldest first, at most the configured ring."""
