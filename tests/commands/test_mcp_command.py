"""Adding a tool server with one command."""

import os
import sys
from pathlib import Path

import pytest

from ironcurtain_tui import cli, config
from ironcurtain_tui.policy.action import ToolCall
from ironcurtain_tui.policy.load import load_policy

ECHO = str(Path(__file__).parents[1] / "gateway" / "echo_server.py")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IRONCURTAIN_HOME", str(tmp_path))
    return tmp_path


def add(*arguments: str) -> int:
    return cli.main(["mcp", "add", *arguments])


def test_a_server_is_looked_at_and_written_down(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "config.toml").write_text("# mine\n[ui]\nprefix = 'ctrl+b'")
    path = os.pathsep.join(sys.path)
    assert add("echo", "--env", f"PYTHONPATH={path}", "--env", "HOME", "--", sys.executable, ECHO) == 0
    shown = capsys.readouterr().out
    assert "echo has 6 tools" not in shown, "the one with an impossible name does not count"
    assert "echo has 5 tools" in shown
    assert "path: read-path + write-path" in shown

    loaded = config.load()
    assert loaded.ui.prefix == "ctrl+b"
    server = loaded.mcp.servers["echo"]
    assert (server.command, server.args) == (sys.executable, (ECHO,))
    assert server.env == {"PYTHONPATH": path, "HOME": "${HOME}"}
    assert (home / "config.toml").read_text().startswith("# mine\n")

    policy = load_policy({}, [], home / "ws", home)
    call = ToolCall(server="echo", tool="echo", arguments={"text": "x", "path": "/etc/hostname", "times": 1})
    assert policy.path_arguments(call) == {"path"}

    assert cli.main(["mcp", "list"]) == 0
    listed = capsys.readouterr().out
    assert [line.split()[0] for line in listed.splitlines()[1:]] == ["git", "fetch", "filesystem", "echo"]


def test_what_a_person_corrected_is_kept(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "annotations").mkdir()
    table = home / "annotations" / "echo.toml"
    table.write_text('[tools]\necho = { arguments = { text = "none", path = "delete-path" } }\n')
    before = table.read_text()
    assert add("echo", "--env", f"PYTHONPATH={os.pathsep.join(sys.path)}", "--", sys.executable, ECHO) == 0
    assert "path: delete-path" in capsys.readouterr().out
    assert table.read_text() == before


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("x",), "command (to start it) or url"),
        (("a__b", "--", "true"), "no name for a server"),
        (("x", "--url", "ftp://x"), "url must start with"),
        (("x", "--url", "http://x/", "--", "true"), "cannot both be set"),
        (("x", "--", "sh", "-c", "echo '\x1b[31mbroken' >&2"), "  \x20[31mbroken"),
        (("x", "--env", "IRONCURTAIN_UNSET", "--", "cat"), "IRONCURTAIN_UNSET is not set"),
    ],
)
def test_what_does_not_work_leaves_no_trace(
    home: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], reason: str
) -> None:
    assert add(*arguments) == 1
    assert reason in capsys.readouterr().err
    assert not list(home.iterdir())


def test_a_name_is_taken_once(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "config.toml").write_text("[mcp.servers.x]\ncommand = 'true'\n")
    assert add("x", "--", "true") == 1
    assert "already" in capsys.readouterr().err
