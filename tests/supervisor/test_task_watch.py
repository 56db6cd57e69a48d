"""What a task used and what was denied to it, counted from the session's events."""

from __future__ import annotations

from ironcurtain_tui.events import (
    AuditAppended,
    AuditLine,
    Card,
    Decision,
    Escalation,
    EscalationChanged,
    EscalationState,
    Flow,
    FlowChanged,
    FlowState,
    Usage,
)
from ironcurtain_tui.supervisor.task_watch import MOST_DENIED, TaskWatch


def flow(name: str, host: str = "model.example", **members: object) -> FlowChanged:
    basis = {"decision": Decision.ALLOW, "state": FlowState.DONE, "method": "POST", "port": 443, "path": "/v1"}
    return FlowChanged(flow=Flow(id=name, started=0.0, host=host, **(basis | members)))  # type: ignore[arg-type]


def tool(decision: Decision, summary: str = "git.git_push") -> AuditAppended:
    return AuditAppended(line=AuditLine(seq=1, time=0.0, kind="tool", decision=decision, summary=summary))


def watch(max_tokens: int = 0) -> tuple[TaskWatch, list[str]]:
    limits: list[str] = []
    return TaskWatch({"model.example"}, max_tokens, lambda: limits.append("limit")), limits


def test_each_model_call_counts_once_and_with_every_kind_of_token() -> None:
    counted, limits = watch(max_tokens=100)
    usage = Usage(model="m", input_tokens=10, output_tokens=20, cache_read_tokens=30, cache_write_tokens=40)
    counted.hear(flow("a", state=FlowState.STREAMING, usage=usage))
    assert counted.usage.total_tokens == 0
    counted.hear(flow("a", usage=usage, cost_usd=0.5))
    counted.hear(flow("a", usage=usage, cost_usd=0.5))
    assert (counted.usage, counted.cost_usd, limits) == (usage, 0.5, [])
    counted.hear(flow("b", usage=Usage(input_tokens=1)))
    assert (counted.usage.total_tokens, limits) == (101, ["limit"])


def test_denials_of_the_task_count_and_the_agents_own_business_does_not() -> None:
    counted, _ = watch()
    counted.hear(tool(Decision.ALLOW))
    counted.hear(tool(Decision.DENY))
    counted.hear(tool(Decision.DENY))
    counted.hear(flow("a", decision=Decision.DENY, path="/telemetry"))
    counted.hear(flow("b", host="x.example", decision=Decision.DENY, method="GET", path="/y"))
    counted.hear(AuditAppended(line=AuditLine(seq=2, time=0.0, kind="request", decision=Decision.DENY, summary="z")))
    assert counted.denied == ("git.git_push", "GET x.example/y")
    for number in range(MOST_DENIED * 2):
        counted.hear(tool(Decision.DENY, f"tool {number}"))
    assert len(counted.denied) == MOST_DENIED


def test_a_question_nobody_answered_in_time_is_a_denial() -> None:
    counted, _ = watch()
    card = Card(kind="request", title="GET https://x.example/", asker="", reason="", rule="", fields=(), digest="")
    for state in EscalationState:
        counted.hear(
            EscalationChanged(escalation=Escalation(id="e1", card=card, raised=0.0, deadline=1.0, state=state))
        )
    assert counted.denied == ("GET https://x.example/ (nobody answered while the agent waited)",)
