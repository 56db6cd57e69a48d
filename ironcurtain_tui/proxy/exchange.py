"""One request and its response while they pass: what the add-ons know of it and what viewers are told."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from mitmproxy.flow import Flow as MitmFlow

from ironcurtain_tui.credentials.credential import Key
from ironcurtain_tui.events import Decision, Flow, FlowState
from ironcurtain_tui.policy.action import HttpRequest, Tunnel
from ironcurtain_tui.policy.endpoint import Endpoint
from ironcurtain_tui.providers.base import Provider
from ironcurtain_tui.providers.usage import UsageTap
from ironcurtain_tui.proxy.scrubber import Scrubber
from ironcurtain_tui.traffic.capture import Capture

_KEY = "ironcurtain"


@dataclass(eq=False)
class Exchange:
    """State of one exchange. ``action`` is what the agent asked, read before any key is swapped in."""

    id: str
    action: HttpRequest | Tunnel
    method: str
    provider: Provider | None = None
    endpoint: Endpoint | None = None
    decision: Decision = Decision.DENY
    """Denied until something admits it; ESCALATE while it waits for its body and for a person."""
    intended: bool = False
    """Whether the gate has admitted it, and so recorded: it may still be refused, for another reason."""
    is_installers: bool = False
    """Whether a package installer asks, which shows the reason phrase rather than the body."""
    stripped: tuple[str, ...] = ()
    """Names of headers that carried a credential and were taken out."""
    body_limit: int = 0
    """Bytes its body may have, which is collected as a whole before anything is sent; 0: it is streamed."""
    reserved: int = 0
    """Bytes its collected body may take."""
    body_too_large: bool = False
    """More came than may be collected."""
    altered: tuple[str, ...] = ()
    """What was changed in its body, in a few words each; may quote names that the agent chose."""
    key: Key | None = None
    """What was put in for the sentinel."""
    asks_again: bool = False
    """The response is to be dropped and the request sent once more."""
    asked_again: bool = False
    approved_digest: str = ""
    """Of what a person approved; what is sent must have it. Empty when nobody was asked."""
    reason: str = ""
    state: FlowState = FlowState.OPEN
    status: int | None = None
    bytes_up: int = 0
    bytes_down: int = 0
    content_type: str = ""
    first_byte_ms: float | None = None
    total_ms: float | None = None
    tap: UsageTap | None = None
    scrubber: Scrubber | None = None
    """Set once the response's head is clean."""
    cost_usd: float | None = None
    capture: Capture | None = None
    """Where its headers and bodies are remembered; None when they are not."""
    started: float = field(default_factory=time.time)
    _clock: float = field(default_factory=time.monotonic)

    @property
    def admitted(self) -> bool:
        """Whether it may go upstream."""
        return self.decision is Decision.ALLOW

    @property
    def held(self) -> bool:
        """Whether it must be collected as a whole, because a person has to see it first."""
        return self.decision is Decision.ESCALATE

    @property
    def over(self) -> bool:
        return self.state in (FlowState.DONE, FlowState.ERROR)

    def elapsed_ms(self) -> float:
        """Milliseconds since the request was read."""
        return (time.monotonic() - self._clock) * 1000

    def snapshot(self) -> Flow:
        """The exchange as an event tells it."""
        return Flow(
            id=self.id,
            started=self.started,
            method=self.method,
            host=self.action.host,
            port=self.action.port,
            path=self.action.path if isinstance(self.action, HttpRequest) else "",
            decision=self.decision,
            reason=self.reason,
            state=self.state,
            status=self.status,
            bytes_up=self.bytes_up,
            bytes_down=self.bytes_down,
            content_type=self.content_type,
            first_byte_ms=self.first_byte_ms,
            total_ms=self.total_ms,
            usage=self.tap.usage if self.tap else None,
            cost_usd=self.cost_usd,
            altered=self.altered,
            intended=self.intended,
        )

    def attach(self, flow: MitmFlow) -> None:
        """Make this the exchange of ``flow``."""
        flow.metadata[_KEY] = self

    @classmethod
    def find(cls, flow: MitmFlow) -> Exchange | None:
        """The exchange of ``flow``, None when it has none yet."""
        exchange = flow.metadata.get(_KEY)
        return exchange if isinstance(exchange, cls) else None

    @classmethod
    def of(cls, flow: MitmFlow) -> Exchange:
        """The exchange of ``flow``; LookupError when it has none."""
        exchange = cls.find(flow)
        if exchange is None:
            raise LookupError("a flow without its exchange")
        return exchange
