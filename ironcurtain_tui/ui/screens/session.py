"""One session: the agent's terminal, the panels beside it, and what keys and mouse do there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from ironcurtain_tui.control import messages
from ironcurtain_tui.control.state import StateKeeper
from ironcurtain_tui.events import (
    AnyEvent,
    AuditAppended,
    AuditLine,
    DoorsChanged,
    DoorState,
    Escalation,
    EscalationChanged,
    Flow,
    FlowChanged,
    GrantsChanged,
)
from ironcurtain_tui.paths import SessionPaths
from ironcurtain_tui.ui.departure import Ending
from ironcurtain_tui.ui.keymap import ABOUT_TABS, Command, Keymap, Place
from ironcurtain_tui.ui.layout import SIDE, Arrangement, Fold, Panel
from ironcurtain_tui.ui.neutralise import neutralise
from ironcurtain_tui.ui.pacing import Pacer
from ironcurtain_tui.ui.screens.keyed import CoveringScreen, KeyedScreen
from ironcurtain_tui.ui.session_feed import SessionFeed
from ironcurtain_tui.ui.tabs import TabHost
from ironcurtain_tui.ui.widgets.agent_pane import AgentPane
from ironcurtain_tui.ui.widgets.audit import AuditPanel
from ironcurtain_tui.ui.widgets.doors_banner import DoorsBanner
from ironcurtain_tui.ui.widgets.drag import DragHandle
from ironcurtain_tui.ui.widgets.escalations import EscalationsPanel
from ironcurtain_tui.ui.widgets.filter_line import FilterLine
from ironcurtain_tui.ui.widgets.header import SessionHeader
from ironcurtain_tui.ui.widgets.panel_title import PanelTitle
from ironcurtain_tui.ui.widgets.record_list import RecordList
from ironcurtain_tui.ui.widgets.record_panel import RecordPanel
from ironcurtain_tui.ui.widgets.side_panel import SidePanel
from ironcurtain_tui.ui.widgets.splitter import Splitter
from ironcurtain_tui.ui.widgets.terminal import AgentTerminal
from ironcurtain_tui.ui.widgets.too_small import TooSmall
from ironcurtain_tui.ui.widgets.traffic import TrafficPanel
from ironcurtain_tui.ui.widgets.trusted_line import TrustedLine

ZOOMS = {
    Command.ZOOM_TRAFFIC: Panel.TRAFFIC,
    Command.ZOOM_AUDIT: Panel.AUDIT,
}
PANELS = {
    Command.PANEL_TRAFFIC: Panel.TRAFFIC,
    Command.PANEL_AUDIT: Panel.AUDIT,
}
ESCALATIONS_SECONDS = 0.05
"""A card is on the screen sooner than anything else."""
STEP_COLUMNS = 4
"""Columns that one key press moves the border to the side panels."""


TerminalMessage = (
    AgentTerminal.KeyTyped
    | AgentTerminal.Pasted
    | AgentTerminal.MouseUsed
    | AgentTerminal.Resized
    | AgentTerminal.FocusMoved
    | AgentTerminal.HistoryWanted
)
"""What the terminal widget wants sent to the supervisor."""


class SessionScreen(KeyedScreen):
    """Shows one session, the one that ``feed`` follows."""

    def __init__(
        self,
        feed: SessionFeed,
        keymap: Keymap,
        host: TabHost,
        arrangement: Arrangement,
        now: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(keymap)
        self.feed = feed
        self._host = host
        self._now, self._steady = now, steady
        self._shown = True
        self._resumed = False
        self._looking_back = False
        self._haste = 0
        self._arrangement = arrangement
        self._came_from = Panel.AGENT
        self._paint_state = Pacer(self, self._show_state)
        self._paint_escalations = Pacer(self, self._show_escalations, ESCALATIONS_SECONDS)
        self._paint_traffic = Pacer(self, self._show_traffic)
        self._paint_audit = Pacer(self, self._show_audit)
        self._header = SessionHeader(id="header")
        self._doors = DoorsBanner(keymap.prefix)
        self._agent = AgentPane(self.is_reserved)
        self._splitter = Splitter()
        self._escalations = EscalationsPanel(self.is_reserved, now)
        self._traffic = TrafficPanel(self.is_reserved)
        self._audit = AuditPanel(self.is_reserved)
        self._too_small = TooSmall()
        self._trusted = TrustedLine()
        self._side: dict[Panel, SidePanel] = {
            Panel.ESCALATIONS: self._escalations,
            Panel.TRAFFIC: self._traffic,
            Panel.AUDIT: self._audit,
        }

    def compose(self) -> ComposeResult:
        yield self._header
        yield self._doors
        with Horizontal(id="body"):
            yield self._agent
            yield self._splitter
            with Vertical(id="side"):
                yield from self._side.values()
        yield self._trusted
        yield self.hints
        yield self.menu
        yield self._too_small

    def on_screen_resume(self, event: events.ScreenResume) -> None:
        event.refresh_styles = self._resumed  # what was made a moment ago has them
        self._resumed = True

    def on_mount(self) -> None:
        self._arrange()
        self.show_keys()
        self.set_interval(1.0, self._tick)
        self.call_after_refresh(self._begin)

    # --- the connection ----------------------------------------------------------------------------

    @property
    def _session(self) -> StateKeeper | None:
        return self.feed.state

    def _begin(self) -> None:
        self.feed.view = self
        self._host.begin(self.feed, *self._agent.terminal_size)
        self.changed(None)
        if self.feed.ending is not None:
            self.over(self.feed.ending)

    @property
    def arrangement(self) -> Arrangement:
        """How the person arranged the panels."""
        return self._arrangement

    def turn(self, shown: bool) -> None:
        """To the front, or into the background, where nothing is painted and the agent's screen is not sent."""
        self._shown = shown
        terminal = self._agent.terminal
        if shown and self.feed.connected:
            cols, lines = self._agent.terminal_size
            self._send(messages.Resize(cols=cols, lines=lines))
        if terminal.has_focus:
            self._send(messages.Focus(focused=shown))
        self.feed.show_screen(shown)
        if shown:
            self.changed(None)

    def draw(self, update: messages.ScreenUpdate) -> None:
        """The agent's screen changed."""
        if self._agent.apply(update) and self.focused is None:
            self._agent.terminal.focus()

    def show_history(self, rows: messages.HistoryRows) -> None:
        """Rows of the agent's history that were asked for."""
        self._agent.terminal.show_history(rows)

    def changed(self, event: AnyEvent | None) -> None:
        """The session's state has moved by ``event``; None: all of it is to be shown anew."""
        match event:
            case EscalationChanged() | GrantsChanged() | DoorsChanged():
                self._paint_escalations.request()
            case FlowChanged():
                self._paint_traffic.request()
            case AuditAppended():
                self._paint_audit.request()
            case None:
                for pacer in (self._paint_escalations, self._paint_traffic, self._paint_audit):
                    pacer.request()
        self._paint_state.request()

    def decision_refused(self, refusal: messages.DecisionRefused) -> None:
        """An answer to a card had no effect."""
        for screen in self._covering(CoveringScreen):
            screen.refused(refusal)
        self.notify(f"Not taken: {neutralise(refusal.reason)}", severity="warning", timeout=10, markup=False)

    def preview_came(self, preview: messages.AlwaysPreview) -> None:
        """The rule that "always" would write."""
        for screen in self._covering(CoveringScreen):
            screen.preview_came(preview)

    def over(self, ending: Ending) -> None:
        """Nobody is there to type to any more."""
        self._looking_back = False
        self._agent.say_over(ending)
        self._show_state()
        self._show_escalations()

    def _covering[S: CoveringScreen](self, kind: type[S]) -> Iterable[S]:
        """The screens over this one. There are none to be seen while another tab is in front."""
        return [screen for screen in self.app.screen_stack if isinstance(screen, kind)] if self._shown else []

    def _send(self, message: messages.ClientMessage) -> None:
        self.feed.send(message)

    # --- painting ----------------------------------------------------------------------------------

    def _tick(self) -> None:
        """A second has passed: clocks and countdowns."""
        if self._session is None or not self._shown:
            return
        self._show_state()
        self._escalations.tick()
        for screen in self._covering(CoveringScreen):
            screen.update(self._session)

    def _show_escalations(self) -> None:
        if self._session is None or not self._shown:
            return
        self._escalations.update(self._session.pending.values(), self._session.decided)
        if self._doors.show(self._session.doors):
            self._arrange()
        for screen in self._covering(CoveringScreen):
            screen.update(self._session)

    def tabs_changed(self) -> None:
        self._show_state()

    def _show_state(self) -> None:
        if self._session is None or not self._shown:
            return
        folded = self._arrangement.place(*self._room).fold is not Fold.FULL
        self._header.update(self._session, self._now(), folded, self.feed.unread)
        self._agent.update(self._session)
        self.show_keys()

    def _show_traffic(self) -> None:
        if self._session is not None and self._shown:
            self._traffic.update(self._session.flows.values())

    def _show_audit(self) -> None:
        if self._session is not None and self._shown:
            lines = self._session.audit
            self._audit.update(lines, lines[-1].seq if lines else 0)

    def remark(self) -> str:
        return f"session {self._session.info.id}" if self._session else ""

    # --- keys --------------------------------------------------------------------------------------

    @property
    def place(self) -> Place:
        if isinstance(self.focused, FilterLine):
            return Place.FILTER
        if self._trusted.is_written_in:
            return Place.SAYING
        if self._panel is not Panel.AGENT:
            return Place.PANEL
        if self._looking_back:
            return Place.SCROLLBACK
        return Place.AGENT if self.feed.ending is None else Place.OVER

    @property
    def _panel(self) -> Panel:
        """The panel that has the focus; the agent's when none has."""
        if self.focused is not None:
            for panel, widget in self._side.items():
                if widget in self.focused.ancestors:
                    return panel
        return Panel.AGENT

    def pass_on(self, event: events.Key, key: str) -> None:
        self._send(messages.Key(key=key, character=event.character))

    def obey(self, command: Command) -> None:
        """Do what a key, the palette or a click asked for."""
        match command:
            case Command.ZOOM_TRAFFIC | Command.ZOOM_AUDIT:
                self._zoom(ZOOMS[command])
            case Command.PANEL_TRAFFIC | Command.PANEL_AUDIT:
                self._go_to(PANELS[command], reveal=True)
            case _ if self.place is Place.SAYING and self._trusted.obey(command):
                pass
            case Command.SAY:
                self._write_to_agent()
            case Command.CANCEL:
                self._stop_writing()
            case Command.QUEUE:
                self._open_queue()
            case Command.GRANTS:
                self._open_grants()
            case Command.SUGGEST_RULES:
                self._suggest_rules()
            case Command.PAUSE:
                self._send(messages.SetDoors(doors=DoorState.PAUSED))
            case Command.REOPEN:
                self._send(messages.SetDoors(doors=DoorState.OPEN))
            case Command.CUT:
                self._ask_to_cut()
            case Command.ZOOM:
                self._zoom(self._panel)
            case Command.AGENT:
                self._go_to(Panel.AGENT)
            case Command.BACK:
                self._back()
            case Command.FOCUS_NEXT:
                self._step(1)
            case Command.FOCUS_PREVIOUS:
                self._step(-1)
            case Command.FOCUS_BELOW:
                self._step_side(1)
            case Command.FOCUS_ABOVE:
                self._step_side(-1)
            case Command.SIDE:
                self._arrange(self._arrangement.toggle_side())
            case Command.HIDE:
                self._arrange(self._arrangement.hide(self._panel))
            case Command.WIDEN:
                self._arrange(self._arrangement.widen_side(STEP_COLUMNS, self._room[0]))
            case Command.NARROW:
                self._arrange(self._arrangement.widen_side(-STEP_COLUMNS, self._room[0]))
            case Command.GROW:
                self._arrange(self._arrangement.grow(self._panel, 1, self._room[1]))
            case Command.SHRINK:
                self._arrange(self._arrangement.grow(self._panel, -1, self._room[1]))
            case Command.BROWSE:
                self._browse(self._panel)
            case Command.BROWSE_TRAFFIC:
                self._browse(Panel.TRAFFIC)
            case Command.BROWSE_AUDIT:
                self._browse(Panel.AUDIT)
            case Command.REPLAY:
                self._replay()
            case Command.HELP:
                self._help()
            case Command.NOTICES:
                self.feed.unread = 0
                self._show_state()
                self._show_notices()
            case Command.PALETTE:
                self.app.action_command_palette()
            case Command.THEME:
                self.app.action_change_theme()
            case _ if command in ABOUT_TABS:
                self._host.obey_tabs(command)
            case Command.STOP:
                self._ask_to_stop()
            case Command.SCROLLBACK:
                self._look_back(True)
            case Command.LIVE:
                self._look_back(False)
            case _ if self._looking_back and self._panel is Panel.AGENT:
                self._scroll_back(command)
            case _:
                self._obey_in_list(command)

    def _look_back(self, looking: bool) -> None:
        self._looking_back = looking
        self._go_to(Panel.AGENT)
        if not looking:
            self._agent.terminal.return_to_live()

    def _scroll_back(self, command: Command) -> None:
        terminal = self._agent.terminal
        page = max(1, terminal.size.height - 1)
        everything = 1_000_000
        lines = {
            Command.UP: -1,
            Command.DOWN: 1,
            Command.PAGE_UP: -page,
            Command.PAGE_DOWN: page,
            Command.FIRST: -everything,
            Command.LAST: everything,
        }
        terminal.scroll_history(lines.get(command, 0))

    def _obey_in_list(self, command: Command) -> None:
        panel = self._side.get(self._panel)
        if not isinstance(panel, RecordPanel):
            return
        if panel.records.obey(command):
            return
        match command:
            case Command.DETAILS:
                panel.records.open()
            case Command.FILTER:
                panel.open_filter()
            case Command.KEEP_FILTER:
                panel.keep_filter()
            case Command.CLEAR_FILTER:
                panel.clear_filter()

    # --- the person's own line ------------------------------------------------------------------------

    def _write_to_agent(self) -> None:
        if self._session is None or self.feed.ending is not None:
            self.notify("There is no agent to write to.", severity="warning")
            return
        self._trusted.open(self._session.info.workspace, self._session.said)
        self.set_focus(self._trusted.area)
        self.show_keys()

    def _suggest_rules(self) -> None:
        if self._session is not None:
            from ironcurtain_tui.ui.screens.suggestions import Suggestions  # loads every provider's tables

            self.app.push_screen(Suggestions(self._session.info.workspace))

    def _stop_writing(self) -> None:
        self._trusted.close()
        self._focus(Panel.AGENT)

    @on(TrustedLine.Said)
    def _said(self, message: TrustedLine.Said) -> None:
        self._send(messages.Say(text=message.text))
        self._stop_writing()

    # --- arranging ---------------------------------------------------------------------------------

    def on_resize(self) -> None:
        self._arrange()
        self._show_state()

    @property
    def _room(self) -> tuple[int, int]:
        """Columns and lines for the panels and the bars."""
        return self.size.width, self.size.height - self._doors.lines

    def _arrange(self, arrangement: Arrangement | None = None) -> None:
        self._arrangement = arrangement or self._arrangement
        placement = self._arrangement.place(*self._room)
        self._too_small.display = placement.fold is Fold.TOO_SMALL
        self._too_small.tell(*self.size)
        self._agent.display = placement.agent
        self._splitter.display = placement.agent and placement.side_width > 0
        side = self.query_one("#side")
        side.display = placement.side_width > 0
        side.styles.width = placement.side_width
        for panel, widget in self._side.items():
            widget.display = panel in placement.heights
            if widget.display:
                widget.styles.height = placement.heights[panel]
        if self._panel not in (*placement.heights, *([Panel.AGENT] if placement.agent else [])):
            self._focus(Panel.AGENT if placement.agent else next(iter(placement.heights)))

    def _focus(self, panel: Panel) -> None:
        if panel is Panel.AGENT:
            self.set_focus(self._agent.terminal if self._agent.terminal.display else None)
        else:
            self.set_focus(self._side[panel].target)
        self.show_keys()

    def _go_to(self, panel: Panel, reveal: bool = False) -> None:
        """Give ``panel`` the focus: beside the others if it is there, else on the full screen."""
        if panel is Panel.AGENT:
            if self._arrangement.zoomed in SIDE:
                self._arrange(self._arrangement.unzoom())
        else:
            if reveal and not self._arrangement.zoomed:
                self._arrange(self._arrangement.reveal(panel))
            if panel not in self._arrangement.place(*self._room).heights:
                self._came_from = self._panel if self._arrangement.zoomed is None else self._came_from
                self._arrange(self._arrangement.unzoom().zoom(panel))
        self._focus(panel)

    def _zoom(self, panel: Panel) -> None:
        if self._arrangement.zoomed is panel:
            self._unzoom()
            return
        if self._arrangement.zoomed is None:
            self._came_from = self._panel
        self._arrange(self._arrangement.zoom(panel))
        self._focus(panel)

    def _unzoom(self) -> None:
        self._arrange(self._arrangement.unzoom())
        shown = self._arrangement.place(*self._room).heights
        self._focus(self._came_from if self._came_from in shown else Panel.AGENT)

    def _back(self) -> None:
        if self._arrangement.zoomed is not None:
            self._unzoom()
        else:
            self._focus(Panel.AGENT)

    def _step(self, by: int) -> None:
        placement = self._arrangement.place(*self._room)
        shown = list(SIDE) if not placement.heights or self._arrangement.zoomed else list(placement.heights)
        order = [Panel.AGENT, *shown]
        self._go_to(order[(order.index(self._panel) + by) % len(order)])

    def _step_side(self, by: int) -> None:
        order = list(self._arrangement.place(*self._room).heights)
        if self._panel in order:
            self._go_to(order[max(0, min(order.index(self._panel) + by, len(order) - 1))])
        elif order:
            self._go_to(order[0 if by > 0 else -1])

    @on(DragHandle.Dragged)
    def _dragged(self, message: DragHandle.Dragged) -> None:
        if isinstance(message.handle, PanelTitle):
            self._arrange(self._arrangement.move_top(message.handle.panel, -message.rows, self._room[1]))
        else:
            self._arrange(self._arrangement.widen_side(-message.columns, self._room[0]))

    @on(PanelTitle.Chosen)
    def _title_chosen(self, message: PanelTitle.Chosen) -> None:
        if message.times == 2:
            self._zoom(message.panel)
        else:
            self._go_to(message.panel)

    # --- dialogs -----------------------------------------------------------------------------------
    # All of them are loaded when they are opened, not before the first paint.

    def _help(self) -> None:
        from ironcurtain_tui.ui.screens.help import Help

        badges = self._session.badges.values() if self._session else ()
        rehearsal = self._session is not None and self._session.info.rehearsal
        front = self.app.screen
        here = front.place if isinstance(front, KeyedScreen) else self.place
        self.app.push_screen(Help(self.keymap, badges, rehearsal, here))

    def _show_notices(self) -> None:
        from ironcurtain_tui.ui.screens.notices import Notices

        self.app.push_screen(Notices(tuple(self._session.notices) if self._session else ()))

    def _browse(self, panel: Panel) -> None:
        session = self._session
        if session is None:
            return
        if panel is Panel.TRAFFIC:
            from ironcurtain_tui.ui.screens.traffic_browser import TrafficBrowser

            self.app.push_screen(
                TrafficBrowser(
                    lambda: self._session.flows.values() if self._session else (),
                    SessionPaths.of(session.info.id),
                    self._count_waiting,
                    self._now,
                )
            )
        elif panel is Panel.AUDIT:
            from ironcurtain_tui.audit.directory import AuditDirectory
            from ironcurtain_tui.ui.screens.audit_browser import AuditBrowser

            self.app.push_screen(AuditBrowser(AuditDirectory(), waiting=self._count_waiting, now=self._now))

    def _replay(self) -> None:
        if self._session is not None:
            from ironcurtain_tui.audit.directory import AuditDirectory
            from ironcurtain_tui.ui.screens.replay import ReplayScreen

            self.app.push_screen(ReplayScreen(AuditDirectory(), self._session.info.id, now=self._now))

    def _count_waiting(self) -> int:
        return len(self._session.pending) if self._session else 0

    def _ask_to_stop(self) -> None:
        if self._session is None or not self.feed.connected:
            return
        info = self._session.info
        self._confirm(
            f"Stop session {info.id}?",
            (
                f"{info.agent_title} in {info.workspace}",
                "",
                "It ends the agent and removes its container. The workspace and the audit log stay.",
            ),
            yes="Stop the session",
            no="Keep it running",
            then=self.feed.stop,
        )

    def _ask_to_cut(self) -> None:
        self._confirm(
            "Cut the session off for good?",
            (
                "Both doors are shut and stay shut: the agent runs on, but reaches no server and no tool any more,",
                "and what waits for you is denied. It cannot be undone; pausing can.",
            ),
            yes="Cut it off",
            no="Leave it",
            then=lambda: self._send(messages.SetDoors(doors=DoorState.CUT)),
        )

    def _confirm(self, title: str, text: Iterable[str], *, yes: str, no: str, then: Callable[[], object]) -> None:
        """Ask, and do ``then`` after a yes."""
        from ironcurtain_tui.ui.screens.confirm import Confirm

        def answered(said: bool | None) -> None:
            if said:
                then()

        self.app.push_screen(Confirm(title, text, yes=yes, no=no), answered)

    def _open_queue(self, escalation: Escalation | None = None) -> None:
        if self._session is not None:
            from ironcurtain_tui.ui.screens.queue import QueueScreen

            self._arrange(self._arrangement.bring_back(Panel.ESCALATIONS))
            queue = QueueScreen(
                self.keymap, self._session, self.obey, self._send, self._now, self._steady, escalation, self._haste
            )

            def remember(_: object) -> None:
                self._haste = queue.haste

            self.app.push_screen(queue, remember)

    def _open_grants(self) -> None:
        if self._session is not None:
            from ironcurtain_tui.ui.screens.grants import GrantsScreen

            self.app.push_screen(GrantsScreen(self.keymap, self._session, self.obey, self._send, self._now))

    @on(RecordList.Opened)
    def _details(self, message: RecordList.Opened) -> None:
        from ironcurtain_tui.ui.screens.details import Fields, RecordDetails, audit_fields, flow_fields

        match message.records.selected:
            case Flow(id=flow_id) as flow:
                self.app.push_screen(RecordDetails("Flow", lambda: flow_fields(self._current(flow_id, flow))))
            case Escalation() as escalation:
                self._open_queue(escalation)
            case AuditLine() as line:
                fields: Fields = audit_fields(line)
                self.app.push_screen(RecordDetails(f"Audit record #{line.seq}", lambda: fields))

    def _current(self, flow_id: str, known: Flow) -> Flow:
        return self._session.flows.get(flow_id, known) if self._session else known

    # --- the agent's terminal ------------------------------------------------------------------------

    @on(AgentTerminal.KeyTyped)
    @on(AgentTerminal.Pasted)
    @on(AgentTerminal.MouseUsed)
    @on(AgentTerminal.Resized)
    @on(AgentTerminal.FocusMoved)
    @on(AgentTerminal.HistoryWanted)
    def _for_the_agent(self, message: TerminalMessage) -> None:
        self._send(message.message)

    @on(AgentTerminal.TextCopied)
    def _copied(self, message: AgentTerminal.TextCopied) -> None:
        self.notify(f"Copied {len(message.text):,} characters", timeout=2)

    @on(AgentTerminal.LinkClicked)
    def _link_clicked(self, message: AgentTerminal.LinkClicked) -> None:
        url = message.url
        if not url.startswith(("https://", "http://")):
            self.notify(f"Not opened: {neutralise(url)}", severity="warning", markup=False)
            return
        self._confirm(
            "Open this link in your browser?",
            (url, "", "The agent wrote it. Your browser is not in the container: the link itself may carry data out."),
            yes="Open it",
            no="Do not open",
            then=lambda: self.app.open_url(url),
        )
