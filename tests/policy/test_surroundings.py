from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ironcurtain_tui.policy.surroundings import Surroundings, within


@pytest.fixture
def place(tmp_path: Path) -> Surroundings:
    for name in ("work/src", "state/ca", "home", "elsewhere"):
        (tmp_path / name).mkdir(parents=True)
    return Surroundings(
        workspace=str(tmp_path / "work"), protected=(str(tmp_path / "state"),), home=str(tmp_path / "home")
    )


def test_relative_paths_count_from_the_workspace(place: Surroundings, tmp_path: Path) -> None:
    assert place.resolve("src/a") == str(tmp_path / "work/src/a")
    assert place.resolve("../elsewhere") == str(tmp_path / "elsewhere")
    assert place.resolve("a", str(tmp_path / "work/src")) == str(tmp_path / "work/src/a")


def test_the_containers_name_of_the_workspace_is_the_workspace(place: Surroundings, tmp_path: Path) -> None:
    assert place.resolve("/workspace") == str(tmp_path / "work")
    assert place.resolve("/workspace/src/../x") == str(tmp_path / "work/x")
    assert place.resolve("/workspacefoo") == "/workspacefoo"
    named_alike = Surroundings(workspace="/workspace/mine")
    assert named_alike.resolve("/workspace/mine/a") == "/workspace/mine/a"


def test_a_tilde_is_the_home_of_the_person_and_nobody_elses(place: Surroundings, tmp_path: Path) -> None:
    assert place.resolve("~/x") == str(tmp_path / "home/x")
    assert place.resolve("~") == str(tmp_path / "home")
    assert place.resolve("~root/x") is None


def test_links_are_followed_also_to_what_does_not_exist_yet(place: Surroundings, tmp_path: Path) -> None:
    (tmp_path / "work/out").symlink_to("../elsewhere")
    (tmp_path / "work/dangling").symlink_to(tmp_path / "elsewhere/not-yet")
    assert place.resolve("out/new/deep") == str(tmp_path / "elsewhere/new/deep")
    assert place.resolve("dangling") == str(tmp_path / "elsewhere/not-yet")
    assert place.resolve("missing/../out/x") == str(tmp_path / "elsewhere/x")


def test_what_cannot_be_told_is_none(place: Surroundings, tmp_path: Path) -> None:
    (tmp_path / "work/a").symlink_to("b")
    (tmp_path / "work/b").symlink_to("a")
    for path in ("a/x", "", "x\0y", "file:///etc/passwd", "/" + "x" * 5000, "\udc80\ud800"):
        assert place.resolve(path) is None, path


def test_ours_is_protected_in_every_spelling(place: Surroundings, tmp_path: Path) -> None:
    assert place.is_protected(str(tmp_path / "state"))
    assert place.is_protected(str(tmp_path / "state/ca/key.pem"))
    assert place.is_protected(str(tmp_path / "STATE/CA"))
    assert not place.is_protected(str(tmp_path / "statement"))
    assert place.holds_protected(str(tmp_path))
    assert place.holds_protected("/")
    assert not place.holds_protected(str(tmp_path / "state/ca"))


def test_a_directory_holds_what_is_below_it_only() -> None:
    assert within("/a/b", "/a/b")
    assert within("/a/b/c", "/a/b")
    assert within("/a", "/")
    assert not within("/a/bc", "/a/b")
    assert not within("/a", "/a/b")


NAMES = st.sampled_from(["a", "b", "c", "link", "..", "."])
TREES = st.lists(
    st.tuples(st.lists(NAMES, min_size=1, max_size=3), st.one_of(st.none(), st.lists(NAMES, min_size=1, max_size=4))),
    max_size=8,
)


@settings(max_examples=150, deadline=None)
@given(TREES, st.lists(NAMES, min_size=1, max_size=6), st.booleans())
def test_what_is_said_to_lie_in_the_workspace_really_does(
    tree: list[tuple[list[str], list[str] | None]], asked: list[str], absolute: bool
) -> None:
    """Whatever links there are: writing to a path that was judged to be inside never makes a file outside."""
    with tempfile.TemporaryDirectory() as root:
        base = Path(root).resolve()
        deep = base / "/".join("0" * 20)  # no number of ".." leads to where other tests leave something
        work, outside = deep / "work", deep / "outside"
        for directory in (work, outside / "a"):
            directory.mkdir(parents=True)
        for where, target in tree:
            path = work.joinpath(*where)
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                if target is None:
                    path.mkdir()
                else:
                    path.symlink_to(outside / Path(*target) if len(target) % 2 else Path(*target))
            except OSError:
                continue
        place = Surroundings(workspace=str(work))
        text = os.path.join(*([str(work)] if absolute else []), *asked)  # noqa: PTH118
        real = place.resolve(text)
        before = {each for each in base.rglob("*") if not each.is_relative_to(work)}
        try:
            descriptor = os.open(os.path.join(work, text), os.O_CREAT | os.O_WRONLY, 0o600)  # noqa: PTH118
        except OSError:
            return
        written = Path(f"/proc/self/fd/{descriptor}").readlink()
        os.close(descriptor)
        assert real is not None
        assert str(written) == real
        assert place.in_workspace(real) == written.is_relative_to(work)
        if place.in_workspace(real):
            assert {each for each in base.rglob("*") if not each.is_relative_to(work)} == before
