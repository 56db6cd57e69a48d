"""What the agent asks of the outside and a person decides on: real containers, real requests, real tools."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ironcurtain_tui.audit.chain import Record
from ironcurtain_tui.audit.reader import AuditReader
from ironcurtain_tui.containers.container import AgentContainer
from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.control.messages import Revoke, ScopeKind, SetDoors
from ironcurtain_tui.events import Decision, DoorState, SessionStatus
from ironcurtain_tui.paths import SessionPaths
from ironcurtain_tui.rehearsal.conversation import Tool
from tests.e2e.conftest import Installation, Loop, wait_for_tool
from tests.e2e.person import Person
from tests.e2e.test_lifecycle import children, open_shell
from tests.e2e.tmux import PATIENCE, Tmux
from tests.e2e.web_host import WebHost
from tests.waiting import wait_until
from tests.whole_log import verify_file

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

HOST = "files.example.org"


@pytest.fixture
def web(installation: Installation) -> Iterator[WebHost]:
    """A host no rule is about, known to the installation."""
    loop = Loop()
    host = WebHost(HOST, installation.home.parent)
    loop.call(host.start())
    installation.home.mkdir(exist_ok=True)
    with (installation.home / "config.toml").open("a") as config:
        config.write(host.settings)
    yield host
    loop.call(host.stop())
    loop.close()


@dataclass
class Shell:
    """Commands run beside the shell in its container."""

    container: AgentContainer

    def starts(self, command: str) -> Running:
        return Running(self.container, command)


class Running(threading.Thread):
    """A command in the container, under way."""

    def __init__(self, container: AgentContainer, command: str) -> None:
        super().__init__(daemon=True)
        self._container = container
        self._command = command
        self._ended: tuple[int, str] | None = None
        self.start()

    def run(self) -> None:
        code, output = self._container.exec(["sh", "-c", self._command], PATIENCE)
        self._ended = code, output.decode()

    @property
    def over(self) -> bool:
        return self._ended is not None

    def result(self) -> tuple[int, str]:
        self.join(PATIENCE)
        assert self._ended is not None, "it did not end"
        return self._ended


@pytest.fixture
def session(installation: Installation, web: WebHost) -> SessionPaths:
    return installation.start("--agent", "shell", "--rehearsal")


@pytest.fixture
def shell(engine: Engine, session: SessionPaths) -> Shell:
    owned = next(item for item in engine.find_owned() if item.session_id == session.session_id)
    return Shell(AgentContainer(engine.client, engine.address, owned.id, owned.name))


@pytest.fixture
def person(session: SessionPaths) -> Iterator[Person]:
    person = Person(session)
    yield person
    person.leave()


def records(session: SessionPaths) -> list[Record]:
    return list(AuditReader(session.audit_log).poll())


def test_an_unlisted_request_is_held_approved_and_completes_without_a_retry(
    session: SessionPaths, shell: Shell, person: Person, web: WebHost
) -> None:
    curl = shell.starts(f"curl -sS -w '%{{http_code}}' --data-binary 'some body' https://{HOST}/upload?a=1")
    asked = person.is_asked()
    assert asked.card.title == f"POST https://{HOST}/upload?a=1"
    assert "some body" in [field.value for field in asked.card.fields]
    person.sees(lambda keeper: keeper.status is SessionStatus.WAITING)
    assert not curl.over
    assert not web.requests
    person.answers(asked, approve=True)
    assert curl.result() == (0, f"hello from {HOST}\n200")
    ((head, body),) = web.requests
    assert head.startswith("POST /upload?a=1 HTTP/1.1\r\n")
    assert body == b"some body"
    person.sees(lambda keeper: keeper.status is not SessionStatus.WAITING)
    log = records(session)
    (decided,) = [record for record in log if record.kind == "escalation.decided"]
    assert decided.decision is Decision.ALLOW
    assert decided.data["digest"] == asked.card.digest
    assert int(str(decided.data["decision_ms"])) >= 0
    (request,) = [record for record in log if record.kind == "request"]
    assert request.data["digest"] == asked.card.digest
    assert verify_file(session.audit_log, session.session_id).ok


def test_a_denial_with_a_sentence_reaches_the_program(
    session: SessionPaths, shell: Shell, person: Person, web: WebHost
) -> None:
    curl = shell.starts(f"curl -sS -w '%{{http_code}}' https://{HOST}/")
    person.answers(person.is_asked(), approve=False, sentence="take the mirror")
    code, output = curl.result()
    assert code == 0
    assert output.endswith("403")
    assert "the person denied it and says: take the mirror" in output
    assert not web.requests


def test_a_program_that_gives_up_takes_its_question_back(
    session: SessionPaths, shell: Shell, person: Person, web: WebHost
) -> None:
    curl = shell.starts(f"echo $$ > /tmp/pid; exec curl -sS https://{HOST}/")
    asked = person.is_asked()
    assert shell.starts("kill $(cat /tmp/pid)").result()[0] == 0
    assert curl.result()[0] == 128 + signal.SIGTERM
    person.sees(lambda keeper: not keeper.pending)
    person.answers(asked, approve=True)
    later = shell.starts(f"curl -sS https://{HOST}/")
    again = person.is_asked()
    assert again.id != asked.id
    assert not web.requests
    person.answers(again, approve=False)
    later.result()


def test_with_nobody_watching_an_unknown_host_is_denied_at_once(
    session: SessionPaths, shell: Shell, web: WebHost
) -> None:
    code, output = shell.starts(f"curl -sS -m 150 https://{HOST}/").result()
    assert code == 56
    assert "403" in output


def test_a_grant_lets_the_same_pass_and_revoking_it_asks_again(
    session: SessionPaths, shell: Shell, person: Person, web: WebHost
) -> None:
    first = shell.starts(f"curl -sS https://{HOST}/docs/a")
    person.answers(person.is_asked(), approve=True, scope=ScopeKind.SESSION)
    first.result()
    keeper = person.sees(lambda keeper: bool(keeper.grants))
    assert keeper.grants[0].covers == f"GET, HEAD {HOST}/docs/**"
    assert shell.starts(f"curl -sS https://{HOST}/docs/b").result() == (0, f"hello from {HOST}\n")
    person.sends(Revoke(grant=keeper.grants[0].id))
    person.sees(lambda keeper: not keeper.grants)
    third = shell.starts(f"curl -sS -m 150 https://{HOST}/docs/c")
    person.answers(person.is_asked(), approve=False)
    assert "denied" in third.result()[1]


def test_paused_doors_hold_and_cut_doors_end_it(
    session: SessionPaths, shell: Shell, person: Person, web: WebHost
) -> None:
    person.sends(SetDoors(doors=DoorState.PAUSED))
    person.sees(lambda keeper: keeper.doors is DoorState.PAUSED)
    curl = shell.starts(f"curl -sS https://{HOST}/")
    curl.join(1.5)
    assert not curl.over
    person.sends(SetDoors(doors=DoorState.OPEN))
    person.answers(person.is_asked(), approve=True)
    assert curl.result() == (0, f"hello from {HOST}\n")
    person.sends(SetDoors(doors=DoorState.CUT))
    person.sees(lambda keeper: keeper.doors is DoorState.CUT)
    code, _ = shell.starts("curl -sS -m 150 https://api.anthropic.com/").result()
    assert code != 0


# --- with the keys of the screen -----------------------------------------------------------------------


def test_a_person_decides_with_keys_and_no_key_typed_to_the_agent_does(
    installation: Installation, web: WebHost, terminal: Tmux
) -> None:
    open_shell(installation, terminal)
    (session,) = installation.sessions()

    terminal.submit(f"curl -sS https://{HOST}/doc")
    terminal.wait_for(f"GET https://{HOST}/doc")
    terminal.type("aAyY")  # to the agent, in whose terminal the focus still is
    terminal.press("Enter")
    assert not web.arrived.wait(2)
    terminal.wait_for("^.*waiting")  # in the header
    terminal.press("F2")
    terminal.wait_for("All of it was on the screen")  # and the keys are armed
    terminal.press("a")
    assert web.arrived.wait(PATIENCE)
    terminal.press("Escape")
    terminal.wait_for(f"hello from {HOST}")

    terminal.submit(f"curl -sS https://{HOST}/other")
    terminal.wait_for(f"GET https://{HOST}/other")
    terminal.press("F2")
    terminal.wait_for("All of it was on the screen")
    terminal.press("e")
    terminal.wait_for("The agent reads this sentence")
    terminal.submit("read the manual")
    terminal.press("Escape")
    terminal.wait_for("read the manual. Trying again will not help")
    assert len(web.requests) == 1
    decided = [record.decision for record in records(session) if record.kind == "escalation.decided"]
    assert decided == [Decision.ALLOW, Decision.DENY]


def test_a_killed_screen_finds_the_question_again(installation: Installation, web: WebHost, terminal: Tmux) -> None:
    open_shell(installation, terminal)
    (session,) = installation.sessions()
    terminal.submit(f"curl -sS https://{HOST}/doc")
    terminal.wait_for(f"GET https://{HOST}/doc")
    person = Person(session)
    asked = person.is_asked()
    person.leave()
    (guard,) = children(int(terminal.format("#{pane_pid}")))
    os.kill(guard, signal.SIGKILL)
    terminal.wait_for(r"EXIT \d+")
    back = Person(session)
    again = back.is_asked()
    assert (again.id, again.deadline, again.card.digest) == (asked.id, asked.deadline, asked.card.digest)
    back.answers(again, approve=False, sentence="after lunch")
    wait_until(lambda: any(record.kind == "request" for record in records(session)), PATIENCE)
    back.leave()
    (request,) = [record for record in records(session) if record.kind == "request"]
    assert request.decision is Decision.DENY
    assert request.data["reason"] == "the person denied it and says: after lunch"
    assert not web.requests


# --- a push by real Claude Code ------------------------------------------------------------------------


def git(where: Path, *arguments: str) -> str:
    """Run git as the owner of the workspace."""
    who = {f"GIT_{role}_{part}": "a@example.org" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    result = subprocess.run(
        ["git", "-c", "init.defaultBranch=main", "-C", str(where), *arguments],
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **who},
        user=where.stat().st_uid,
        group=where.stat().st_gid,
        check=True,
        capture_output=True,
        text=True,
    )
    return result.stdout.strip()


@pytest.fixture
def bare(with_key: Installation) -> Path:
    """A bare repository on the host, and the workspace one commit ahead of it."""
    work = with_key.workspace
    path = work.parent / "bare.git"
    path.mkdir()
    shutil.chown(path, work.stat().st_uid, work.stat().st_gid)
    git(path, "init", "-q", "--bare")
    git(work, "init", "-q")
    git(work, "commit", "-q", "--allow-empty", "-m", "first commit")
    git(work, "remote", "add", "origin", str(path))
    git(work, "push", "-q", "origin", "main")
    git(work, "commit", "-q", "--allow-empty", "-m", "second commit")
    return path


def test_real_claude_code_pushes_what_a_person_approved_and_hears_why_not(
    with_key: Installation, bare: Path, terminal: Tmux, offered: dict[str, Tool]
) -> None:
    with_key.open(terminal, "run", "--workspace", str(with_key.workspace))
    terminal.wait_for("bypass permissions on")
    wait_for_tool(terminal, offered, "git_push")
    (session,) = with_key.sessions()
    person = Person(session)
    pushed = git(bare, "rev-parse", "main")

    terminal.submit('TOOL: mcp__ironcurtain__git__git_push {"remote": "origin"}')
    asked = person.is_asked()
    fields = {field.label: field.value for field in asked.card.fields}
    assert "second commit" in fields["Commits that would go"]
    assert "first commit" not in fields["Commits that would go"]
    assert fields["remote (git remote)"] == str(bare)
    person.answers(asked, approve=False, sentence="open a pull request instead")
    terminal.wait_for("open a pull request instead")
    assert git(bare, "rev-parse", "main") == pushed

    terminal.submit('TOOL: mcp__ironcurtain__git__git_push {"remote": "origin"}')
    again = person.sees(lambda keeper: any(each.id != asked.id for each in keeper.pending.values()))
    person.answers(next(iter(again.pending.values())), approve=True)
    person.sees(lambda keeper: any(line.kind == "tool.end" for line in keeper.audit))
    assert git(bare, "rev-parse", "main") == git(with_key.workspace, "rev-parse", "main") != pushed
    decided = [record for record in records(session) if record.kind == "escalation.decided"]
    assert [record.decision for record in decided] == [Decision.DENY, Decision.ALLOW]
    assert all("decision_ms" in record.data for record in decided)
    person.leave()
