"""A session summed up from its records. Pure."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping

from ironcurtain_tui.audit.chain import Record
from ironcurtain_tui.audit.facets import Facet, facets
from ironcurtain_tui.events import Decision, Value

MOST = 10
"""Lines of each list."""


class HostFigures(Value, frozen=True):
    """What went to and came from one host."""

    host: str
    requests: int
    bytes_up: int
    bytes_down: int


class Question(Value, frozen=True):
    """Something a person was asked."""

    title: str
    rule: str
    asked: int
    approved: int


class SessionReport(Value, frozen=True):
    """The figures of one session, or of several."""

    records: int
    first_us: int
    last_us: int
    decisions: dict[str, int]
    tools: list[tuple[str, int]]
    """Most used first."""
    denied: list[tuple[str, int]]
    hosts: list[HostFigures]
    """By bytes, most first."""
    bytes_up: int
    bytes_down: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    cost_usd: float
    decision_ms: list[int]
    """How long the person took for each decision, ascending."""
    questions: list[Question]
    """Asked most often first."""
    flow_errors: int
    """Requests that were let through and failed."""

    @property
    def median_decision_ms(self) -> float | None:
        """None when nobody was asked."""
        return statistics.median(self.decision_ms) if self.decision_ms else None


def summarise(records: Iterable[Record]) -> SessionReport:
    """Sum up ``records`` in one pass."""
    figures = _Figures()
    for record in records:
        figures.add(record)
    return figures.report()


class _Figures:
    def __init__(self) -> None:
        self.records = self.first_us = self.last_us = self.errors = 0
        self.decisions: Counter[str] = Counter()
        self.tools: Counter[str] = Counter()
        self.denied: Counter[str] = Counter()
        self.requests: Counter[str] = Counter()
        self.up: Counter[str] = Counter()
        self.down: Counter[str] = Counter()
        self.tokens: Counter[str] = Counter()
        self.cost = 0.0
        self.decision_ms: list[int] = []
        self.asked: Counter[tuple[str, str]] = Counter()
        self.approved: Counter[tuple[str, str]] = Counter()
        self.open: dict[object, tuple[str, str]] = {}

    def add(self, record: Record) -> None:
        self.records += 1
        self.first_us = record.time_us if self.records == 1 else min(self.first_us, record.time_us)
        self.last_us = max(self.last_us, record.time_us)
        about = facets(record)
        if record.kind.startswith("escalation."):
            self._question(record)
        elif record.decision is not None:
            self.decisions[record.decision] += 1
            if record.decision is Decision.DENY:
                self.denied[record.summary] += 1
            if Facet.TOOL in about:
                self.tools[about[Facet.TOOL]] += 1
        elif record.kind == "request.end" and Facet.HOST in about:
            self._traffic(about[Facet.HOST], record.data)

    def _question(self, record: Record) -> None:
        name = record.data.get("escalation")
        if record.kind == "escalation.raised":
            question = (record.summary.partition(": ")[2], str(record.data.get("rule", "")))
            self.open[name] = question
            self.asked[question] += 1
        elif record.kind == "escalation.decided":
            asked = self.open.pop(name, None)
            if asked is not None and record.decision is Decision.ALLOW:
                self.approved[asked] += 1
            if isinstance(took := record.data.get("decision_ms"), int):
                self.decision_ms.append(took)

    def _traffic(self, host: str, flow: Mapping[str, object]) -> None:
        self.requests[host] += 1
        self.up[host] += _whole(flow.get("bytes_up"))
        self.down[host] += _whole(flow.get("bytes_down"))
        self.errors += flow.get("state") == "error"
        usage = flow.get("usage")
        for name, count in usage.items() if isinstance(usage, Mapping) else ():
            self.tokens[name] += _whole(count)
        cost = flow.get("cost_usd")
        self.cost += cost if isinstance(cost, (int, float)) else 0.0

    def report(self) -> SessionReport:
        hosts = [
            HostFigures(host=host, requests=count, bytes_up=self.up[host], bytes_down=self.down[host])
            for host, count in self.requests.items()
        ]
        return SessionReport(
            records=self.records,
            first_us=self.first_us,
            last_us=self.last_us,
            decisions=dict(self.decisions),
            tools=self.tools.most_common(MOST),
            denied=self.denied.most_common(MOST),
            hosts=sorted(hosts, key=lambda one: -(one.bytes_up + one.bytes_down))[:MOST],
            bytes_up=self.up.total(),
            bytes_down=self.down.total(),
            input_tokens=self.tokens["input_tokens"],
            output_tokens=self.tokens["output_tokens"],
            cached_tokens=self.tokens["cache_read_tokens"] + self.tokens["cache_write_tokens"],
            cost_usd=round(self.cost, 6),
            decision_ms=sorted(self.decision_ms),
            questions=[
                Question(title=title, rule=rule, asked=count, approved=self.approved[title, rule])
                for (title, rule), count in self.asked.most_common(MOST)
            ],
            flow_errors=self.errors,
        )


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
