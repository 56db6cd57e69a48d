"""Tasks without a screen: the same container, doors, policy and records; real Claude Code, and plain scripts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from ironcurtain_tui.audit.reader import AuditReader
from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.events import SessionStatus
from ironcurtain_tui.paths import SessionPaths
from ironcurtain_tui.sessions import registry
from tests.e2e.conftest import CANARY, COMMAND, Installation, Loop
from tests.e2e.person import Person
from tests.e2e.test_approvals import bare, git  # noqa: F401 -- bare is a fixture
from tests.e2e.tmux import PATIENCE, Tmux
from tests.e2e.web_host import WebHost
from tests.whole_log import verify_file

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

HOST = "files.example.org"


def newest(installation: Installation) -> SessionPaths:
    return SessionPaths.of(registry.sessions(installation.home)[0].id, installation.home)


def assert_nothing_left(installation: Installation, engine: Engine) -> None:
    mine = {path.name for path in (installation.home / "sessions").glob("*")}
    assert not [item.name for item in engine.find_owned() if item.session_id in mine]
    assert not list((installation.home / "run").glob("*"))


def test_claude_code_does_a_task_and_goes_on_with_it_later(engine: Engine, with_key: Installation) -> None:
    first = with_key.run("task", "RUN: echo made-by-$((40+2)) > proof.txt\nSAY: It is done.", seconds=200)
    assert first.stdout == "It is done.\n"
    assert "▸ Bash echo made-by" in first.stderr
    assert (with_key.workspace / "proof.txt").read_text() == "made-by-42\n"
    assert_nothing_left(with_key, engine)
    session = newest(with_key)
    assert verify_file(session.audit_log, session.session_id).ok
    records = list(AuditReader(session.audit_log).poll())
    kinds = [record.kind for record in records]
    assert kinds.index("self-test") < kinds.index("task.start") < kinds.index("request") < kinds.index("session.end")

    second = with_key.run("task", "--json", "--quiet", "--continue", "RUN: cat proof.txt", seconds=200)
    assert second.stderr == ""
    told = json.loads(second.stdout)
    assert (told["outcome"], told["exit"], told["exit_code"], told["denied"]) == ("success", 0, 0, [])
    assert "made-by-42" in told["text"]
    assert told["usage"]["input_tokens"] > 1000
    assert told["session"] != session.session_id
    (kept,) = newest(with_key).state.rglob("*.jsonl")
    said = kept.read_text()
    assert "It is done." in said, "the agent had its first conversation before it"
    assert "cat proof.txt" in said
    everything = first.stdout + first.stderr + second.stdout + said + newest(with_key).audit_log.read_text()
    assert CANARY not in everything


def test_a_push_is_denied_while_nobody_is_attached(with_key: Installation, bare: Path) -> None:  # noqa: F811
    pushed = git(bare, "rev-parse", "main")
    prompt = 'TOOL: mcp__ironcurtain__git__git_push {"remote": "origin"}\nSAY: I could not push.'
    done = with_key.run("task", "--json", "--unattended", "deny", prompt, check=False, seconds=200)
    assert done.returncode == 4
    told = json.loads(done.stdout)
    assert told["outcome"] == "refused"
    assert told["text"] == "I could not push."
    assert any("git_push" in line for line in told["denied"])
    assert git(bare, "rev-parse", "main") == pushed


def test_a_provider_that_does_not_take_the_key_is_the_agents_failure(with_key: Installation) -> None:
    with_key.environment["ANTHROPIC_API_KEY"] = "sk-ant-api03-of-somebody-else"
    done = with_key.run("task", "--quiet", "SAY: never", check=False, seconds=200)
    assert done.returncode == 3
    assert done.stdout == ""
    assert "provider-error" in done.stderr
    assert "401" in done.stderr


def test_tokens_are_limited(with_key: Installation) -> None:
    done = with_key.run("task", "--max-tokens", "1000", "RUN: sleep 100\nSAY: never", check=False, seconds=200)
    assert done.returncode == 5
    assert "allowed are 1,000" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "stdout", "stderr"),
    [
        (["echo partly; echo why >&2; exit 7"], 3, "partly\n", "it ended with code 7: why"),
        (["--timeout", "2", "echo before; sleep 100"], 5, "before\n", "did not end within 2 seconds"),
        (["echo left; (sleep 100 &) ; exit 0"], 0, "left\n", "left"),
        (["--unattended=deny", f"curl -sS -m 60 https://{HOST}/; echo tried"], 4, "tried\n", f"denied: CONNECT {HOST}"),
    ],
)  # fmt: skip
def test_outcomes_have_exit_codes(
    engine: Engine, installation: Installation, arguments: list[str], code: int, stdout: str, stderr: str
) -> None:
    done = installation.run("task", "--agent", "shell", "--rehearsal", *arguments, check=False)
    assert (done.returncode, done.stdout) == (code, stdout)
    assert stderr in done.stderr
    assert_nothing_left(installation, engine)


def test_the_task_may_come_from_a_pipe_and_an_interrupt_ends_it(engine: Engine, installation: Installation) -> None:
    process = subprocess.Popen(
        [*COMMAND, "task", "--agent", "shell", "--rehearsal", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=installation.full_environment(),
        cwd=installation.workspace,
    )
    assert process.stdin is not None
    assert process.stderr is not None
    process.stdin.write("echo begun\nsleep 100\n")
    process.stdin.close()
    for line in process.stderr:
        if line == "begun\n":
            break
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE) == 130
    assert "Task stopped" in process.stderr.read()
    assert_nothing_left(installation, engine)
    assert registry.sessions(installation.home)[0].record.outcome == "stopped by the person"


def test_one_whose_supervisor_dies_has_failed_and_not_failed_to_start(installation: Installation) -> None:
    command = [*COMMAND, "task", "--agent", "shell", "--rehearsal", "--json", "echo begun; sleep 100"]
    environment = installation.full_environment()
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=installation.workspace,
    )
    assert process.stderr is not None
    assert process.stdout is not None
    for line in process.stderr:
        if line == "begun\n":
            break
    session = newest(installation)
    lease = registry.read_lease(session)
    assert lease is not None
    os.kill(lease.owner.pid, signal.SIGKILL)
    assert process.wait(PATIENCE) == 3
    told = json.loads(process.stdout.read())
    assert (told["session"], told["outcome"], told["reason"]) == (session.session_id, "failed", registry.DIED)
    for _ in ("before gc", "after it"):
        assert installation.run("task", "--result", session.session_id, check=False).returncode == 3
        installation.run("gc")


@pytest.fixture
def web(installation: Installation) -> Iterator[WebHost]:
    loop = Loop()
    host = WebHost(HOST, installation.home.parent)
    loop.call(host.start())
    installation.home.mkdir(exist_ok=True)
    (installation.home / "config.toml").write_text(host.settings)
    yield host
    loop.call(host.stop())
    loop.close()


def test_whoever_attaches_sees_a_task_in_the_background_and_answers_its_questions(
    installation: Installation, web: WebHost, terminal: Tmux
) -> None:
    script = f"echo begun; until [ -e go ]; do sleep 0.1; done; curl -sS -m 100 https://{HOST}/"
    session = SessionPaths.of(
        installation.run("task", "--detach", "--agent", "shell", "--rehearsal", script).stdout.strip(),
        installation.home,
    )
    installation.open(terminal, "attach")
    terminal.wait_for("begun")
    terminal.wait_for("no-egress")
    terminal.type("typed")  # nobody is there to read it
    person = Person(session)
    (installation.workspace / "go").touch()
    asked = person.is_asked()
    assert asked.card.title == f"GET https://{HOST}/"
    person.sees(lambda keeper: keeper.status is SessionStatus.WAITING)
    person.answers(asked, approve=True)
    terminal.wait_for(f"hello from {HOST}")
    terminal.wait_for("success after")
    assert "typed" not in terminal.screen()
    person.leave()
    terminal.press("C-a", "q")
    terminal.wait_for("EXIT")
    told = installation.run("task", "--result", session.session_id, "--json").stdout
    assert json.loads(told)["text"] == f"begun\nhello from {HOST}"
    record = msgspec.json.decode(session.record.read_bytes(), type=registry.SessionRecord)
    assert record.info.task.startswith("echo begun")
    assert "task: echo begun" in installation.run("sessions").stdout


def test_what_cannot_start_is_told_to_programs_too(installation: Installation) -> None:
    installation.environment["DOCKER_HOST"] = f"unix://{installation.home}/no-engine.sock"
    done = installation.run("task", "--json", "--rehearsal", "anything", check=False)
    assert done.returncode == 1
    assert json.loads(done.stdout)["outcome"] == "not-started"
    assert not list((installation.home / "run").glob("*"))
