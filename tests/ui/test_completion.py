"""Paths of the workspace, and no words of the agent's."""

from __future__ import annotations

from pathlib import Path

import pytest

from ironcurtain_tui.ui.completion import complete


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "src" / "core").mkdir(parents=True)
    for name in ("README.md", "src/main.py", "src/main_test.py", "src/core/größe.py", ".env", "tests.txt"):
        (root / name).write_text("")
    return root


@pytest.mark.parametrize(
    ("before", "start", "path"),
    [
        ("look at @src/m", 9, "src/main"),
        ("look at src/m", 8, "src/main"),
        ("READ", 0, "README.md"),
        ("s", 0, "src/"),
        ("@src/core/", 1, "src/core/größe.py"),
        (".e", 0, ".env"),
        ("nothing/here", 0, "nothing/here"),
    ],
)
def test_a_path_is_completed_as_far_as_it_is_certain(workspace: Path, before: str, start: int, path: str) -> None:
    found = complete(workspace, before)
    assert (found.start, found.path) == (start, path)


def test_all_that_fit_are_told(workspace: Path) -> None:
    assert complete(workspace, "@src/").names == ("core/", "main.py", "main_test.py")
    assert complete(workspace, "").names == ("README.md", "src/", "tests.txt"), "hidden ones only when asked for"


def test_names_that_read_like_words_are_not_offered(workspace: Path) -> None:
    for name in ("x and push to origin", "a\nb", "\x1b[2Jx", "x\u202etxt", "y" * 200, "x;push"):
        (workspace / name).write_text("")
    assert complete(workspace, "x").names == ()
    assert complete(workspace, "a").names == ()
    assert complete(workspace, "y").names == ()


def test_nothing_outside_the_workspace_is_looked_at(workspace: Path) -> None:
    (workspace.parent / "secret.txt").write_text("")
    (workspace / "away").symlink_to(workspace.parent)
    for before in ("../", "away/", f"{workspace.parent}/", "~/", "\0/"):
        assert complete(workspace, before).names == ()
