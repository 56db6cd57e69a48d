"""Screens come and go, processes are killed: the agent is kept or cut off, never set free; the terminal stays whole."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from ironcurtain_tui.containers.container import AgentContainer
from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.sessions import registry
from tests.e2e.conftest import COMMAND, Installation
from tests.e2e.tmux import PATIENCE, Tmux
from tests.waiting import wait_until
from tests.whole_log import verify_file

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def supervisor_of(installation: Installation) -> int:
    (session,) = installation.sessions()
    lease = registry.read_lease(session)
    assert lease is not None
    return lease.owner.pid


def open_shell(installation: Installation, terminal: Tmux) -> None:
    installation.open(terminal, "run", "--agent", "shell", "--rehearsal", "--workspace", str(installation.workspace))
    terminal.wait_for(r"no-egress")
    terminal.wait_for(r":/workspace[$#] ")


def test_a_state_directory_is_where_the_command_says_seen_from_there(installation: Installation) -> None:
    """The supervisor works elsewhere."""
    where = os.path.relpath(installation.home, installation.workspace)
    subprocess.run(
        [*COMMAND, "run", "--detach", "--agent", "shell", "--rehearsal", "--workspace", "."],
        env={**installation.full_environment(), "IRONCURTAIN_HOME": where},
        cwd=installation.workspace,
        check=True,
    )
    assert len(installation.sessions()) == 1


def test_leaving_and_coming_back(installation: Installation, terminal: Tmux) -> None:
    open_shell(installation, terminal)
    terminal.submit("marker=$((6*7)); echo was-here-$marker; cd /tmp")
    terminal.wait_for("was-here-42")
    terminal.press("C-a", "d")
    terminal.wait_for("keeps running in session")
    terminal.submit(f"clear; IRONCURTAIN_HOME={installation.home} {' '.join(COMMAND)} attach")
    terminal.wait_for("was-here-42")
    terminal.submit("echo still-$marker-$PWD")
    terminal.wait_for("still-42-/tmp")
    terminal.press("C-a", "d")
    terminal.wait_for("keeps running in session")


def test_two_screens_watch_one_session(installation: Installation, terminal: Tmux, second_terminal: Tmux) -> None:
    open_shell(installation, terminal)
    installation.open(second_terminal, "attach")
    second_terminal.wait_for("no-egress")
    terminal.submit("echo typed-in-$((1+0))")
    terminal.wait_for("typed-in-1")
    second_terminal.wait_for("typed-in-1")
    second_terminal.submit("echo typed-in-$((1+1))")
    terminal.wait_for("typed-in-2")
    second_terminal.press("C-a", "d")
    second_terminal.wait_for("EXIT 0")
    terminal.submit("echo and-on-$((1+2))")
    terminal.wait_for("and-on-3")


def test_the_agents_own_exit_is_told(installation: Installation, terminal: Tmux) -> None:
    open_shell(installation, terminal)
    terminal.submit("exit 3")
    terminal.wait_for(r"exited with code 3")
    wait_until(lambda: not installation_containers(installation), PATIENCE)
    terminal.press("C-a", "q")
    terminal.wait_for("EXIT")
    wait_until(lambda: not list((installation.home / "run").glob("*")), PATIENCE)
    (known,) = registry.sessions(installation.home)
    assert known.record.exit_code == 3


def installation_containers(installation: Installation) -> list[str]:
    mine = {path.name for path in (installation.home / "sessions").glob("*")}
    return [item.name for item in Engine.connect().find_owned() if item.session_id in mine]


@pytest.mark.parametrize("which", ["screen", "guard"])
def test_a_killed_app_leaves_terminal_and_agent_whole(installation: Installation, terminal: Tmux, which: str) -> None:
    open_shell(installation, terminal)
    shell = int(terminal.format("#{pane_pid}"))
    guards = [pid for pid in children(shell) if b"ironcurtain" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    (guard,) = guards
    # The guard is the command itself, which also started the supervisor: the other child is the screen.
    (screen,) = [pid for pid in children(guard) if pid != supervisor_of(installation)]
    os.kill(guard if which == "guard" else screen, signal.SIGKILL)
    wait_until(lambda: terminal.format("#{alternate_on}#{mouse_any_flag}#{cursor_flag}") == "001", PATIENCE)
    if which == "screen":  # what the shell says of a killed guard may come before the screen leaves, and go with it
        terminal.wait_for(r"EXIT 137")
    terminal.type("\n")
    terminal.submit("stty -a | grep -o ' icanon\\| echo '")
    terminal.wait_for(r"icanon\n+ echo")
    assert len(installation.sessions()) == 1, "the session goes on"


def test_a_killed_supervisor_cuts_the_agent_off_and_the_next_start_cleans_up(
    engine: Engine, installation: Installation, terminal: Tmux
) -> None:
    open_shell(installation, terminal)
    (session,) = installation.sessions()
    (name,) = installation_containers(installation)
    owned = next(item for item in engine.find_owned() if item.name == name)
    container = AgentContainer(engine.client, engine.address, owned.id, owned.name)
    lease = registry.read_lease(session)
    assert lease is not None
    os.kill(lease.owner.pid, signal.SIGKILL)
    wait_until(lambda: not lease.owner.alive(), PATIENCE)
    terminal.wait_for(r"supervisor of this session is gone")
    terminal.wait_for(r"ironcurtain-tui gc")
    for door in ("proxy", "mcp"):
        code, output = container.exec(
            ["sh", "-c", f"socat -u OPEN:/dev/null UNIX-CONNECT:/run/ironcurtain/{door}.sock 2>&1"]
        )
        assert code != 0, f"the {door} door still answers: {output!r}"
    terminal.press("C-a", "q")
    terminal.wait_for("EXIT 1")
    assert installation.run("gc", "--dry-run").stdout.count("would remove") == 2
    assert installation_containers(installation) == [name]
    started = installation.run(
        "run", "--detach", "--agent", "shell", "--rehearsal", "--workspace", str(installation.workspace)
    )
    assert "cleaned up" in started.stdout
    assert name not in installation_containers(installation)
    assert not session.run.exists()
    verified = installation.run("audit", "verify", session.session_id[:6]).stdout
    assert "✓" in verified
    assert "was not closed" not in verified
    assert [path.name for path in session.kept.glob("recording*")] == ["recording.cast.gz"]


def test_stop_removes_everything_but_the_records(installation: Installation) -> None:
    session = installation.start("--agent", "shell", "--rehearsal")
    assert session.run.exists()
    assert re.search(rf"{session.session_id} +running +shell", installation.run("sessions").stdout)
    installation.run("stop", session.session_id[:5])
    assert not session.run.exists()
    assert installation_containers(installation) == []
    assert verify_file(session.audit_log, session.session_id).ok
    assert re.search(rf"{session.session_id} +ended", installation.run("sessions").stdout)
    assert "No session is running" in installation.run("stop", check=False).stderr


def test_a_crashed_screen_process_is_replaced(installation: Installation, terminal: Tmux) -> None:
    open_shell(installation, terminal)
    terminal.submit("echo before-$((40+2))")
    terminal.wait_for("before-42")
    screens = [
        pid
        for pid in children(supervisor_of(installation))
        if b"screen_process" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    assert len(screens) == 1
    os.kill(screens[0], signal.SIGKILL)
    terminal.wait_for("screen process crashed")
    terminal.wait_for("before-42")
    terminal.submit("echo after-$((40+3))")
    terminal.wait_for("after-43")
