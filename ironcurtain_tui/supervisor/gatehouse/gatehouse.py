"""Everything between a question and its answer, put together: gatekeeper, queue, grants, doors, and the desk."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Protocol

from ironcurtain_tui.audit.log import AuditLog, AuditUnavailable
from ironcurtain_tui.config import ApprovalSettings, AuditSettings, AutoApproveSettings
from ironcurtain_tui.control.messages import ClientMessage, Decide, PreviewAlways, Revoke, Say, SetDoors
from ironcurtain_tui.control.server import Viewer
from ironcurtain_tui.events import BadgeState, Confidence, Escalation
from ironcurtain_tui.models.model import Model
from ironcurtain_tui.policy.action import Action
from ironcurtain_tui.supervisor.bulletin import Bulletin
from ironcurtain_tui.supervisor.gatehouse.approvals import Approvals
from ironcurtain_tui.supervisor.gatehouse.auto_approver import AutoApprover
from ironcurtain_tui.supervisor.gatehouse.barrier import Barrier
from ironcurtain_tui.supervisor.gatehouse.desk import Desk, Record
from ironcurtain_tui.supervisor.gatehouse.evidence import HostEvidence
from ironcurtain_tui.supervisor.gatehouse.gatekeeper import Gatekeeper
from ironcurtain_tui.supervisor.gatehouse.hearing import Hearing
from ironcurtain_tui.supervisor.gatehouse.leases import Leases
from ironcurtain_tui.supervisor.gatehouse.live_policy import LivePolicy
from ironcurtain_tui.supervisor.gatehouse.record_room import RecordRoom
from ironcurtain_tui.supervisor.gatehouse.treasurer import Treasurer
from ironcurtain_tui.tasks import TaskOwner


class Connections(Protocol):
    """The proxy, as far as grants need it."""

    def connections_to(self, host: str) -> int:
        """How many of the agent's connections lead to ``host``."""

    def cut(self, host: str) -> None:
        """End them."""

    def cut_all(self) -> None:
        """End every connection of the agent, whatever is under way."""


class Gatehouse:
    """One session's. Both doors ask ``gatekeeper``; viewers' messages come in by ``on_message``."""

    def __init__(
        self,
        policy: LivePolicy,
        audit: AuditLog,
        bulletin: Bulletin,
        settings: ApprovalSettings,
        *,
        asker: str,
        sentinels: tuple[str, ...],
        viewers: Callable[[], int],
        hearing: Hearing,
        auto_approve: AutoApproveSettings,
        model: Model | None,
        workspace: Path,
        record: Record,
        on_waiting: Callable[[int], None],
        on_unavailable: Callable[[AuditUnavailable], None],
        cut_doors: Callable[[], Awaitable[None]],
        treasurer: Treasurer | None = None,
        audit_settings: AuditSettings | None = None,
    ) -> None:
        """``viewers``: how many watch. ``on_waiting`` is told how many questions wait. ``cut_doors`` shuts both."""
        self._bulletin = bulletin
        self._proxy: Connections | None = None
        self._tasks = TaskOwner()
        self._approvals = Approvals(
            audit,
            bulletin.publish,
            settings.timeout,
            on_waiting=on_waiting,
            on_unavailable=on_unavailable,
            words=hearing.last,
        )
        self._hearing = hearing
        self._model = model
        self.remotes: Mapping[str, str] = {}
        """URLs and what the person calls them; to be set before the agent can change that."""
        self._auto_approver = AutoApprover(
            auto_approve.mode,
            model,
            self._approvals,
            audit,
            policy.elements,
            workspace,
            lambda: self.remotes,
            on_unavailable=on_unavailable,
        )
        self._approvals.on_raised = self._raised
        self._leases = Leases(bulletin.publish, self._connections_to, self.cut, policy.covers)
        barrier = Barrier()
        self.gatekeeper = Gatekeeper(
            policy,
            audit,
            self._approvals,
            self._leases,
            barrier,
            HostEvidence(policy.elements),
            asker=asker,
            sentinels=sentinels,
            attended=lambda: viewers() > 0,
            waits_unattended=settings.unattended == "wait",
            on_unavailable=on_unavailable,
            on_tripwire=self._tripped,
            treasurer=treasurer,
            room=RecordRoom(audit_settings or AuditSettings(), audit, bulletin, asker=asker),
        )
        self._cut_doors = cut_doors
        self._desk = Desk(self._approvals, self._leases, barrier, policy, bulletin, record, self._shut)

    def watch(self, proxy: Connections) -> None:
        """From now on grants know the connections that rest on them."""
        self._proxy = proxy

    def flow_changed(self) -> None:
        """Something passed or ended: what rests on grants may be different."""
        if self._leases.in_force:
            self._leases.refresh()

    def cut(self, host: str) -> None:
        """End every connection of the agent that leads to ``host``."""
        if self._proxy is not None:
            self._proxy.cut(host)

    @property
    def open_hosts(self) -> tuple[str, ...]:
        """What grants open, in words."""
        return tuple(lease.rule.name for lease in self._leases.in_force if lease.host)

    def on_message(self, viewer: Viewer, message: ClientMessage) -> None:
        """Carry out what a viewer asks, if it concerns approvals or the agent is spoken to. Returns at once."""
        match message:
            case Decide():
                self._tasks.start(self._decide(viewer, message), "decision")
            case PreviewAlways():
                self._tasks.start(self._preview(viewer, message), "preview")
            case Revoke():
                self._tasks.start(self._desk.revoke(message), "revocation")
            case SetDoors():
                self._tasks.start(self._desk.set_doors(message), "doors")
            case Say(text=text):
                self._tasks.start(self._hearing.say(text), "message to the agent")
            case _:
                pass

    async def close(self) -> None:
        """Stop clocks and tasks."""
        self._leases.close()
        await self._tasks.close()
        await self._auto_approver.close()
        await self._approvals.close()
        await self.gatekeeper.close()

    async def _decide(self, viewer: Viewer, message: Decide) -> None:
        refused = await self._desk.decide(message)
        if refused is not None:
            viewer.answer(refused)

    async def _preview(self, viewer: Viewer, message: PreviewAlways) -> None:
        viewer.answer(await self._desk.preview(message))

    async def _guess(self, model: Model, escalation: str) -> None:
        words = await self._hearing.guess(model)
        if words is not None:
            self._approvals.amend(escalation, words)
            self._hearing.note(words, escalation)

    def _raised(self, escalation: Escalation, action: Action) -> None:
        words = escalation.words
        self._hearing.note(words, escalation.id)
        if self._model is not None and words is not None and words.confidence is not Confidence.EXACT:
            self._tasks.start(self._guess(self._model, escalation.id), "guess of what was typed")
        self._auto_approver.raised(escalation, action)

    def _connections_to(self, host: str) -> int:
        return self._proxy.connections_to(host) if self._proxy else 0

    async def _shut(self) -> None:
        if self._proxy is not None:
            self._proxy.cut_all()
        await self._cut_doors()

    def _tripped(self, what: str) -> None:
        self._bulletin.notice(
            BadgeState.FAIL,
            f"A placeholder key was about to leave for a place where it has no business. Refused: {what}.",
            "Look at what the agent does; pause the doors if in doubt.",
        )
