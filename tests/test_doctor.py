"""`doctor` tries both network modes with a real container, and leaves nothing of the trial."""

from __future__ import annotations

import json
import os
import pty
import shutil
import sys
import tempfile
from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest

from ironcurtain_tui.checks.terminal_queries import TerminalAbilities, read_answer
from ironcurtain_tui.cli import main
from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.containers.images import ensure_image
from ironcurtain_tui.containers.spec import create_body
from ironcurtain_tui.providers import PROVIDERS
from ironcurtain_tui.sessions import memory, spare
from tests.conftest import engine_or_skip
from tests.waiting import PATIENCE


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="ic-"))  # short: socket paths have a limit
    monkeypatch.setenv("IRONCURTAIN_HOME", str(directory))
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def engine() -> Engine:
    engine_or_skip()
    found = Engine.connect()
    for image in ("shell", "sidecar"):
        ensure_image(found, image, lambda _: None)
    return found


def left(engine: Engine, home: Path) -> list[str]:
    """What a trial of this installation left: its containers, networks and directories."""
    owned = [*engine.find_owned(), *engine.find_owned_networks()]
    mine = [item.name for item in owned if item.labels.get("ironcurtain.owner.pid") == str(os.getpid())]
    return [*mine, *(str(path) for room in ("run", "sessions") for path in (home / room).glob("*"))]


@pytest.mark.engine
def test_both_modes_are_tried_for_real(engine: Engine, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "uds", "tcp", "--json"]) == 0
    findings = json.loads(capsys.readouterr().out)
    assert [(one["name"], one["state"]) for one in findings] == [("uds", "ok"), ("tcp", "ok")]
    assert "sessions use it" in findings[0]["text"]
    assert "not in use" in findings[1]["text"]
    assert left(engine, home) == []


@pytest.mark.engine
def test_a_hole_is_a_failure_where_it_matters(
    engine: Engine, home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_gateway(self: Engine, name: str, subnet: IPv4Network, labels: dict[str, str]) -> str:
        ipam = {"Driver": "default", "Config": [{"Subnet": str(subnet)}]}
        made = self.client.create_network(name, driver="bridge", internal=True, ipam=ipam, labels=labels)
        return str(made["Id"])

    monkeypatch.setattr(Engine, "create_network", with_gateway)
    assert main(["doctor", "tcp"]) == 0, "a warning: sessions do not use it"
    assert "host-heard" in capsys.readouterr().out
    (home / "config.toml").write_text('[network]\nmode = "tcp"\n')
    assert main(["doctor", "tcp"]) == 1
    assert left(engine, home) == []


@pytest.mark.engine
def test_the_protections_are_read_back_from_a_container(
    engine: Engine, home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["doctor", "hardening", "--json"]) == 0
    (finding,) = json.loads(capsys.readouterr().out)
    for name in ("read-only root", "no capabilities", "no new privileges", "seccomp list", "processes (512)"):
        assert name in finding["text"]

    def softer(*arguments: Any, **options: Any) -> dict[str, Any]:
        body = create_body(*arguments, **options)
        body["HostConfig"] |= {"ReadonlyRootfs": False, "CapDrop": [], "PidsLimit": None}
        return body

    monkeypatch.setattr("ironcurtain_tui.containers.engine.create_body", softer)
    assert main(["doctor", "hardening", "--json"]) == 1
    findings = json.loads(capsys.readouterr().out)
    assert findings[-1]["state"] == "fail"
    assert findings[-1]["text"] == "off: read-only root, no capabilities, limit of processes"
    assert left(engine, home) == []


def findings(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, str]]:
    main(["doctor", *arguments, "--json"])
    found: list[dict[str, str]] = json.loads(capsys.readouterr().out)
    return found


