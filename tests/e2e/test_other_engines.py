"""Engines that have another idea of users: the agent is the person all the same, and nobody else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ironcurtain_tui.containers.engine import Engine
from tests.e2e.conftest import COMMAND, Installation
from tests.own_engine import PERSON, RemappingEngine, RootlessEngine, running

pytestmark = [
    pytest.mark.engine,
    pytest.mark.timeout(600),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root to run an engine of its own"),
]
SHELL = "ironcurtain-shell:latest"
LOOK = "id -u; ls -n before | cut -d' ' -f3; echo mine > after"


@pytest.fixture
def of_the_person() -> Iterator[Installation]:
    """An installation of an ordinary user's."""
    root = Path(tempfile.mkdtemp(prefix="ic-"))
    made = Installation(root / "home", root / "project")
    made.workspace.mkdir()
    (made.workspace / "before").write_text("")
    for path in (root, made.workspace, made.workspace / "before"):
        os.chown(path, PERSON, PERSON)
    made.environment = {"HOME": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    yield made
    shutil.rmtree(root, ignore_errors=True)


def as_the_person(installation: Installation, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line as that user; who may read everything, because the interpreter may lie in root's home."""
    become = ["setpriv", f"--reuid={PERSON}", f"--regid={PERSON}", "--clear-groups"]
    reading = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    return subprocess.run(
        [*become, *reading, *COMMAND, *arguments],
        env=installation.full_environment() | {"PYTHONPATH": os.pathsep.join(sys.path)},
        cwd=installation.workspace,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def test_rootless(engine: Engine, of_the_person: Installation) -> None:
    with running(RootlessEngine, SHELL, engine) as own:
        of_the_person.environment["DOCKER_HOST"] = own.address
        done = as_the_person(of_the_person, "task", "--agent", "shell", "--rehearsal", LOOK)
        assert done.stdout.split() == ["0", "0"], done.stderr
        written = (of_the_person.workspace / "after").stat()
        assert (written.st_uid, written.st_gid) == (PERSON, PERSON)
        (of_the_person.home / "config.toml").write_text('[network]\nmode = "tcp"\n')
        refused = as_the_person(of_the_person, "task", "--agent", "shell", "--rehearsal", "echo never")
        assert refused.returncode == 1
        assert "TCP mode does not work with a rootless Docker Engine" in refused.stderr
        stranger = subprocess.run(
            [*COMMAND, "doctor", "engine"],
            env={**of_the_person.full_environment(), "IRONCURTAIN_HOME": f"{own.directory}/root"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert f"belongs to another user (uid {PERSON})" in stranger.stdout
        assert Engine.connect({"DOCKER_HOST": own.address}).find_owned() == []


def test_users_remapped(engine: Engine, of_the_person: Installation) -> None:
    with running(RemappingEngine, SHELL, engine) as own:
        os.chown(own.directory / "docker.sock", PERSON, PERSON)
        of_the_person.environment["DOCKER_HOST"] = own.address
        done = as_the_person(of_the_person, "task", "--agent", "shell", "--rehearsal", LOOK)
        assert done.stdout.split() == [str(PERSON), str(PERSON)], done.stderr
        written = (of_the_person.workspace / "after").stat()
        assert (written.st_uid, written.st_gid) == (PERSON, PERSON)
        assert Engine.connect({"DOCKER_HOST": own.address}).find_owned() == []
