"""A session whose supervisor follows a script: the real control server on a real socket, no container behind it."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from textual.pilot import Pilot

from ironcurtain_tui.control.messages import (
    AlwaysPreview,
    ClientMessage,
    Cursor,
    Decide,
    DecisionRefused,
    HistoryRows,
    PreviewAlways,
    ReadHistory,
    Revoke,
    Run,
    ScreenUpdate,
    SetDoors,
    TerminalModes,
)
from ironcurtain_tui.control.server import ControlServer, Viewer
from ironcurtain_tui.control.state import StateKeeper
from ironcurtain_tui.events import (
    AnyEvent,
    AuditAppended,
    AuditLine,
    Badge,
    BadgeChanged,
    BadgeState,
    Card,
    CardField,
    Decision,
    DoorsChanged,
    Escalation,
    EscalationChanged,
    EscalationState,
    FieldKind,
    Flow,
    FlowChanged,
    FlowState,
    Grant,
    GrantsChanged,
    ModelSpending,
    SessionInfo,
    SessionState,
    SessionStatus,
    Spending,
    SpendingChanged,
    StatusChanged,
    StepChanged,
    TitleChanged,
    Usage,
)
from ironcurtain_tui.ui.app import IronCurtainApp
from ironcurtain_tui.ui.departure import Departure
from ironcurtain_tui.ui.pacing import Pacer
from ironcurtain_tui.ui.screens.queue import QueueScreen
from ironcurtain_tui.ui.screens.traffic_browser import TrafficBrowser
from ironcurtain_tui.ui.widgets.card_view import CardView

from .on_screen import OnScreen

SESSION_ID = "3f2a9c41d07b"
NOON = 1_767_268_800.0
"""2026-01-01 12:00:00 UTC: the frozen clock."""

SCREEN = (
    "",
    " ✻ Welcome to the agent",
    "",
    " > fix the failing login test",
    "",
    " ● I'll look at the test first.",
    "",
    " ● Read(tests/test_login.py)",
    "   ⎿  Read 48 lines",
    "",
    " ● The fixture forgets to log out. I'll change one line.",
)


class Damage:
    """What one viewer has not drawn yet: the whole screen or nothing."""

    def __init__(self, session: ScriptedSession) -> None:
        self._session = session
        self._drawn = 0

    @property
    def drawn(self) -> bool:
        """Whether there is nothing left to send."""
        return self._session.screen is None or self._drawn == self._session.draws

    def take(self) -> ScreenUpdate | None:
        if self.drawn:
            return None
        self._drawn = self._session.draws
        return self._session.screen


class ScriptedSession:
    """Serves ``control.sock``; tests publish events on it and read what the viewer sent."""

    def __init__(
        self,
        path: Path,
        *,
        rehearsal: bool = False,
        session_id: str = SESSION_ID,
        workspace: str = "/home/dev/shop",
    ) -> None:
        self.path = path
        self.keeper = StateKeeper(
            SessionInfo(
                id=session_id,
                agent="claude-code",
                agent_title="Claude Code",
                workspace=workspace,
                rehearsal=rehearsal,
                network_mode="uds",
                started=NOON - 300,
            )
        )
        self.received: list[ClientMessage] = []
        self.screen: ScreenUpdate | None = None
        self.draws = 0
        self.takes_decisions = True
        self._server = ControlServer(path, self)

    # --- what the control server asks of a session ---

    def snapshot(self) -> SessionState:
        return self.keeper.snapshot()

    def watch_screen(self) -> Damage:
        return Damage(self)

    def on_message(self, viewer: Viewer, message: ClientMessage) -> None:
        self.received.append(message)
        match message:
            case ReadHistory():
                viewer.answer(HistoryRows(request=message.request, top=message.top, total=100, rows=()))
            case Decide() if self.takes_decisions:
                self._decide(viewer, message)
            case PreviewAlways():
                viewer.answer(AlwaysPreview(request=message.request, rule=RULE, effects=EFFECTS))
            case SetDoors(doors=doors):
                self.publish(DoorsChanged(doors=doors))
            case Revoke(grant=grant):
                left = tuple(each for each in self.keeper.grants if grant and each.id != grant)
                self.publish(GrantsChanged(grants=left))

    def _decide(self, viewer: Viewer, message: Decide) -> None:
        held = self.keeper.pending.get(message.escalation)
        if held is None:
            viewer.answer(DecisionRefused(escalation=message.escalation, reason="nobody waits for it any more"))
        elif held.card.digest != message.digest:
            viewer.answer(DecisionRefused(escalation=message.escalation, reason="it is about something else now"))
        else:
            state = EscalationState.APPROVED if message.approve else EscalationState.DENIED
            note = f"{message.scope.value}{f': {message.sentence}' if message.sentence else ''}"
            self.settle(message.escalation, state, note)

    def settle(self, escalation: str, state: EscalationState, note: str = "") -> None:
        """What became of a held action."""
        held = self.keeper.pending[escalation]
        self.publish(EscalationChanged(escalation=msgspec.structs.replace(held, state=state, decided=NOON, note=note)))

    @property
    def decisions(self) -> list[Decide]:
        """Every answer the viewer gave."""
        return [message for message in self.received if isinstance(message, Decide)]

    def on_viewers_changed(self) -> None:
        pass

    # --- what tests do with it ---

    async def start(self) -> None:
        await self._server.start()

    async def say_goodbye(self, reason: str) -> None:
        await self._server.close(reason)

    async def vanish(self) -> None:
        """Close every connection without a word, as a killed supervisor does."""
        for viewer in self._server.viewers:
            viewer._writer.transport.abort()
        await self._server.close("")

    def publish(self, *events: AnyEvent) -> None:
        for event in events:
            self._server.publish(self.keeper.number(event))

    def draw(self, lines: tuple[str, ...] = SCREEN, cols: int = 40) -> None:
        """Show ``lines`` on the agent's screen."""
        rows = {
            y: msgspec.Raw(msgspec.msgpack.encode((Run(text=line.ljust(cols)[:cols]),))) for y, line in enumerate(lines)
        }
        self.screen = ScreenUpdate(
            cols=cols,
            lines=len(lines),
            cursor=Cursor(x=1, y=len(lines) - 1, visible=False),
            modes=TerminalModes(),
            rows=rows,
            full=True,
        )
        self.draws += 1
        self._server.screen_changed()

    def play(self) -> None:
        """A session in the middle of its work."""
        self.publish(
            StatusChanged(status=SessionStatus.RUNNING),
            *(
                StepChanged(step=step, state=BadgeState.OK, ms=ms)
                for step, ms in (("engine", 12.0), ("container", 830.0))
            ),
            BadgeChanged(
                badge=Badge(name="no-egress", state=BadgeState.OK, text="no egress", detail="self-test passed")
            ),
            BadgeChanged(badge=Badge(name="chain", state=BadgeState.OK, text="chain")),
            TitleChanged(title="fix the login test"),
            *(FlowChanged(flow=flow) for flow in FLOWS),
            *(AuditAppended(line=line) for line in AUDIT),
            SpendingChanged(spending=Spending(session=(SPENT,), today=(SPENT,))),
        )
        self.draw()


