"""Opening the screen on sessions that run, or on the list of all there are."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

from ironcurtain_tui import config, paths
from ironcurtain_tui.guard import run_guarded
from ironcurtain_tui.paths import SessionPaths
from ironcurtain_tui.ui.sessions import ListedSession, SessionsRoom


def show(sessions: Sequence[SessionPaths], settings: config.Config) -> int:
    """Show ``sessions`` in tabs, without any the list of all; the exit code. Blocks until the person leaves."""
    log = sessions[0].screen_log if sessions else paths.private_directory(paths.home()) / "screen.log"

    def screen() -> int:
        from ironcurtain_tui.ui.app import IronCurtainApp, show

        logging.basicConfig(filename=log, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
        app = IronCurtainApp(
            *(session.control_socket for session in sessions),
            prefix=settings.ui.prefix,
            theme=settings.ui.theme,
            notifications=settings.notifications,
            room=_room(settings),
        )
        departure = show(app, str(log))
        if departure.message:
            print(departure.message)
        return departure.exit_code

    again = sessions[0].session_id if len(sessions) == 1 else ""
    return run_guarded(screen, f"No agent is affected. Attach again: ironcurtain-tui attach {again}".rstrip())


def attach(wanted: Sequence[str]) -> int:
    """Show the sessions whose ids begin like ``wanted``; none named: the one that runs, or the list where several do.

    UserFacingError when there is none.
    """
    from ironcurtain_tui.supervisor import registry

    if not wanted and sum(known.alive for known in registry.sessions()) > 1:
        return show((), config.load())
    return show([registry.find(one) for one in wanted or ("",)], config.load())


def _room(settings: config.Config) -> SessionsRoom:
    from ironcurtain_tui.agents import AGENTS

    usual = settings.session.agent
    return SessionsRoom(
        listed=_listed,
        socket_of=lambda session: SessionPaths.of(session).control_socket,
        agents=sorted(AGENTS, key=lambda name: name != usual),
        command=(sys.executable, "-m", "ironcurtain_tui"),
    )


def _listed() -> list[ListedSession]:
    from ironcurtain_tui.supervisor import registry
    from ironcurtain_tui.supervisor.resume import is_resumable
    from ironcurtain_tui.terminal.recording import parts

    root = paths.home()
    return [
        ListedSession(
            id=known.id,
            agent_title=known.record.info.agent_title,
            workspace=known.record.info.workspace,
            started=known.record.info.started,
            running=known.alive,
            socket_path=SessionPaths.of(known.id, root).control_socket,
            outcome=known.record.outcome,
            rehearsal=known.record.info.rehearsal,
            resumable=is_resumable(known, root),
            recorded=bool(parts(SessionPaths.of(known.id, root).recording)),
        )
        for known in registry.sessions(root)
    ]
