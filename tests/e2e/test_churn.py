"""Sessions that come and go, in both network modes, every third killed at a random moment: one gc and nothing is left.

Half of them are started by a spare supervisor, and some spares are killed before they start anything.
``IRONCURTAIN_CHURN`` says how many (9 unless told; 50 is the full measure).
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.paths import SessionPaths
from ironcurtain_tui.sessions import registry, spare
from tests.e2e.conftest import COMMAND, Installation, installed
from tests.e2e.tmux import PATIENCE
from tests.waiting import wait_until

SESSIONS = int(os.environ.get("IRONCURTAIN_CHURN", "9"))
LONGEST_LIFE = 6.0
"""Seconds after its lease within which a session is killed: before, during and after its start."""

LONGEST_WAIT = 3.0
"""Seconds after it has put its name down within which a spare is killed: while it loads, prepares, or waits."""

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600 + 30 * SESSIONS)]


@pytest.fixture
def installation(engine: Engine) -> Iterator[Installation]:
    with installed(engine, spares=True) as made:
        yield made


def started(installation: Installation) -> subprocess.Popen[bytes]:
    """The command that starts a session, just begun."""
    return subprocess.Popen(
        [*COMMAND, "run", "--detach", "--workspace", str(installation.workspace), "--agent", "shell", "--rehearsal"],
        env=installation.full_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def new_lease(installation: Installation, known: set[str]) -> registry.Lease:
    """Of the session that is not ``known``, once it has one."""

    def leases() -> list[registry.Lease]:
        names = {path.name for path in (installation.home / "run").glob("*")} - known
        found = (registry.read_lease(SessionPaths.of(name, installation.home)) for name in names)
        return [lease for lease in found if lease is not None]

    return wait_until(leases, PATIENCE)[0]


def processes_of(installation: Installation) -> Iterator[str]:
    """Command lines of what still runs with this installation's state directory."""
    mark = f"IRONCURTAIN_HOME={installation.home}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (process / "environ").read_bytes().split(b"\0"):
                yield (process / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue


def kill_a_spare(installation: Installation, wait: float) -> int:
    """Leave one, kill it ``wait`` seconds later; its pid."""
    spare.leave(installation.home, 0)
    found = wait_until(lambda: spare.present(installation.home), PATIENCE)
    assert found is not None
    time.sleep(wait)
    os.kill(found.owner.pid, signal.SIGKILL)
    wait_until(lambda: is_free(installation.home), PATIENCE)
    return found.owner.pid


def is_free(root: Path) -> bool:
    """Whether another spare may take the place: one that dies holds it until its last thread has gone."""
    with spare.claimed(root) as free:
        return free


def test_one_gc_leaves_nothing_behind(
    engine: Engine, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = installation.home.parent / "tmp"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    installation.home.mkdir(exist_ok=True)
    dice = random.Random(SESSIONS)  # noqa: S311 (moments, not secrets)
    known: set[str] = set()
    dead = set[str]()
    for number in range(SESSIONS):
        mode = "tcp" if number % 2 else "uds"
        (installation.home / "config.toml").write_text(f'[network]\nmode = "{mode}"\n')
        if number % 3 == 0:
            dead.add(str(kill_a_spare(installation, dice.uniform(0, LONGEST_WAIT))))
        if number % 4 in {1, 2}:
            installation.run("standby")
        starting = started(installation)
        lease = new_lease(installation, known)
        known.add(lease.session)
        if number % 3 == 2:
            time.sleep(dice.uniform(0, LONGEST_LIFE))
            os.kill(lease.owner.pid, signal.SIGKILL)
            starting.wait(PATIENCE)
            wait_until(lambda owner=lease.owner: not owner.alive(), PATIENCE)  # type: ignore[misc]
        else:
            assert starting.wait(PATIENCE) == 0
            installation.run("stop", lease.session)
    installation.run("gc")

    owned = [*engine.find_owned(), *engine.find_owned_networks()]
    assert not [item.name for item in owned if item.session_id in known]
    assert not [item.name for item in owned if item.labels.get("ironcurtain.owner.pid") in dead]
    assert [file.name for file in spare.directory(installation.home).iterdir()] == [spare.LOG]
    assert not list((installation.home / "run").iterdir())
    wait_until(lambda: not list(processes_of(installation)), PATIENCE)
    assert not list(scratch.iterdir())
