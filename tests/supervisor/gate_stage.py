"""The gatehouse of a session on real parts: policy files, audit log, control socket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from ironcurtain_tui.audit.ledger import Notary
from ironcurtain_tui.audit.log import AuditLog
from ironcurtain_tui.audit.reader import last_records
from ironcurtain_tui.config import ApprovalSettings, AuditSettings, AutoApproveSettings, BudgetSettings
from ironcurtain_tui.control.messages import ClientMessage, Decide, ScopeKind
from ironcurtain_tui.control.server import ControlServer, ScreenDamage, Viewer
from ironcurtain_tui.events import (
    AnyEvent,
    Escalation,
    Numbered,
    SessionInfo,
    SessionState,
)
from ironcurtain_tui.models.model import Model
from ironcurtain_tui.policy.action import ToolCall
from ironcurtain_tui.policy.load import build_policy
from ironcurtain_tui.providers.anthropic import ANTHROPIC
from ironcurtain_tui.supervisor.bulletin import Bulletin
from ironcurtain_tui.supervisor.gatehouse.backtest import past_logs
from ironcurtain_tui.supervisor.gatehouse.day_book import DayBook
from ironcurtain_tui.supervisor.gatehouse.gatehouse import Gatehouse
from ironcurtain_tui.supervisor.gatehouse.hearing import Hearing
from ironcurtain_tui.supervisor.gatehouse.live_policy import USER, LivePolicy
from ironcurtain_tui.supervisor.gatehouse.treasurer import Treasurer
from tests.waiting import until

SENTINEL = "sk-ant-api03-ironcurtain-abc"


class NoScreen:
    def take(self) -> None:
        return None


@dataclass
class Hosts:
    """The proxy's side of grants."""

    open: dict[str, int] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)

    def connections_to(self, host: str) -> int:
        return self.open.get(host, 0)

    def cut(self, host: str) -> None:
        self.ended.append(host)
        self.open.pop(host, None)

    def cut_all(self) -> None:
        for host in list(self.open):
            self.cut(host)


class GateStage:
    """One session without doors and agent."""

    def __init__(
        self,
        root: Path,
        settings: ApprovalSettings,
        publish: Callable[[AnyEvent], None],
        budget: BudgetSettings,
        auto_approve: AutoApproveSettings,
        model: Model | None,
        audit: AuditSettings,
        notary: Notary | None,
    ) -> None:
        self.root = root
        self.workspace = root / "project"
        self.workspace.mkdir(parents=True)
        kept = root / "sessions" / ("0" * 12)
        kept.mkdir(parents=True)
        self.socket = root / "c.sock"
        self.server = ControlServer(self.socket, self)
        info = SessionInfo(
            id="0" * 12,
            agent="shell",
            agent_title="Shell",
            workspace=str(self.workspace),
            rehearsal=False,
            network_mode="uds",
            started=0.0,
        )
        self.bulletin = Bulletin(info, self._send)
        self._publish = publish
        self.audit = AuditLog.open(kept / "audit.jsonl", "0" * 12, notary=notary)
        self.hosts = Hosts()
        self.watched = True
        self.waiting: list[int] = []
        self.doors_cut = False
        self.audit_failures: list[str] = []
        self.user_file = root / "policy.toml"
        build = partial(build_policy, hosts=ANTHROPIC.rules(), workspace=self.workspace, state_dir=root / "state")
        self.policy = LivePolicy({USER: self.user_file}, build, partial(past_logs, root))
        self.hearing = Hearing(
            "claude-code",
            self.audit,
            self.bulletin,
            kept / "user-context.json",
            dialect="claude-code",
            redact=lambda text: text.replace("secret", "[redacted]"),
            on_unavailable=lambda error: self.audit_failures.append(error.message),
        )
        self.treasurer = Treasurer(
            budget,
            DayBook(root / "spending"),
            self.bulletin,
            lambda host, method, _: (host, method) == ("api.anthropic.com", "POST"),
            asker="Shell",
        )
        self.gatehouse = Gatehouse(
            self.policy,
            self.audit,
            self.bulletin,
            settings,
            asker="Shell",
            sentinels=(SENTINEL,),
            viewers=lambda: int(self.watched),
            hearing=self.hearing,
            auto_approve=auto_approve,
            model=model,
            workspace=self.workspace,
            record=self._record,
            on_waiting=self.waiting.append,
            on_unavailable=lambda error: self.audit_failures.append(error.message),
            cut_doors=self._cut,
            treasurer=self.treasurer,
            audit_settings=audit,
        )
        self.gatehouse.watch(self.hosts)
        self.gate = self.gatehouse.gatekeeper

    async def _record(self, kind: str, summary: str, data: object) -> None:
        await self.audit.append_async(kind, summary, data=data if isinstance(data, dict) else None)

    async def _cut(self) -> None:
        self.doors_cut = True

    def _send(self, event: Numbered) -> None:
        self.server.publish(event)
        self._publish(event.event)

    # --- Served ------------------------------------------------------------------------------------

    def snapshot(self) -> SessionState:
        return self.bulletin.keeper.snapshot()

    def watch_screen(self) -> ScreenDamage:
        return NoScreen()

    def on_message(self, viewer: Viewer, message: ClientMessage) -> None:
        self.gatehouse.on_message(viewer, message)

    def on_viewers_changed(self) -> None:
        pass

    # --- for tests ---------------------------------------------------------------------------------

    @property
    def pending(self) -> list[Escalation]:
        return list(self.bulletin.keeper.pending.values())

    async def raised(self, count: int = 1) -> list[Escalation]:
        """Wait until ``count`` questions wait."""
        await until(lambda: len(self.pending) >= count)
        return self.pending

    def kinds(self) -> list[str]:
        """Kinds of the last audit records."""
        return [record.kind for record in last_records(self.audit.path, 100)]


@asynccontextmanager
async def gate_stage(
    root: Path,
    *,
    settings: ApprovalSettings | None = None,
    policy: str = "",
    publish: Callable[[AnyEvent], None] = lambda _: None,
    budget: BudgetSettings | None = None,
    auto_approve: AutoApproveSettings | None = None,
    model: Model | None = None,
    audit: AuditSettings | None = None,
    notary: Notary | None = None,
) -> AsyncIterator[GateStage]:
    (root / "policy.toml").write_text(policy)
    stage = GateStage(
        root,
        settings or ApprovalSettings(),
        publish,
        budget or BudgetSettings(),
        auto_approve or AutoApproveSettings(),
        model,
        audit or AuditSettings(),
        notary,
    )
    await stage.server.start()
    try:
        yield stage
    finally:
        await stage.gatehouse.close()
        await stage.server.close("test over")
        stage.audit.close()


def fetch(page: str = "main") -> ToolCall:
    """A call that the default policy escalates."""
    return ToolCall(server="fetch", tool="fetch", arguments={"url": f"https://example.org/{page}"})


def answer(
    escalation: Escalation,
    *,
    approve: bool = True,
    scope: ScopeKind = ScopeKind.ONCE,
    amount: int = 0,
    sentence: str = "",
    word: str = "",
    hasty: bool = False,
) -> Decide:
    return Decide(
        escalation=escalation.id,
        digest=escalation.card.digest,
        approve=approve,
        scope=scope,
        amount=amount,
        sentence=sentence,
        word=word,
        hasty=hasty,
    )
