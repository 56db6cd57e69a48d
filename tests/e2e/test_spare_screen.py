"""A screen that was loaded beforehand is the person's as if it had been started in the terminal it is shown on."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.sessions import spare
from tests.e2e.conftest import CANARY, COMMAND, Installation, installed
from tests.e2e.tmux import PATIENCE, Tmux
from tests.waiting import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]


@pytest.fixture
def installation(engine: Engine) -> Iterator[Installation]:
    with installed(engine, spares=True) as made:
        made.home.mkdir(exist_ok=True)
        (made.home / "config.toml").write_text("[session]\nstandby = false\n")  # one is enough
        made.run("standby")
        yield made


def processes(installation: Installation, module: str) -> list[int]:
    """Of this installation, those that run ``module``."""
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            command, environment = (directory / "cmdline").read_bytes(), (directory / "environ").read_bytes()
        except OSError:
            continue
        if module.encode() in command.split(b"\0") and str(installation.home).encode() in environment:
            found.append(int(directory.name))
    return found


def screen_of(installation: Installation) -> int:
    found = processes(installation, "ironcurtain_tui.commands.spare_screen")
    log = spare.directory(installation.home) / "standby.log"
    assert len(found) == 1, f"{found}; the spare says: {log.read_text()!r}"
    return found[0]


def ended(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


def open_shell(installation: Installation, terminal: Tmux) -> None:
    wait_until(lambda: spare.waiting(installation.home), PATIENCE)
    installation.open(terminal, "run", "--agent", "shell", "--rehearsal", "--workspace", ".")
    terminal.wait_for(r"no-egress")
    terminal.wait_for(r":/workspace[$#] ")


def test_keys_sizes_and_leaving(installation: Installation, terminal: Tmux) -> None:
    view = screen_of(installation)
    open_shell(installation, terminal)
    assert screen_of(installation) == view
    terminal.submit("echo typed-in-$((6*7))")
    terminal.wait_for("typed-in-42")
    terminal.submit("stty size")
    terminal.wait_for(r"\n4\d \d+")
    terminal.resize(120, 30)
    wait_until(lambda: (terminal.submit("stty size"), " 120" not in terminal.screen())[1], PATIENCE)
    terminal.wait_for(r"\b2\d \d\d\b")
    terminal.press("C-a", "d")
    terminal.wait_for("keeps running in session")
    terminal.wait_for("EXIT 0")
    wait_until(lambda: ended(view), PATIENCE)
    terminal.submit("echo typed-at-$((6*7))")
    terminal.wait_for("typed-at-42")


@pytest.mark.parametrize("which", ["the screen", "the command"])
def test_killed_it_leaves_terminal_and_agent_whole(installation: Installation, terminal: Tmux, which: str) -> None:
    open_shell(installation, terminal)
    view = screen_of(installation)
    if which == "the screen":
        os.kill(view, signal.SIGKILL)
        terminal.wait_for("The screen was killed")
        terminal.wait_for("EXIT 1")
    else:
        (command,) = processes(installation, "ironcurtain_tui")
        os.kill(command, signal.SIGKILL)
        terminal.wait_for("EXIT 137")
    wait_until(lambda: ended(view), PATIENCE)
    terminal.submit("echo typed-at-$((6*7))")
    terminal.wait_for("typed-at-42")
    assert terminal.format("#{alternate_on} #{mouse_any_flag}") == "0 0"
    assert installation.sessions(), "the agent does not notice"


def test_told_to_end_it_ends_properly(installation: Installation, terminal: Tmux) -> None:
    open_shell(installation, terminal)
    view = screen_of(installation)
    (command,) = processes(installation, "ironcurtain_tui")
    os.kill(command, signal.SIGTERM)
    terminal.wait_for("keeps running in session")
    wait_until(lambda: ended(view), PATIENCE)
    assert installation.sessions()


def test_it_goes_with_its_terminal(installation: Installation, terminal: Tmux) -> None:
    open_shell(installation, terminal)
    view = screen_of(installation)
    terminal.close()
    wait_until(lambda: ended(view), PATIENCE)
    wait_until(lambda: processes(installation, "ironcurtain_tui") == [], PATIENCE)
    assert installation.sessions(), "the agent does not notice"


def test_a_start_that_fails_says_why_and_what_to_do(installation: Installation, terminal: Tmux) -> None:
    (installation.home / "policy.toml").write_text("versoin = 1\n")
    wait_until(lambda: spare.waiting(installation.home), PATIENCE)
    installation.open(terminal, "run", "--agent", "shell", "--rehearsal", "--workspace", ".")
    terminal.wait_for("unknown setting")
    terminal.wait_for("policy check")
    terminal.press("q")
    terminal.wait_for("The session did not start: .*policy.toml, line 1: unknown setting")
    terminal.wait_for("EXIT 1")
    wait_until(lambda: installation.sessions() == [], PATIENCE)


def test_without_it_the_command_opens_its_own(installation: Installation, terminal: Tmux) -> None:
    view = screen_of(installation)
    os.kill(view, signal.SIGKILL)
    wait_until(lambda: ended(view), PATIENCE)
    open_shell(installation, terminal)
    terminal.submit("echo typed-in-$((6*7))")
    terminal.wait_for("typed-in-42")
    terminal.press("C-a", "d")
    terminal.wait_for("EXIT 0")


def test_it_ends_with_a_spare_that_is_not_needed(installation: Installation) -> None:
    view = screen_of(installation)
    installation.run("standby", "--end")
    wait_until(lambda: ended(view), PATIENCE)


def test_for_whom_it_is_of_no_use_it_does_not_wait_on(installation: Installation) -> None:
    view = screen_of(installation)
    session = installation.start("--agent", "shell", "--rehearsal")
    wait_until(lambda: ended(view), PATIENCE)
    assert installation.sessions() == [session]


@pytest.fixture
def key_that_waits(installation: Installation) -> Path:
    """Until this file is there, the command that gives the key waits."""
    go = installation.home.parent / "go"
    (installation.home / "config.toml").write_text(
        "[session]\nstandby = false\n[providers.anthropic]\n"
        f'api_key_command = ["sh", "-c", "until test -e {go}; do sleep 0.1; done; echo {CANARY}"]\n'
    )
    return go


def submit_run(installation: Installation, terminal: Tmux) -> int:
    """Have a shell with job control run it; the process of the command, which waits for the key."""
    terminal.run(["true"], {}, installation.workspace)
    terminal.wait_for("EXIT 0")
    environment = f"env -u COLUMNS -u LINES IRONCURTAIN_HOME={installation.home}"
    terminal.submit(f"clear; {environment} {' '.join(COMMAND)} run --agent shell --workspace .")
    wait_until(lambda: spare.present(installation.home) is None, PATIENCE)  # it has been called
    (process,) = processes(installation, "ironcurtain_tui")
    return process


def test_stopped_before_the_answer_the_shell_keeps_the_terminal(
    installation: Installation, terminal: Tmux, key_that_waits: Path
) -> None:
    process = submit_run(installation, terminal)
    terminal.press("C-z")
    terminal.wait_for("Stopped")
    key_that_waits.touch()
    wait_until(installation.sessions, PATIENCE)
    terminal.submit("echo typed-at-$((6*7))")
    terminal.wait_for("typed-at-42")
    assert terminal.format("#{alternate_on}") == "0"
    terminal.submit("fg")
    terminal.wait_for(r":/workspace[$#] ")
    terminal.submit("echo typed-in-$((6*7))")
    terminal.wait_for("typed-in-42")
    assert not ended(process)
    terminal.press("C-a", "d")
    terminal.wait_for("keeps running in session")


@pytest.mark.parametrize("how", ["interrupted", "closed"])
def test_gone_before_the_answer_there_is_no_screen_and_no_agent(
    installation: Installation, terminal: Tmux, key_that_waits: Path, how: str
) -> None:
    view, supervisor = screen_of(installation), spare.waiting(installation.home)
    process = submit_run(installation, terminal)
    if how == "interrupted":
        terminal.press("C-c")
        terminal.wait_for("Interrupted")
    else:
        terminal.close()
    wait_until(lambda: ended(process), PATIENCE)
    key_that_waits.touch()
    assert supervisor is not None
    wait_until(lambda: ended(view) and not supervisor.owner.alive(), PATIENCE)
    assert not list((installation.home / "sessions").glob("*/audit.jsonl")), "nothing was begun"
    if how == "interrupted":
        terminal.submit("echo typed-at-$((6*7))")
        terminal.wait_for("typed-at-42")