def flow(number: int, **changes: object) -> Flow:
    """A finished model call, or what ``changes`` make of it."""
    usual = Flow(
        id=f"f{number}",
        started=NOON - 120 + number,
        method="POST",
        host="api.anthropic.com",
        port=443,
        path="/v1/messages",
        decision=Decision.ALLOW,
        state=FlowState.DONE,
        status=200,
        bytes_up=18_400,
        bytes_down=5_310,
        content_type="text/event-stream",
        first_byte_ms=412.0,
        total_ms=2310.0,
        usage=Usage(model="claude-sonnet-4-5", input_tokens=1800, output_tokens=260, cache_read_tokens=9200),
        cost_usd=0.0121,
    )
    return msgspec.structs.replace(usual, **changes)


def refused(
    number: int, host: str, path: str = "", method: str = "CONNECT", reason: str = "not on the list of hosts"
) -> Flow:
    """A request that was not let out."""
    return flow(
        number,
        method=method,
        host=host,
        path=path,
        decision=Decision.DENY,
        reason=reason,
        status=403,
        usage=None,
        cost_usd=None,
        bytes_up=0,
        bytes_down=0,
        total_ms=1.0,
        first_byte_ms=None,
    )


FLOWS = (
    flow(1, method="GET", path="/v1/models", usage=None, cost_usd=None, bytes_up=0, bytes_down=912, total_ms=180.0),
    flow(2),
    refused(3, "telemetry.example.com"),
    flow(4, path="/v1/messages/count_tokens", usage=None, cost_usd=None, bytes_down=42, total_ms=95.0),
    flow(5, decision=Decision.ANSWER, path="/api/hello", method="GET", usage=None, cost_usd=None, total_ms=0.4),
    flow(6),
    refused(7, "api.anthropic.com", "/v1/files", "POST", "the endpoint is not on the list"),
    flow(8, status=529, usage=None, cost_usd=None, bytes_down=120),
    flow(9, state=FlowState.STREAMING, bytes_down=1_204, total_ms=None, usage=None, cost_usd=None),
)
SPENT = ModelSpending(
    model="claude-sonnet-4-5",
    requests=len(FLOWS),
    tokens=sum(each.usage.total_tokens for each in FLOWS if each.usage),
    usd=sum(each.cost_usd or 0.0 for each in FLOWS),
)

