"""The settings in force as a file that says the same, their schemas, and edits that cannot break them."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ironcurtain_tui import config
from ironcurtain_tui.cli import main
from ironcurtain_tui.commands import config as config_command
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.policy.load import DEFAULT, SHIPPED_ANNOTATIONS
from ironcurtain_tui.schema import FILES, schema_of

README = Path(__file__).parents[2] / "README.md"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IRONCURTAIN_HOME", str(tmp_path))
    return tmp_path


def example() -> str:
    """The configuration that the README shows."""
    found = re.search(r"```toml\n(\[session\].*?)```", README.read_text(), re.DOTALL)
    assert found is not None
    return found[1]


def test_what_is_shown_reads_as_the_same_settings(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "config.toml").write_text(
        '[container]\ncpus = 2.5\n[providers.openai]\napi_key_file = "~/key"\n'
        '[mcp.servers."a-b"]\ncommand = "x"\nargs = ["-q", "\\u001b[31m"]\n'
    )
    assert main(["config"]) == 0
    told = capsys.readouterr().out
    (home / "again.toml").write_text(told)
    assert config.load(home / "again.toml") == config.load()
    assert "cpus = 2.5  # set" in told
    assert "pids = 512\n" in told
    assert "\x1b" not in told


def test_what_may_be_a_secret_is_not_shown(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "config.toml").write_text(
        '[mcp.servers.one]\ncommand = "x"\nenv = { TOKEN = "obviously-fake", OTHER = "${OTHER}" }\n'
        '[mcp.servers.two]\nurl = "https://mcp.example.org/"\nheaders = { Authorization = "Bearer obviously-fake" }\n'
    )
    main(["config", "show"])
    told = capsys.readouterr().out
    assert "obviously-fake" not in told
    assert "# TOKEN is set, and not shown" in told
    assert 'OTHER = "${OTHER}"' in told


@pytest.mark.parametrize("name", FILES)
def test_schemas_are_valid(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "schema", name]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert schema == json.loads(json.dumps(schema_of(name)))
    jsonschema.Draft202012Validator.check_schema(schema)


def problems(name: str, document: dict[str, Any]) -> list[str]:
    return [error.message for error in jsonschema.Draft202012Validator(schema_of(name)).iter_errors(document)]


def test_schemas_say_what_the_program_says() -> None:
    settings = tomllib.loads(example())
    assert problems("config", settings) == []
    assert problems("config", {"container": {"memry": "1GiB"}}) != []
    assert problems("config", {"approvals": {"unattended": "maybe"}}) != []
    assert problems("policy", tomllib.loads(DEFAULT.read_text())) == []
    assert problems("policy", {"rule": [{"name": "x", "on": "request", "then": "perhaps"}]}) != []
    for table in SHIPPED_ANNOTATIONS.glob("*.toml"):
        assert problems("annotations", tomllib.loads(table.read_text())) == []


def test_settings_are_described() -> None:
    properties = schema_of("config")["$defs"]["ApprovalSettings"]["properties"]
    assert properties["timeout"]["description"] == "Seconds until it is denied by itself."


@pytest.fixture
def editor(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An editor that writes what lies in ``next``, first line first, and a terminal to use it in."""
    script = home / "editor.py"
    script.write_text(
        "import sys, pathlib\n"
        f"texts = pathlib.Path({str(home / 'next')!r})\n"
        "first, _, rest = texts.read_text().partition('---\\n')\n"
        "texts.write_text(rest)\n"
        "pathlib.Path(sys.argv[1]).write_text(first)\n"
    )
    monkeypatch.setenv("VISUAL", f"{sys.executable} {script}")
    monkeypatch.setattr("os.isatty", lambda _: True)
    return home / "next"


def test_a_broken_edit_does_not_replace_the_file(
    home: Path, editor: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = home / "config.toml"
    file.write_text("[ui]\n")
    editor.write_text("[container]\ncpus = 'many'\n---\n[container]\ncpus = 1\n")
    answers = [""]
    monkeypatch.setattr("builtins.input", lambda _: answers.pop())
    assert "is changed" in config_command.edit("config")
    assert answers == []
    assert f"{file}, line 2" in capsys.readouterr().err
    assert file.read_text() == "[container]\ncpus = 1\n"
    assert file.stat().st_mode & 0o777 == 0o600

    editor.write_text("[broken")
    monkeypatch.setattr("builtins.input", lambda _: "q")
    assert config_command.edit("config") == "Nothing was changed."
    assert file.read_text() == "[container]\ncpus = 1\n"
    assert not list(home.glob(".edit-*"))


def test_a_policy_is_edited_too_and_an_editor_that_fails_changes_nothing(
    home: Path, editor: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor.write_text('[[rule]]\nname = "x"\non = "request"\nhost = ["example.org"]\nthen = "deny"\n')
    config_command.edit("policy")
    assert "example.org" in (home / "policy.toml").read_text()
    monkeypatch.setenv("VISUAL", "false")
    with pytest.raises(UserFacingError, match="ended with code 1"):
        config_command.edit("policy")
    monkeypatch.setenv("VISUAL", "no-such-editor-anywhere")
    with pytest.raises(UserFacingError, match="cannot be started"):
        config_command.edit("policy")
