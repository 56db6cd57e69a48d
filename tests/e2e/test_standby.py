"""A spare supervisor, left behind by a session or asked for, becomes the supervisor of the next one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ironcurtain_tui import paths
from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.containers.images import own_tag
from ironcurtain_tui.paths import SessionPaths
from ironcurtain_tui.sessions import registry, spare
from tests.e2e.conftest import CANARY, COMMAND, Installation, installed, keyed
from tests.e2e.tmux import PATIENCE, Tmux
from tests.waiting import wait_until
from tests.whole_log import verify_file

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]


@pytest.fixture
def installation(engine: Engine) -> Iterator[Installation]:
    with installed(engine, spares=True) as made:
        yield made


def supervisor_of(session: SessionPaths) -> int:
    lease = registry.read_lease(session)
    assert lease is not None
    return lease.owner.pid


def waiting(installation: Installation) -> int:
    """The process of the spare, once it waits."""
    wait_until(lambda: spare.waiting(installation.home), PATIENCE)
    found = spare.waiting(installation.home)
    assert found is not None
    return found.owner.pid


def set_mode(installation: Installation, mode: str) -> None:
    (installation.home / "config.toml").write_text(f'[network]\nmode = "{mode}"\n')


@pytest.mark.parametrize("mode", ["uds", "tcp"])
def test_it_becomes_the_supervisor_with_the_callers_environment(mode: str, installation: Installation) -> None:
    """The spare has no key; what it starts has the key of whoever called, and works."""
    with keyed(installation, "anthropic") as with_key:
        config = with_key.home / "config.toml"
        config.write_text(config.read_text() + f'[network]\nmode = "{mode}"\n')
        assert "starts at once" in with_key.run("standby").stdout
        pid = waiting(with_key)
        waits = spare.present(with_key.home)
        assert waits is not None
        assert CANARY.encode() not in Path(f"/proc/{pid}/environ").read_bytes()
        result = with_key.run("run", "--detach", "--timings", "--workspace", ".")
        (session,) = with_key.sessions()
        assert supervisor_of(session) == pid
        record = registry.read_record(session)
        assert record is not None
        assert not record.info.rehearsal, "it has the key"
        assert record.info.workspace == str(with_key.workspace), "told relative to where the caller is"
        assert record.info.network_mode == mode
        assert "doors" in result.stdout
        wait_until(lambda: not waits.others[-1].alive())
        assert waits.others[0].alive(), "the agent's screen is in use, that for a person is not"
        left = spare.present(with_key.home)
        assert left is None or left.owner.pid != pid, "there is one session a spare"
        assert verify_file(session.audit_log).ok
        with_key.run("stop")


def test_a_session_that_is_looked_at_leaves_one_for_the_next(installation: Installation, terminal: Tmux) -> None:
    workspace = str(installation.workspace)
    installation.open(terminal, "run", "--agent", "shell", "--rehearsal", "--workspace", workspace)
    terminal.wait_for(r":/workspace[$#] ")
    (first,) = installation.sessions()
    pid = waiting(installation)
    terminal.submit("exit")
    terminal.wait_for("Close with q")
    terminal.press("q")
    wait_until(lambda: not first.run.exists(), PATIENCE)
    installation.open(terminal, "run", "--agent", "shell", "--rehearsal", "--workspace", workspace)
    wait_until(installation.sessions, PATIENCE)
    terminal.wait_for("no-egress")
    terminal.wait_for(r":/workspace[$#] ")
    (second,) = installation.sessions()
    assert supervisor_of(second) == pid
    terminal.submit("echo typed-in-$((6*7))")
    terminal.wait_for("typed-in-42")


def test_of_two_that_call_at_once_one_has_it_and_the_other_starts_by_itself(installation: Installation) -> None:
    installation.run("standby")
    pid = waiting(installation)
    command = [*COMMAND, "run", "--detach", "--agent", "shell", "--rehearsal"]
    environment = installation.full_environment()
    starts = [
        subprocess.Popen(command, stdin=subprocess.DEVNULL, env=environment, cwd=installation.workspace)
        for _ in range(2)
    ]
    assert [start.wait(PATIENCE) for start in starts] == [0, 0]
    owners = {supervisor_of(session) for session in installation.sessions()}
    assert len(owners) == 2
    assert pid in owners


def test_a_task_takes_it_and_leaves_another(installation: Installation) -> None:
    installation.run("standby")
    pid = waiting(installation)
    script = "until [ -e go ]; do sleep 0.1; done; echo made-by-$((40+2))"
    begun = installation.run("task", "--detach", "--agent", "shell", "--rehearsal", script)
    (session,) = installation.sessions()
    assert begun.stdout == f"{session.session_id}\n"
    assert supervisor_of(session) == pid
    assert waiting(installation) != pid, "for whoever comes next, as it was"
    (installation.workspace / "go").touch()
    assert installation.run("task", "--result", session.session_id).stdout == "made-by-42\n"


def test_an_agent_with_a_dockerfile_is_started_by_it_once_that_is_built(
    engine: Engine, installation: Installation
) -> None:
    folder = installation.home.parent / "mine"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM ironcurtain-base:latest\n")
    own = f'[agents.warm]\ntitle = "Warm"\ncommand = ["sh"]\ndockerfile = "{folder}"\nproviders = ["openai"]\n'
    paths.private_directory(installation.home)
    (installation.home / "config.toml").write_text(own)
    try:
        for built in (False, True):
            installation.run("standby")
            pid = waiting(installation)
            started = installation.run("run", "--detach", "--agent", "warm")
            (session,) = installation.sessions()
            assert (supervisor_of(session) == pid) is built
            assert ("Building" in started.stderr) is not built
            installation.run("stop")
    finally:
        engine.client.remove_image(own_tag("warm"), force=True)


def test_a_tasks_answer_and_what_is_told_besides_stay_apart(installation: Installation) -> None:
    installation.run("standby")
    pid = waiting(installation)
    done = installation.run("task", "--agent", "claude-code", "SAY: It is done.")
    assert done.stdout == "It is done.\n"
    assert "no key for Anthropic" in done.stderr
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), PATIENCE)  # had it not been called, it would wait


def test_what_cannot_be_started_is_told_as_without_one(installation: Installation) -> None:
    installation.run("standby")
    refused = installation.run("run", "--detach", "--agent", "nobody", check=False)
    assert refused.returncode == 1
    assert "no agent called 'nobody'" in refused.stderr
    assert not installation.sessions()


def test_a_key_command_that_fails_is_asked_once_and_told(installation: Installation) -> None:
    """It may be a person who is asked."""
    asked = installation.home.parent / "asked"
    (installation.home / "config.toml").write_text(
        f'[providers.anthropic]\napi_key_command = ["sh", "-c", "echo once >> {asked}; exit 3"]\n'
    )
    installation.run("standby")
    refused = installation.run("run", "--detach", "--agent", "claude-code", check=False)
    assert refused.returncode == 1
    assert "failed with exit status 3" in refused.stderr
    assert "→" in refused.stderr
    assert asked.read_text() == "once\n"
    assert not installation.sessions()
    assert spare.present(installation.home) is None
    installation.run("standby")
    done = installation.run("task", "--json", "--agent", "claude-code", "anything", check=False)
    assert done.returncode == 1
    assert "failed with exit status 3" in done.stderr
    told = json.loads(done.stdout)
    assert told["outcome"] == "not-started"
    assert "failed with exit status 3" in told["reason"]
    assert asked.read_text() == "once\nonce\n"


def test_whoever_goes_before_the_answer_gets_no_session(installation: Installation) -> None:
    installation.run("standby")
    pid = waiting(installation)
    # As `run` does it, from a process that is like the commands of this installation.
    script = "import sys; from ironcurtain_tui.standby import call; call.place(sys.argv[1:]).hang_up()"
    environment = installation.full_environment()
    subprocess.run(
        [sys.executable, "-c", script, "run", "--detach", "--agent", "shell", "--rehearsal"],
        env=environment,
        cwd=installation.workspace,
        check=True,
    )
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), PATIENCE)
    assert not installation.sessions()


@pytest.mark.parametrize(("mode", "how"), [("uds", "end"), ("tcp", "stop --all"), ("uds", "kill"), ("tcp", "kill")])
def test_what_it_holds_at_the_engine_goes_with_it(
    mode: str, how: str, installation: Installation, engine: Engine
) -> None:
    set_mode(installation, mode)
    installation.run("standby")
    pid = waiting(installation)

    def held() -> list[str]:
        owned = [*engine.find_owned(), *engine.find_owned_networks()]
        return [one.name for one in owned if one.labels.get("ironcurtain.owner.pid") == str(pid)]

    number = {"uds": 1, "tcp": 3}[mode]
    assert len(held()) == number, "who holds the namespace; a network, and a sidecar"
    for command in ("gc", "sessions", "doctor"):
        told = installation.run(command, *["standby"][: command == "doctor"]).stdout
        assert f"process {pid}, since" in told
        assert all(name in told for name in held()), "who sees them in `docker ps` finds out what they are"
    assert len(held()) == number, "its owner lives"
    match how:
        case "end":
            assert "has ended" in installation.run("standby", "--end").stdout
        case "stop --all":
            assert "spare supervisor has ended" in installation.run("stop", "--all").stdout
        case _:
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: spare.present(installation.home) is None, PATIENCE)
            names = held()
            said = installation.run("gc").stdout
            assert all(name in said for name in names), said
            assert [file.name for file in spare.directory(installation.home).iterdir()] == [spare.LOG]
    assert held() == []
