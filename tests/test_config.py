from pathlib import Path

import pytest

from ironcurtain_tui import config
from ironcurtain_tui.errors import UserFacingError


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(text)
    return path


def test_no_file_is_all_defaults(tmp_path: Path) -> None:
    assert config.load(tmp_path / "absent.toml") == config.Config()


def test_values_arrive(tmp_path: Path) -> None:
    loaded = config.load(
        write(tmp_path, '[container]\nmemory = "1.5GiB"\n[providers.anthropic]\napi_key_command = ["pass", "x"]\n')
    )
    assert loaded.container.memory_bytes == 3 << 29
    assert loaded.providers["anthropic"].api_key_command == ("pass", "x")


@pytest.mark.parametrize(
    ("text", "line", "key", "remedy"),
    [
        ("\n[container]\nmemroy = '4GiB'\n", 3, "container.memroy", "Did you mean `memory`?"),
        ("[ui]\n\n\nprefix = 7\n", 4, "ui.prefix", "Correct"),
        ("[container]\ncpus = 0.01\n", 2, "container.cpus: cpus must lie", "Correct"),
        ("ui.prefix = 'a'\n", 1, "ui.prefix: prefix must", "Correct"),
        ("[sesion]\nagent='x'\n", 1, "sesion", "Did you mean `session`?"),
        ("[providers.anthropic]\napi_key = 'sk'\n", 2, "providers.anthropic.api_key", "api_key_"),
        ("[mcp.servers.x]\ncomand = 'x'\n", 2, "mcp.servers.x.comand", "Did you mean `command`?"),
        ("[mcp.servers.x]\ncommand = 'x'\nenv = { A = 1 }\n", 3, "mcp.servers.x.env", "Correct"),
        ("[mcp.servers.x]\nurl = 'ftp://x'\n", 2, "mcp.servers.x.url: url must start", "Correct"),
        ("[approvals]\ntimeout = 10\n", 2, "approvals.timeout: timeout must lie", "Correct"),
        ("[approvals]\nunattended = 'maybe'\n", 2, "approvals.unattended", "Correct"),
        ("[web.hosts.'a.org']\nupstream = 'b.org:443'\nca = 'x'\n", 1, "web.hosts.a: upstream must", "Correct"),
        ("[notifications]\nterminal = 'osc5'\n", 2, "notifications.terminal", "Correct"),
        ("[mcp.servers.a__b]\ncommand = 'x'\n", 1, "mcp: servers.a__b is no name", "Correct"),
    ],
)
def test_errors_name_file_line_and_key(tmp_path: Path, text: str, line: int, key: str, remedy: str) -> None:
    with pytest.raises(UserFacingError) as caught:
        config.load(write(tmp_path, text))
    assert f"config.toml, line {line}: {key}" in caught.value.message
    assert remedy in caught.value.remedy


def test_notifications(tmp_path: Path) -> None:
    loaded = config.load(write(tmp_path, '[notifications]\nbell = false\nterminal = "osc99"\n')).notifications
    assert (loaded.bell, loaded.terminal, loaded.desktop) == (False, config.TerminalNotification.OSC99, False)


def test_broken_toml_names_the_line(tmp_path: Path) -> None:
    with pytest.raises(UserFacingError, match="line 2"):
        config.load(write(tmp_path, "[ui]\nprefix = \n"))


def test_a_key_in_the_file_is_never_printed(tmp_path: Path) -> None:
    with pytest.raises(UserFacingError) as caught:
        config.load(write(tmp_path, "[providers.anthropic]\napi_key = 'sk-ant-secret'\n"))
    assert "secret" not in str(caught.value)
