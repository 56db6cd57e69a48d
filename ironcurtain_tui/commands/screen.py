"""Opening the screen on sessions that run, or on the list of all there are."""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Sequence
from functools import partial

from ironcurtain_tui import config, paths
from ironcurtain_tui.guard import EPITAPH, run_guarded
from ironcurtain_tui.paths import SessionPaths
from ironcurtain_tui.ui.kept_layout import LayoutFile
from ironcurtain_tui.ui.sessions import ListedSession, SessionsRoom

GARBAGE_OBJECTS = 20_000
"""Objects that are made before the collector looks for garbage: the usual 700 make it search all of them, for some
30 ms, just when the first frame is drawn."""


def load() -> None:
    """Import what the screen is made of: a quarter of a second of work, after which ``show`` opens it at once."""
    gc.disable()
    try:
        import ironcurtain_tui.ui.app  # noqa: F401 -- loaded, not used here
    finally:
        gc.freeze()  # nothing of what is loaded is ever let go of
        gc.set_threshold(GARBAGE_OBJECTS)
        gc.enable()


def show(sessions: Sequence[SessionPaths], settings: config.Config, front: int = 0) -> int:
    """Show ``sessions`` in tabs, without any the list of all; the exit code. Blocks until the person leaves.

    ``front``: which of them to show first.
    """
    again = sessions[0].session_id if len(sessions) == 1 else ""
    return run_guarded(partial(run, sessions, settings, front), EPITAPH.format(session=again).rstrip())


def run(sessions: Sequence[SessionPaths], settings: config.Config, front: int = 0) -> int:
    """The same in this very process, which nobody guards."""
    load()
    from ironcurtain_tui.ui.app import IronCurtainApp, show

    log = sessions[0].screen_log if sessions else paths.private_directory(paths.home()) / "screen.log"
    logging.basicConfig(filename=log, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    app = IronCurtainApp(
        *(session.control_socket for session in sessions),
        prefix=settings.ui.prefix,
        theme=settings.ui.theme,
        notifications=settings.notifications,
        room=_room(settings),
        layout=_layout_file(),
        front=front,
    )
    departure = show(app, str(log))
    if departure.message:
        print(departure.message)
    return departure.exit_code


def attach(wanted: Sequence[str]) -> int:
    """Show the sessions whose ids begin like ``wanted``; UserFacingError when there is none.

    None named: those that were open when the app was last closed and still run, or the only one that runs; where
    several run and none of them was open, the list.
    """
    from ironcurtain_tui.sessions import registry

    if wanted:
        return show([registry.find(one) for one in wanted], config.load())
    running = {known.id for known in registry.sessions() if known.alive}
    kept = _layout_file().load()
    if again := [session for session in kept.tabs if session in running]:
        front = kept.tabs[kept.front] if kept.front < len(kept.tabs) else ""
        return show([SessionPaths.of(session) for session in again], config.load(), _index(again, front))
    return show((), config.load()) if len(running) > 1 else show([registry.find("")], config.load())


def _index(sessions: Sequence[str], wanted: str) -> int:
    return sessions.index(wanted) if wanted in sessions else 0


def _layout_file() -> LayoutFile:
    return LayoutFile(paths.home() / "layout.json")


def _room(settings: config.Config) -> SessionsRoom:
    def agents() -> list[str]:
        from ironcurtain_tui.agents import AGENTS

        usual = settings.session.agent
        return sorted((*AGENTS, *settings.agents), key=lambda name: name != usual)

    return SessionsRoom(
        listed=_listed,
        socket_of=lambda session: SessionPaths.of(session).control_socket,
        agents=agents,
        command=(sys.executable, "-m", "ironcurtain_tui"),
    )


def _listed() -> list[ListedSession]:
    from ironcurtain_tui.sessions import registry
    from ironcurtain_tui.sessions.resume import is_resumable
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
            task=bool(known.record.info.task),
            resumable=is_resumable(known, root),
            recorded=bool(parts(SessionPaths.of(known.id, root).recording)),
        )
        for known in registry.sessions(root)
    ]