def test_policy_and_settings_that_cannot_be_read_are_failures(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert [one["state"] for one in findings(capsys, "policy", "config")] == ["ok", "ok"]
    (home / "policy.toml").write_text('[[rule]]\nname = "x"\non = "request"\nthen = "perhaps"\n')
    (home / "config.toml").write_text("[container]\nmemory = 7\n")
    for finding, file in zip(findings(capsys, "policy", "config"), ("policy.toml", "config.toml"), strict=True):
        assert finding["state"] == "fail"
        assert file in finding["text"]
        assert finding["remedy"]
    (home / "policy.toml").unlink()
    (home / "annotations").mkdir()
    (home / "annotations" / "mine.toml").write_text("[broken")
    assert findings(capsys, "policy")[0]["state"] == "fail"


def test_every_providers_key_is_looked_for_and_none_is_shown(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for provider in PROVIDERS.values():
        if provider.key_variable:
            monkeypatch.delenv(provider.key_variable, raising=False)
    monkeypatch.setenv("HOME", str(home))
    (told,) = findings(capsys, "credentials")
    assert told["state"] == "warn"
    assert "ANTHROPIC_API_KEY" in told["remedy"]
    key = home / "key"
    key.write_text("sk-obviously-fake-0123456789")
    key.chmod(0o600)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-obviously-fake-0123456789")
    (home / "config.toml").write_text(
        f'[providers.google]\napi_key_file = "{key}"\n[providers.openai]\napi_key_command = ["false"]\n'
    )
    first, *others = findings(capsys, "credentials")
    assert first["state"] == "ok"
    assert "Anthropic: a key from the environment variable ANTHROPIC_API_KEY" in first["text"]
    assert {one["state"] for one in others} == {"ok", "fail"}
    assert any(str(key) in one["text"] for one in others)
    assert "obviously-fake" not in json.dumps([first, *others])
    monkeypatch.setenv("CLAUDE_CODE_OAUTH_TOKEN", "sk-ant-oat01-obviously-fake-0123456789")
    told = findings(capsys, "credentials")[1]
    assert told["text"] == "Anthropic: a log-in from the environment variable CLAUDE_CODE_OAUTH_TOKEN"


def test_a_tool_server_that_does_not_start_is_told_of(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    off = "".join(f"[mcp.servers.{name}]\nenabled = false\n" for name in ("git", "filesystem"))
    (home / "config.toml").write_text(
        f'{off}[mcp.servers.broken]\ncommand = "sh"\nargs = ["-c", "echo why >&2; exit 1"]\n'
    )
    found = {one["text"].split(" ")[0].rstrip(":"): one for one in findings(capsys, "mcp")}
    assert found["fetch"]["state"] == "ok"
    assert found["broken"]["state"] == "fail"
    assert "why" in found["broken"]["text"]
    assert "[mcp.servers.broken]" in found["broken"]["remedy"]


@pytest.mark.parametrize(
    ("answer", "abilities"),
    [
        (b"", None),
        (b"\x1b[?", None),
        (b"\x1b[?62;22c", TerminalAbilities(False, False, False)),
        (b"\x1b[?0u\x1b[?2026;2$y\x1b[?62;52c", TerminalAbilities(True, True, True)),
        (b"\x1b[?2026;0$y\x1b[?1;2c", TerminalAbilities(False, False, False)),
    ],
)
def test_a_terminal_tells_what_it_can_do(answer: bytes, abilities: TerminalAbilities | None) -> None:
    assert read_answer(answer) == abilities


def test_a_terminal_is_asked_and_left_as_it_was() -> None:
    program = (
        "import sys, termios\n"
        "from ironcurtain_tui.checks import terminal_queries\n"
        "terminal_queries.ANSWER_SECONDS = float(sys.argv[1])\n"
        "before = termios.tcgetattr(0)\n"
        "told = terminal_queries.ask_terminal()\n"
        "assert termios.tcgetattr(0) == before\n"
        "print('KITTY' if told and told.kitty_keyboard else told)\n"
    )
    for answer, expected, seconds in ((b"\x1b[?1u\x1b[?62c", "KITTY", PATIENCE), (b"", "None", 0.1)):
        child, terminal = pty.fork()
        if child == 0:
            os.execv(sys.executable, [sys.executable, "-c", program, str(seconds)])  # noqa: S606 -- that is what is wanted
        seen = b""
        try:
            while b"\x1b[c" not in seen:
                seen += os.read(terminal, 1024)
            os.write(terminal, answer)
            while expected.encode() not in seen:
                seen += os.read(terminal, 1024)
        finally:
            assert os.waitpid(child, 0)[1] == 0
            os.close(terminal)


def test_without_an_engine_the_reason_is_told(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{home}/no-engine.sock")
    assert main(["doctor", "engine", "tcp", "--json"]) == 1
    findings = json.loads(capsys.readouterr().out)
    assert {one["state"] for one in findings} == {"fail"}
    assert all("no Docker Engine" in one["text"] and one["remedy"] for one in findings)


def test_the_spare_supervisor_is_told_or_why_there_is_none(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def told() -> str:
        assert main(["doctor", "standby"]) == 0
        return capsys.readouterr().out

    monkeypatch.setattr(memory, "available", lambda: spare.LEFT_FROM)
    assert "no spare supervisor waits" in told()
    spare.directory(home).mkdir(mode=0o700)
    with spare.named(home):
        assert f"a spare supervisor waits: process {os.getpid()}, since" in (text := told())
        assert "`ironcurtain-tui standby --end` ends it" in text
        assert "standby = false" in text
    monkeypatch.setattr(memory, "available", lambda: spare.LEFT_FROM - 1)
    assert "less than 1 GiB of memory is available" in told()
    (home / "config.toml").write_text("[session]\nstandby = false\n")
    assert "no spare supervisor waits: standby = false" in told()
