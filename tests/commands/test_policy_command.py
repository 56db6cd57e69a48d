from __future__ import annotations

import json
from pathlib import Path

import pytest

from ironcurtain_tui.cli import main
from ironcurtain_tui.commands.policy import parse_action
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.policy.action import HttpRequest, ToolCall, Tunnel


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IRONCURTAIN_HOME", str(tmp_path / "state"))
    (tmp_path / "work").mkdir()
    (tmp_path / "state").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "state"


def test_actions_on_one_line() -> None:
    assert parse_action("git.git_push repo_path=. remote='my fork' files='[\"a\", \"b\"]'") == ToolCall(
        server="git", tool="git_push", arguments={"repo_path": ".", "remote": "my fork", "files": ["a", "b"]}
    )
    assert parse_action("git__git_push") == ToolCall(server="git", tool="git_push", arguments={})
    assert parse_action("fetch.fetch url=https://a.b/?c=d").arguments == {"url": "https://a.b/?c=d"}  # type: ignore[union-attr]
    assert parse_action("CONNECT a.b:443") == Tunnel(host="a.b", port=443)
    assert parse_action("POST https://a.b/c?d content_type=text/plain content_length=5") == HttpRequest(
        host="a.b", port=443, method="POST", path="/c", query="d", content_type="text/plain", content_length=5
    )
    assert parse_action('{"action": "tunnel", "host": "a.b", "port": 1}') == Tunnel(host="a.b", port=1)


@pytest.mark.parametrize(
    "text", ["", "x", "CONNECT", "CONNECT a.b", "GET http://a.b/", "a.b c", "'", "{", '{"action": "x"}', "a.b c=[1"]
)
def test_no_actions(text: str) -> None:
    with pytest.raises(UserFacingError, match="no action"):
        parse_action(text)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["git.git_status repo_path=."], 0, "allow, by structural: the workspace is free"),
        (["GET https://example.org/"], 3, "escalate, by unlisted-host"),
        (["GET https://example.org/", "--unattended"], 1, "nobody is there"),
        (["git.none"], 1, "deny, by default-deny"),
    ],
)
def test_a_dry_run_says_what_would_be_decided(
    arguments: list[str], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["policy", "test", *arguments]) == code
    assert words in capsys.readouterr().out


def test_explain_shows_every_step_and_nothing_raw(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "explain", "filesystem.move_file source=a destination='/srv/\x1b[2J\u202e'"]) == 3
    out = capsys.readouterr().out
    assert "1. source (read-path): a -> " in out
    assert "does not fit: default: destroying outside the workspace asks" in out
    assert "? escalate, by default: changing outside the workspace asks" in out
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "\\x1b[2J\\u202e" in out


def test_check_names_the_line(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "check"]) == 0
    assert "does not exist" in capsys.readouterr().out
    (home / "policy.toml").write_text('[[rule]]\nname = "mine"\non = "tool"\nthen = "allow"\n')
    assert main(["policy", "check"]) == 0
    assert "allow    user: mine" in capsys.readouterr().out
    (home / "policy.toml").write_text('[[rule]]\nname = "mine"\non = "tool"\nthen = "alow"\n')
    assert main(["policy", "check"]) == 1
    assert "policy.toml, line 4: rule `mine`: then: " in capsys.readouterr().err
    assert main(["policy", "check", "nothing-there"]) == 1


def test_import_writes_once_and_keeps_what_was_there(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = [{"name": "r", "if": {"tool": ["x"], "sideEffects": True}, "then": "deny", "reason": "\x1b[31m"}]
    (tmp_path / "compiled-policy.json").write_text(json.dumps({"rules": rules}))
    tools = [{"toolName": "x", "args": {"a": ["read-path"]}}]
    (tmp_path / "tool-annotations.json").write_text(json.dumps({"servers": {"mine": {"tools": tools}}}))
    assert main(["policy", "import", str(tmp_path)]) == 0
    assert "! rule r: its condition on side effects" in capsys.readouterr().out
    assert main(["policy", "test", "mine.x a=/srv"]) == 1
    assert "deny, by user: r" in capsys.readouterr().out
    written = (home / "policy.toml").read_text()
    assert "\x1b" not in written
    assert main(["policy", "import", str(tmp_path)]) == 1
    assert main(["policy", "import", str(tmp_path), "--replace"]) == 0
    assert (home / "policy.toml.before-import").read_text() == written
    assert main(["policy", "import", str(home)]) == 1