AUDIT = (
    AuditLine(seq=1, time=NOON - 300, kind="session.start", summary="claude-code in /home/dev/shop"),
    AuditLine(seq=2, time=NOON - 298, kind="self-test", summary="both doors answer, nothing else does"),
    AuditLine(seq=3, time=NOON - 119, kind="http", decision=Decision.ALLOW, summary="GET api.anthropic.com/v1/models"),
    AuditLine(
        seq=4, time=NOON - 118, kind="http", decision=Decision.ALLOW, summary="POST api.anthropic.com/v1/messages"
    ),
    AuditLine(
        seq=5,
        time=NOON - 117,
        kind="tunnel",
        decision=Decision.DENY,
        summary="telemetry.example.com:443, not on the list",
    ),
    AuditLine(seq=6, time=NOON - 113, kind="http", decision=Decision.DENY, summary="POST api.anthropic.com/v1/files"),
)


def escalation(number: int, **changes: object) -> Escalation:
    """A small web request that waits; ``changes`` are of the card, or ``raised`` and ``deadline``."""
    times = {name: changes.pop(name) for name in ("raised", "deadline") if name in changes}
    card = Card(
        kind="request",
        title=f"GET https://docs.example.org/page/{number}",
        asker="Claude Code, through the proxy",
        reason="docs.example.org is not on the list of hosts",
        rule="hosts: unknown",
        fields=(
            CardField(label="Method", value="GET", size=3),
            CardField(label="URL", value=f"https://docs.example.org/page/{number}", size=32),
            CardField(label="Headers", value="accept: text/html\nuser-agent: curl/8.5", kind=FieldKind.CODE, size=40),
        ),
        digest=hashlib.sha256(str(number).encode()).hexdigest(),
    )
    usual = Escalation(
        id=f"e{number}", card=msgspec.structs.replace(card, **changes), raised=NOON - 12, deadline=NOON + 271
    )
    return msgspec.structs.replace(usual, **times)


DIFF = """--- login.py
+++ login.py
@@ -1,4 +1,5 @@
 def login(user, password):
-    check(user)
+    check(user, password)
+    audit(user)
     return True
"""
COMMITS = "\n".join(f"{number:07x} Fix test {number}" for number in range(3))


def push(number: int = 1, **changes: object) -> Escalation:
    """A risky tool call that waits."""
    return escalation(
        number,
        **{
            "kind": "tool",
            "title": "git.git_push origin main",
            "asker": "Claude Code, through the tool gateway",
            "reason": "the branch main leaves this machine",
            "rule": "git: push",
            "risky": True,
            "fields": (
                CardField(label="remote", value="origin", size=6),
                CardField(label="refspec", value="main", size=4),
                CardField(label="Commits that would go", value=COMMITS, kind=FieldKind.CODE, size=len(COMMITS)),
                CardField(label="Change to login.py", value=DIFF, kind=FieldKind.DIFF, size=len(DIFF)),
            ),
            **changes,
        },
    )


