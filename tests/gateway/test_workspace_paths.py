"""The two names of the workspace."""

import os
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ironcurtain_tui.gateway.workspace_paths import WorkspacePaths, each_text
from ironcurtain_tui.policy.surroundings import CONTAINER_WORKSPACE as INSIDE

HOST = Path("/home/me/my project")
PATHS = WorkspacePaths(HOST)
names = st.text(string.ascii_letters + string.digits + "._- é", min_size=1, max_size=12)
below = st.lists(names, max_size=5).map(lambda parts: "".join(f"/{part}" for part in parts))


@given(below)
def test_there_and_back(rest: str) -> None:
    assert PATHS.to_host(INSIDE + rest) == f"{HOST}{rest}"
    assert PATHS.to_agent(PATHS.to_host(INSIDE + rest)) == INSIDE + rest
    assert PATHS.to_host(PATHS.to_agent(f"{HOST}{rest}")) == f"{HOST}{rest}"


@given(names, below)
def test_what_only_begins_like_the_workspace_is_left_alone(more: str, rest: str) -> None:
    assert PATHS.to_host(f"{INSIDE}{more}{rest}") == f"{INSIDE}{more}{rest}"
    glued = f"{HOST}x{more}{rest}"
    assert PATHS.to_agent(glued) == glued
    inside_another = f"/mnt{HOST}{rest}"
    assert PATHS.to_agent(inside_another) == inside_another


@given(st.text())
def test_text_without_the_workspace_stays(text: str) -> None:
    if str(HOST) not in text:
        assert PATHS.to_agent(text) == text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"It is in {HOST}.", f"It is in {INSIDE}."),
        (f"'{HOST}/a' and \"{HOST}\"", f"'{INSIDE}/a' and \"{INSIDE}\""),
        (f"{HOST}:3: error", f"{INSIDE}:3: error"),
        (f"file://{HOST}/a", f"file://{INSIDE}/a"),
        (f"{HOST}.git and {HOST}-old and {HOST}2", f"{HOST}.git and {HOST}-old and {HOST}2"),
        (f"({HOST})\n{HOST}\n", f"({INSIDE})\n{INSIDE}\n"),
    ],
)
def test_in_running_text(text: str, told: str) -> None:
    assert PATHS.to_agent(text) == told


def test_real_paths(tmp_path: Path) -> None:
    workspace = tmp_path / "ws"
    (workspace / "src").mkdir(parents=True)
    (tmp_path / "secret").mkdir()
    (workspace / "out").symlink_to(tmp_path / "secret")
    paths = WorkspacePaths(workspace)
    for asked, real in (
        ("/workspace", workspace),
        ("/workspace/", workspace),
        (".", workspace),
        ("src/../new", workspace / "new"),
        ("/workspace/out/x", tmp_path / "secret" / "x"),
        ("out/../y", tmp_path / "y"),
        ("/workspace/../z", tmp_path / "z"),
        ("~/z", Path.home() / "z"),
        ("/etc/hostname", Path(os.path.realpath("/etc/hostname"))),
    ):
        assert paths.real(asked) == str(real), asked
    for wrong in ("", "a\0b", "~nobody-of-this-name/x"):
        with pytest.raises(ValueError, match=r"path|home"):
            paths.real(wrong)


def test_every_text_of_a_value_but_no_name() -> None:
    value = {"a": ["a", {"a": "a"}, 1, None], "b": True}
    assert each_text(value, lambda text: text + "!") == {"a": ["a!", {"a": "a!"}, 1, None], "b": True}
