"""What the rest of the session knows of a task: the tokens it used, and what was denied to it."""

from __future__ import annotations

from collections.abc import Callable, Collection

from ironcurtain_tui.events import (
    AnyEvent,
    AuditAppended,
    Decision,
    EscalationChanged,
    EscalationState,
    Flow,
    FlowChanged,
    Usage,
)

MOST_DENIED = 50


class TaskWatch:
    """Hears every event of the session. ``on_limit`` is called once more than ``max_tokens`` (if not 0) were used."""

    def __init__(self, own_hosts: Collection[str], max_tokens: int, on_limit: Callable[[], object]) -> None:
        """``own_hosts``: the model's. What an agent is denied there of its own business is no denial of the task."""
        self._own_hosts = frozenset(own_hosts)
        self._max_tokens = max_tokens
        self._on_limit = on_limit
        self._counted: set[str] = set()
        self._denied: dict[str, None] = {}
        self.usage = Usage()
        self.cost_usd: float | None = None

    @property
    def denied(self) -> tuple[str, ...]:
        """What was asked for and denied, each once."""
        return tuple(self._denied)

    def hear(self, event: AnyEvent) -> None:
        """Take ``event`` into account."""
        match event:
            case FlowChanged(flow=flow) if flow.decision is Decision.DENY:
                if flow.host not in self._own_hosts:
                    self._deny(f"{flow.method} {flow.host}{flow.path}")
            case FlowChanged(flow=flow) if flow.state.is_over and flow.usage is not None:
                self._count(flow, flow.usage)
            case EscalationChanged(escalation=asked) if asked.state is EscalationState.CANCELLED:
                self._deny(f"{asked.card.title} (nobody answered while the agent waited)")
            case AuditAppended(line=line) if line.kind == "tool" and line.decision is Decision.DENY:
                self._deny(line.summary)
            case _:
                pass

    def _deny(self, what: str) -> None:
        if len(self._denied) < MOST_DENIED:
            self._denied[what] = None

    def _count(self, flow: Flow, more: Usage) -> None:
        if flow.id in self._counted:
            return
        self._counted.add(flow.id)
        total = self.usage
        self.usage = Usage(
            model=more.model,
            input_tokens=total.input_tokens + more.input_tokens,
            output_tokens=total.output_tokens + more.output_tokens,
            cache_read_tokens=total.cache_read_tokens + more.cache_read_tokens,
            cache_write_tokens=total.cache_write_tokens + more.cache_write_tokens,
        )
        if flow.cost_usd is not None:
            self.cost_usd = (self.cost_usd or 0.0) + flow.cost_usd
        if 0 < self._max_tokens < self.usage.total_tokens:
            self._on_limit()
