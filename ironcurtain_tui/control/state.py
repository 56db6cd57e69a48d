"""The sum of all events: what a viewer that comes late needs to know."""

from __future__ import annotations

from collections import deque

from ironcurtain_tui.events import (
    AgentExited,
    AnyEvent,
    AuditAppended,
    AuditLine,
    Badge,
    BadgeChanged,
    DoorsChanged,
    DoorState,
    Escalation,
    EscalationChanged,
    EscalationState,
    Flow,
    FlowChanged,
    Grant,
    GrantsChanged,
    Notice,
    Numbered,
    PersonSaid,
    SessionInfo,
    SessionState,
    SessionStatus,
    Spending,
    SpendingChanged,
    StatusChanged,
    StepChanged,
    TaskEnded,
    TaskResult,
    TitleChanged,
    Utterance,
)

FLOWS_KEPT = 2_000
AUDIT_KEPT = 5_000
NOTICES_KEPT = 100
DECIDED_KEPT = 200
SAID_KEPT = 50


class StateKeeper:
    """Numbers events and folds them into bounded state. Used on both ends of the wire."""

    def __init__(self, info: SessionInfo) -> None:
        self.info = info
        self.seq = 0
        self.status = SessionStatus.STARTING
        self.status_detail = ""
        self.title = ""
        self.exit_code: int | None = None
        self.steps: dict[str, StepChanged] = {}
        self.badges: dict[str, Badge] = {}
        self.flows: dict[str, Flow] = {}
        self.audit: deque[AuditLine] = deque(maxlen=AUDIT_KEPT)
        self.notices: deque[Notice] = deque(maxlen=NOTICES_KEPT)
        self.pending: dict[str, Escalation] = {}
        self.decided: deque[Escalation] = deque(maxlen=DECIDED_KEPT)
        self.grants: tuple[Grant, ...] = ()
        self.doors = DoorState.OPEN
        self.task: TaskResult | None = None
        self.spending = Spending()
        self.said: deque[Utterance] = deque(maxlen=SAID_KEPT)

    @classmethod
    def restore(cls, state: SessionState) -> StateKeeper:
        """A keeper that stands where ``state`` stood."""
        keeper = cls(state.info)
        keeper.seq = state.seq
        keeper.status, keeper.status_detail = state.status, state.status_detail
        keeper.title, keeper.exit_code = state.title, state.exit_code
        keeper.steps = {step.step: step for step in state.steps}
        keeper.badges = {badge.name: badge for badge in state.badges}
        keeper.flows = {flow.id: flow for flow in state.flows}
        keeper.audit.extend(state.audit)
        keeper.notices.extend(state.notices)
        for escalation in state.escalations:
            keeper._keep(escalation)
        keeper.grants, keeper.doors = state.grants, state.doors
        keeper.task = state.task
        keeper.spending = state.spending
        keeper.said.extend(state.said)
        return keeper

    @property
    def remedy(self) -> str:
        """What to do about the status, if the notice that has told of it says so."""
        return next((notice.remedy for notice in reversed(self.notices) if notice.text == self.status_detail), "")

    def number(self, event: AnyEvent) -> Numbered:
        """Give ``event`` the next number and fold it in."""
        numbered = Numbered(seq=self.seq + 1, event=event)
        self.apply(numbered)
        return numbered

    def apply(self, numbered: Numbered) -> None:
        """Fold in one event; applying an old one again changes nothing."""
        if numbered.seq <= self.seq:
            return
        self.seq = numbered.seq
        match numbered.event:
            case StatusChanged(status=status, detail=detail):
                self.status, self.status_detail = status, detail
            case StepChanged() as step:
                self.steps[step.step] = step
            case BadgeChanged(badge=badge):
                self.badges[badge.name] = badge
            case FlowChanged(flow=flow):
                self.flows[flow.id] = flow
                if len(self.flows) > FLOWS_KEPT:
                    del self.flows[next(iter(self.flows))]
            case AuditAppended(line=line):
                self.audit.append(line)
            case Notice() as notice:
                self.notices.append(notice)
            case TitleChanged(title=title):
                self.title = title
            case AgentExited(exit_code=code):
                self.exit_code = code
            case EscalationChanged(escalation=escalation):
                self._keep(escalation)
            case GrantsChanged(grants=grants):
                self.grants = grants
            case DoorsChanged(doors=doors):
                self.doors = doors
            case TaskEnded(result=result):
                self.task = result
            case SpendingChanged(spending=spending):
                self.spending = spending
            case PersonSaid(utterance=utterance):
                self.said.append(utterance)
            case _:
                pass  # bells, restarts and what a task does are moments, not state

    def _keep(self, escalation: Escalation) -> None:
        if escalation.state is EscalationState.PENDING:
            self.pending[escalation.id] = escalation
        else:
            self.pending.pop(escalation.id, None)
            self.decided.append(escalation)

    def snapshot(self) -> SessionState:
        """All of it, as one value."""
        return SessionState(
            info=self.info,
            seq=self.seq,
            status=self.status,
            status_detail=self.status_detail,
            steps=tuple(self.steps.values()),
            badges=tuple(self.badges.values()),
            flows=tuple(self.flows.values()),
            audit=tuple(self.audit),
            notices=tuple(self.notices),
            title=self.title,
            exit_code=self.exit_code,
            escalations=(*self.pending.values(), *self.decided),
            grants=self.grants,
            doors=self.doors,
            spending=self.spending,
            task=self.task,
            said=tuple(self.said),
        )
