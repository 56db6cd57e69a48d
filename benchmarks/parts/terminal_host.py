"""A session without a container: everything a supervisor does for the agent's terminal, and nothing else.

Arguments: the program to run. State lies in IRONCURTAIN_HOME. Prints the session's id once viewers may attach.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import time
from typing import cast

from ironcurtain_tui import paths
from ironcurtain_tui.config import RecordingSettings
from ironcurtain_tui.containers.container import AgentContainer
from ironcurtain_tui.control.messages import ClientMessage, Focus, Key, Mouse, Paste, ReadHistory, Resize
from ironcurtain_tui.control.server import ControlServer, ScreenDamage, Viewer
from ironcurtain_tui.events import SessionInfo, SessionState, SessionStatus, StatusChanged
from ironcurtain_tui.sessions import registry
from ironcurtain_tui.sessions.identity import ProcessIdentity
from ironcurtain_tui.supervisor.agent_terminal import AgentTerminal
from ironcurtain_tui.supervisor.bulletin import Bulletin
from ironcurtain_tui.tasks import TaskOwner
from ironcurtain_tui.terminal.emulator import EmulatorEvents

COLS, LINES = 200, 50


class NoContainer:
    """Stands for the container where its size would be set."""

    def resize(self, cols: int, lines: int) -> None:
        """The bridge's terminal keeps its size."""


class Host:
    """What the control server serves."""

    def __init__(self, session: paths.SessionPaths) -> None:
        self.server = ControlServer(session.control_socket, self)
        info = SessionInfo(
            id=session.session_id,
            agent="shell",
            agent_title="Shell",
            workspace="/workspace",
            rehearsal=False,
            network_mode="uds",
            started=time.time(),
        )
        self.bulletin = Bulletin(info, self.server.publish)
        self.terminal: AgentTerminal | None = None

    @property
    def screen(self) -> AgentTerminal:
        """The agent's terminal."""
        if self.terminal is None:
            raise AssertionError("the terminal comes first")
        return self.terminal

    def snapshot(self) -> SessionState:
        return self.bulletin.keeper.snapshot()

    def watch_screen(self) -> ScreenDamage:
        return self.screen.watch()

    def on_message(self, viewer: Viewer, message: ClientMessage) -> None:
        match message:
            case Key() | Paste() | Mouse() | Focus():
                self.screen.type(message)
            case Resize(cols=cols, lines=lines):
                self.screen.resize(cols, lines)
            case ReadHistory():
                self.screen.answer_history(viewer, message)
            case _:
                pass

    def on_viewers_changed(self) -> None:
        pass


async def serve(command: list[str]) -> None:
    """Serve until terminated."""
    session = paths.SessionPaths.of(paths.new_session_id())
    session.create()
    registry.take_lease(session, ProcessIdentity.current())
    host, tasks = Host(session), TaskOwner()
    registry.write_json(session.record, registry.SessionRecord(info=host.bulletin.keeper.info))
    events = EmulatorEvents(on_update=host.server.screen_changed)
    host.terminal = await AgentTerminal.open(
        events, tasks, (COLS, LINES), session.recording, RecordingSettings(), lambda _: None
    )
    ours, theirs = socket.socketpair()
    bridge = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks.parts.pty_bridge",
        str(COLS),
        str(LINES),
        *command,
        stdin=theirs.fileno(),
    )
    theirs.close()
    host.terminal.attach(cast(AgentContainer, NoContainer()), ours, lambda _: None)
    await host.server.start()
    host.bulletin.publish(StatusChanged(status=SessionStatus.IDLE))
    over = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    print(session.session_id, flush=True)
    await over.wait()
    await host.terminal.close()
    await bridge.wait()
    await host.server.close("over")
    await tasks.close()
    registry.release(session)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1:]))
