from pathlib import Path

import pytest

from ironcurtain_tui import workspace
from ironcurtain_tui.errors import UserFacingError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "people" / "ann"
    (home / ".ironcurtain" / "run").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("IRONCURTAIN_HOME", raising=False)
    return home


def test_a_project_is_fine_and_comes_back_resolved(home: Path) -> None:
    (home / "src").mkdir()
    (home / "link").symlink_to(home / "src")
    assert workspace.checked(home / "link") == home / "src"


@pytest.mark.parametrize(
    "wanted",
    [
        "/",
        "{home}",
        "{home}/..",
        "{home}/.ironcurtain",
        "{home}/.ironcurtain/run",
        "{home}/absent",
        "{home}/to-home",
        "{home}/file",
    ],
)
def test_too_much_is_refused(home: Path, wanted: str) -> None:
    (home / "to-home").symlink_to(home)
    (home / "file").write_text("")
    with pytest.raises(UserFacingError) as caught:
        workspace.checked(Path(wanted.format(home=home)))
    assert caught.value.remedy


def test_a_workspace_around_the_state_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "state").mkdir(parents=True)
    monkeypatch.setenv("IRONCURTAIN_HOME", str(project / "state"))
    with pytest.raises(UserFacingError, match="contain each other"):
        workspace.checked(project)


def test_what_cannot_be_used_is_said_without_the_words_of_a_program(home: Path) -> None:
    with pytest.raises(UserFacingError) as caught:
        workspace.checked(home / "absent")
    assert caught.value.message == f"The workspace {home / 'absent'} cannot be used: No such file or directory."