UNREADABLE = CardField(
    label="Body (application/octet-stream)",
    value="no text: 2,048 bytes, SHA-256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    kind=FieldKind.UNINSPECTABLE,
    size=2048,
)
RULE = """[[rule]]
when = { host = "docs.example.org", method = "GET" }
then = "allow"
"""
EFFECTS = (
    "2025-12-30 14:02  GET docs.example.org/a  ask -> allow",
    "2025-12-31 09:40  GET docs.example.org/b  ask -> allow",
)
GRANTS = (
    Grant(id="g1", covers="GET, HEAD https://docs.example.org/", given=NOON - 300, expires=NOON + 872, connections=2),
    Grant(id="g2", covers="git.git_push origin main", given=NOON - 200, uses_left=3),
    Grant(id="g3", covers="filesystem.write_file below /home/dev/notes", given=NOON - 100),
)


@asynccontextmanager
async def scripted(path: Path, **options: Any) -> AsyncIterator[ScriptedSession]:
    session = ScriptedSession(path, **options)
    await session.start()
    try:
        yield session
    finally:
        await session.say_goodbye("the test is over")


class Clock:
    """A clock that goes forward only when told to."""

    def __init__(self) -> None:
        self.time = 1_000.0

    def __call__(self) -> float:
        return self.time

    def advance(self, seconds: float) -> None:
        self.time += seconds


class Driven(OnScreen[IronCurtainApp]):
    """The app over scripted sessions, and what it left with."""

    def __init__(
        self, app: IronCurtainApp, pilot: Pilot[Departure], clock: Clock, sessions: Sequence[ScriptedSession]
    ) -> None:
        super().__init__(app, pilot)
        self.clock = clock
        self.sessions = sessions

    def level(self) -> bool:
        """Whether all is sent, painted and read: the agents' screens, the panels, what is kept of the chosen flow."""
        watching = [viewer for session in self.sessions for viewer in session._server.viewers if viewer._watches]
        screens = self.app.screen_stack
        pacers = [part for screen in screens for part in vars(screen).values() if isinstance(part, Pacer)]
        return (
            all(isinstance(viewer._damage, Damage) and viewer._damage.drawn for viewer in watching)
            and not any(pacer._wanted for pacer in pacers)
            and all(_has_read(screen) for screen in screens if isinstance(screen, TrafficBrowser))
        )

    async def settled(self) -> None:
        """All that is shown of a card is painted, and nothing has changed for a while: keys count."""
        await self.caught_up()
        queue = self.app.screen
        if isinstance(queue, QueueScreen):
            await self.until(lambda: _looked_at(queue.query_one(CardView)))
        self.clock.advance(1)
        if isinstance(queue, QueueScreen):
            queue.sync()
        await self.caught_up()

    async def read_all(self) -> None:
        """Go through the whole card with the space bar."""
        card = self.app.screen.query_one(CardView)
        for _ in range(100):
            await self.settled()
            if card.reading.complete:
                return
            await self.press("space")
        raise AssertionError("the card has no end")


def _has_read(browser: TrafficBrowser) -> bool:
    """Whether what is kept of the chosen flow is shown, if it is to be shown."""
    chosen = browser._list.selected
    return chosen is None or not browser._pane.display or (browser._inside or (None,))[0] == chosen


def _looked_at(card: CardView) -> bool:
    """Whether all lines in the window were noted as seen."""
    first = round(card.scroll_y)
    return card._laid_out == card.size and 0 not in card.reading._shown[first : first + card.size.height]


@asynccontextmanager
async def driven(
    *sessions: ScriptedSession | tuple[int, int], size: tuple[int, int] = (120, 40), **options: Any
) -> AsyncIterator[Driven]:
    """The app, connected to ``sessions`` and settled. Its clocks stand still unless the test moves them.

    A pair among ``sessions`` is the size of the screen.
    """
    clock = Clock()
    shown = [each for each in sessions if isinstance(each, ScriptedSession)]
    size = next((each for each in sessions if isinstance(each, tuple)), size)
    app = IronCurtainApp(*(each.path for each in shown), now=lambda: NOON, steady=clock, **options)
    async with app.run_test(size=size, notifications=True) as pilot:
        it = Driven(app, pilot, clock, shown)
        await it.until(lambda: all(each._server.viewers for each in shown) or app.return_value)
        await it.caught_up()
        yield it
