"""Files of the host, by paths that may have changed since they were decided on."""

import os
import stat
from pathlib import Path

import pytest
from mcp.server.fastmcp.exceptions import ToolError

from ironcurtain_tui.gateway.servers import filesystem
from ironcurtain_tui.gateway.servers.filesystem import (
    Edit,
    create_directory,
    delete_file,
    edit_file,
    get_file_info,
    list_directory,
    move_file,
    read_text_file,
    search_files,
    write_file,
)


def test_a_files_life(tmp_path: Path) -> None:
    directory, first, second = str(tmp_path / "d"), str(tmp_path / "d" / "a.txt"), str(tmp_path / "d" / "b.txt")
    create_directory(directory)
    write_file(first, "one\ntwo\nthree\n")
    assert read_text_file(first) == "one\ntwo\nthree\n"
    assert read_text_file(first, head=1) == "one\n"
    assert read_text_file(first, tail=1) == "three\n"
    edit_file(first, [Edit(oldText="two", newText="2"), Edit(oldText="2\n", newText="2!\n")])
    assert read_text_file(first) == "one\n2!\nthree\n"
    write_file(first, "x")
    assert read_text_file(first) == "x"
    assert "1 bytes" in get_file_info(first)
    move_file(first, second)
    assert list_directory(directory) == "[file] b.txt"
    assert search_files(str(tmp_path), "*.txt") == second
    delete_file(second)
    delete_file(directory)
    assert not (tmp_path / "d").exists()


def test_permissions_stay_when_a_file_is_written(tmp_path: Path) -> None:
    script = tmp_path / "run.sh"
    script.write_text("old")
    script.chmod(0o750)
    write_file(str(script), "new")
    assert stat.S_IMODE(script.stat().st_mode) == 0o750


def test_an_edit_that_does_not_fit_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_text("aa b")
    for edits in ([Edit(oldText="b", newText="c"), Edit(oldText="a", newText="")], [Edit(oldText="z", newText="")]):
        with pytest.raises(ToolError, match="times, not once"):
            edit_file(str(file), edits)
        assert file.read_text() == "aa b"


def test_what_exists_is_not_moved_over(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("b")
    with pytest.raises(ToolError, match="exists already"):
        move_file(str(tmp_path / "a"), str(tmp_path / "b"))
    assert (tmp_path / "b").read_text() == "b"


@pytest.mark.parametrize("by_kernel", [True, False])
@pytest.mark.parametrize("where", ["leaf", "above"])
def test_no_symlink_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, by_kernel: bool) -> None:
    if not by_kernel:
        monkeypatch.setattr(filesystem.sys, "platform", "darwin")
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "file").write_text("secret")
    project = tmp_path / "project"
    project.mkdir()
    target = project / "file" if where == "leaf" else project / "link" / "file"
    (project / ("file" if where == "leaf" else "link")).symlink_to(
        tmp_path / "secret" / ("file" if where == "leaf" else "")
    )
    for work in (
        lambda: read_text_file(str(target)),
        lambda: write_file(str(target), "changed"),
        lambda: edit_file(str(target), [Edit(oldText="secret", newText="changed")]),
    ):
        with pytest.raises(ToolError, match="symlink"):
            work()
    if where == "above":
        for work in (
            lambda: delete_file(str(target)),
            lambda: get_file_info(str(target)),
            lambda: list_directory(str(target.parent)),
            lambda: create_directory(str(target.parent / "new")),
            lambda: move_file(str(target), str(project / "mine")),
            lambda: search_files(str(target.parent), "*"),
        ):
            with pytest.raises(ToolError):
                work()
    else:
        delete_file(str(target))
        assert not os.path.lexists(target), "the link itself may go"
    assert (tmp_path / "secret" / "file").read_text() == "secret"


def test_what_is_no_text_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "binary").write_bytes(b"\xff\x00")
    (tmp_path / "big").write_text("x" * 100)
    monkeypatch.setattr(filesystem, "LARGEST_FILE", 99)
    for path, reason in ((tmp_path / "pipe", "no file"), (tmp_path / "binary", "not text"), (tmp_path / "big", "99")):
        with pytest.raises(ToolError, match=reason):
            read_text_file(str(path))
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(ToolError):
            write_file(str(path), "x")
    with pytest.raises(ToolError, match="at most"):
        write_file(str(tmp_path / "new"), "x" * 100)
    with pytest.raises(ToolError, match="No such file"):
        read_text_file(str(tmp_path / "missing"))


def test_searching_stays_within_bounds_and_follows_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "loop").symlink_to(tmp_path)
    for number in range(30):
        (tmp_path / f"{number:02}.x").touch()
    assert len(search_files(str(tmp_path), "*.x").splitlines()) == 30
    monkeypatch.setattr(filesystem, "MOST_ENTRIES", 10)
    assert search_files(str(tmp_path), "*.x").splitlines()[-1].startswith("... there is more")
    assert list_directory(str(tmp_path)).splitlines()[-1] == "... and 21 more"
    assert search_files(str(tmp_path), "nothing") == "Nothing found."
