"""What is wrong is said before the full screen opens, with what to do about it, and nothing is left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Installation
from tests.e2e.tmux import PATIENCE, Tmux
from tests.waiting import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user, or to mount")


def refused(installation: Installation, *arguments: str, code: int = 1) -> str:
    """Both lines of the refusal of a ``run``; asserts that it left nothing behind."""
    given = arguments or ("run", "--detach", "--agent", "shell", "--rehearsal")
    result = installation.run(*given, check=False)
    assert result.returncode == code, result.stdout + result.stderr
    assert result.stderr.startswith("ironcurtain-tui: "), result.stderr
    assert "→" in result.stderr, f"no remedy: {result.stderr}"
    assert "Traceback" not in result.stderr
    # A supervisor that was started ends a moment after it has said why.
    wait_until(lambda: not list((installation.home / "run").glob("*")), PATIENCE)
    return result.stderr


def test_no_engine(installation: Installation) -> None:
    installation.environment["DOCKER_HOST"] = f"unix://{installation.home.parent}/absent.sock"
    assert "no Docker Engine at" in refused(installation)


@as_root
def test_engine_without_permission(installation: Installation) -> None:
    address = installation.full_environment()["DOCKER_HOST"].removeprefix("unix://")
    code = (
        "import os\n"
        "from ironcurtain_tui.containers.engine import Engine\n"
        "from ironcurtain_tui.errors import UserFacingError\n"
        "os.setgroups([]); os.setegid(65534); os.seteuid(65534)\n"
        f"try: Engine.connect({{'DOCKER_HOST': 'unix://{address}'}})\n"
        "except UserFacingError as error: print(error)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "permission denied" in result.stdout, result.stdout + result.stderr
    assert "usermod -aG docker" in result.stdout


@pytest.fixture
def full_disk() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ic-full-") as directory:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", directory], check=True)
        Path(directory, "filler").write_bytes(b"x" * 900_000)
        yield Path(directory)
        # A supervisor that was refused may still be about to close its log there.
        wait_until(lambda: subprocess.run(["umount", directory], check=False).returncode == 0, PATIENCE)


@as_root
def test_full_disk(installation: Installation, full_disk: Path) -> None:
    installation.home = full_disk / "home"
    said = refused(installation)
    assert str(installation.home) in said
    assert "Free disk space" in said


def test_broken_settings_name_file_line_and_key(installation: Installation) -> None:
    installation.home.mkdir(exist_ok=True)
    (installation.home / "config.toml").write_text("[container]\nmemory = '4GiB'\ncpu = 2\n")
    said = refused(installation)
    assert f"{installation.home}/config.toml, line 3: container.cpu" in said
    assert "Did you mean `cpus`?" in said


def test_a_key_command_that_fails_is_told_and_was_asked_once(installation: Installation) -> None:
    asked = installation.home.parent / "asked"
    installation.home.mkdir(exist_ok=True)
    (installation.home / "config.toml").write_text(
        f'[providers.anthropic]\napi_key_command = ["sh", "-c", "echo once >> {asked}; exit 3"]\n'
    )
    assert "failed with exit status 3" in refused(installation, "run", "--detach", "--agent", "claude-code")
    assert asked.read_text() == "once\n"


def test_unknown_agent(installation: Installation) -> None:
    said = refused(installation, "run", "--detach", "--agent", "claud")
    assert "claud" in said
    assert "claude-code" in said


@pytest.mark.parametrize("which", ["/", "{user}", "{home}/x", "{home}/.."])
def test_workspaces_that_hand_over_too_much(installation: Installation, which: str) -> None:
    (installation.home / "x").mkdir(parents=True)
    place = which.format(user=Path.home(), home=installation.home)
    assert "workspace" in refused(installation, "run", "--detach", "--agent", "shell", "--workspace", place)


def test_loose_permissions_of_the_authoritys_key(installation: Installation) -> None:
    assert installation.run("doctor", "ca").returncode == 0
    (key,) = [path for path in (installation.home / "ca").iterdir() if b"PRIVATE" in path.read_bytes()]
    key.chmod(0o644)
    said = refused(installation)
    assert str(key) in said
    assert "chmod 600" in said


def test_without_a_terminal_it_says_so(installation: Installation) -> None:
    assert "needs a terminal" in refused(installation, "run", "--agent", "shell")
    assert "needs a terminal" in refused(installation, "attach")


def test_a_terminal_that_is_too_small(installation: Installation) -> None:
    with tempfile.TemporaryDirectory(prefix="ic-tmux-") as directory:
        small = Tmux(Path(directory), cols=39, lines=11)
        try:
            installation.open(small, "run", "--agent", "shell", "--rehearsal")
            screen = small.wait_for("EXIT 1")
            assert "too small" in screen.replace("\n", "")
        finally:
            small.close()


def test_a_bad_limit(installation: Installation) -> None:
    said = refused(installation, "run", "--detach", "--agent", "shell", "--memory", "lots", code=2)
    assert "memory must be" in said


def test_help_version_doctor_and_completion(installation: Installation) -> None:
    assert "run" in installation.run("--help").stdout
    assert installation.run("--version").stdout.startswith("ironcurtain-tui 0")
    report = installation.run("doctor").stdout
    for check in ("python", "terminal", "state", "config", "ca", "credentials", "engine", "images"):
        assert f" {check} " in report
    script = installation.run("completion", "bash").stdout
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0
    assert "claude" not in installation.run("sessions").stdout
