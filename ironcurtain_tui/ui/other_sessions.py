"""What can be done about sessions that no tab shows: list, start, resume, play, look into, stop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from textual.app import App

from ironcurtain_tui.events import SessionInfo
from ironcurtain_tui.ui import errand
from ironcurtain_tui.ui.keymap import ABOUT_TABS, Command, Keymap, Place
from ironcurtain_tui.ui.neutralise import neutralise
from ironcurtain_tui.ui.sessions import ListedSession, SessionsRoom

if TYPE_CHECKING:  # every screen is loaded when it is opened
    from ironcurtain_tui.ui.screens.new_session import Wanted
    from ironcurtain_tui.ui.screens.sessions import SessionsScreen


class TabDesk(Protocol):
    """The tabs, as seen from here."""

    def open_tab(self, socket_path: Path) -> None:
        """Bring the session behind ``socket_path`` to the front, in a tab of its own."""

    def tab_number(self, socket_path: Path) -> int:
        """The number of the tab that shows it, from 1; 0 when none does."""

    def obey_tabs(self, command: Command) -> None:
        """Do what is about the tabs."""

    def go_back(self) -> None:
        """From the list to the tab that was in front before; out, where there is none."""

    def last_shown(self) -> SessionInfo | None:
        """The session that is, or was last, in front."""


class OtherSessions:
    """Works on the screens of ``app``; ``room`` is what it was given to know of sessions."""

    def __init__(
        self, app: App[Any], desk: TabDesk, room: SessionsRoom, keymap: Keymap, now: Callable[[], float]
    ) -> None:
        self._app = app
        self._desk = desk
        self._room = room
        self._keymap = keymap
        self._now = now

    def list_screen(self) -> SessionsScreen:
        """A new screen with the list of all sessions."""
        from ironcurtain_tui.ui.screens.sessions import SessionsScreen

        number = self._desk.tab_number
        return SessionsScreen(
            self._keymap, self._room.listed, lambda session: number(session.socket_path), self._act, self._now
        )

    def ask_for_new(self) -> None:
        """Ask which session is to be started, and start it."""
        from ironcurtain_tui.ui.screens.new_session import NewSession

        info = self._desk.last_shown()
        place, agent = (info.workspace, info.agent) if info else (str(Path.cwd()), "")
        self._app.push_screen(NewSession(place, self._room.agents(), agent), self._start)

    def _act(self, command: Command, session: ListedSession | None) -> None:
        """What a key in the list asks for."""
        match command:
            case Command.BACK:
                self._desk.go_back()
            case Command.HELP:
                self._help()
            case _ if command in ABOUT_TABS:
                self._desk.obey_tabs(command)
            case _ if session is not None:
                self._act_on(command, session)

    def _help(self) -> None:
        from ironcurtain_tui.ui.screens.help import Help

        self._app.push_screen(Help(self._keymap, (), False, Place.SESSIONS))

    def _act_on(self, command: Command, session: ListedSession) -> None:
        match command:
            case Command.DETAILS if session.running:
                self._desk.open_tab(session.socket_path)
            case Command.DETAILS | Command.RESUME if session.resumable:
                title = f"{session.agent_title} in {session.workspace}, resumed"
                self._start_with(title, ["--resume", session.id])
            case Command.DETAILS | Command.REPLAY if session.recorded:
                self._replay(session.id)
            case Command.STOP_SELECTED:
                self._app.run_worker(self._stop(session.id), name="stop")
            case Command.BROWSE_AUDIT:
                self._browse_audit(session.id)
            case Command.DETAILS | Command.RESUME | Command.REPLAY:
                why = "It is still running." if session.running else "Nothing was kept of it for that."
                self._app.notify(why, severity="warning")
            case _:
                pass

    def _start(self, wanted: Wanted | None) -> None:
        if wanted is not None:
            arguments = ["--workspace", str(wanted.workspace), "--agent", wanted.agent]
            self._start_with(f"{wanted.agent} in {wanted.workspace}", arguments)

    def _start_with(self, what: str, arguments: Sequence[str]) -> None:
        from ironcurtain_tui.ui.screens.starting import Starting

        command = [*self._room.command, "run", "--detach", *arguments]
        self._app.push_screen(Starting(f"Starting {what}", command), self._started)

    def _started(self, session: str | None) -> None:
        if session is not None:
            self._desk.open_tab(self._room.socket_of(session))

    async def _stop(self, session: str) -> None:
        said: list[str] = []
        code = await errand.run([*self._room.command, "stop", session], said.append)
        words = neutralise("\n".join(said)) or "Nothing was said about it."
        self._app.notify(words, severity="error" if code else "information", timeout=10, markup=False)

    def _replay(self, session: str) -> None:
        from ironcurtain_tui.audit.directory import AuditDirectory
        from ironcurtain_tui.ui.screens.replay import ReplayScreen

        self._app.push_screen(ReplayScreen(AuditDirectory(), session, now=self._now))

    def _browse_audit(self, session: str) -> None:
        from ironcurtain_tui.audit.directory import AuditDirectory
        from ironcurtain_tui.ui.screens.audit_browser import AuditBrowser

        self._app.push_screen(AuditBrowser(AuditDirectory(), f"session:{session} ", now=self._now))
