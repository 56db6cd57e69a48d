"""Engines that are reached otherwise than by a socket of this machine: those that work, and those that cannot."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import threading
from collections.abc import Iterator

import pytest

from ironcurtain_tui.containers.engine import Engine, engine_address
from tests.e2e.conftest import COMMAND, Installation

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]


def carry(source: socket.socket, target: socket.socket) -> None:
    """Bytes from ``source`` to ``target``, and the end of them."""
    try:
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # the other direction ends it


@pytest.fixture
def by_tcp(engine: Engine) -> Iterator[str]:
    """The engine's address, as if it were reached over the network."""
    path = engine_address(os.environ).removeprefix("unix://")
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                here, _ = listener.accept()
            except OSError:
                return
            there = socket.socket(socket.AF_UNIX)
            there.connect(path)
            for pair in ((here, there), (there, here)):
                threading.Thread(target=carry, args=pair, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield f"tcp://127.0.0.1:{listener.getsockname()[1]}"
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def test_an_engine_of_this_machine_may_be_reached_by_tcp(installation: Installation, by_tcp: str) -> None:
    installation.environment["DOCKER_HOST"] = by_tcp
    done = installation.run("task", "--agent", "shell", "--rehearsal", "echo here; cat > seen <<< $((40+2))")
    assert done.stdout == "here\n"
    assert (installation.workspace / "seen").read_text() == "42\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a mount namespace")
def test_an_engine_that_does_not_see_our_files_is_refused_in_words(engine: Engine, installation: Installation) -> None:
    installation.home.mkdir(exist_ok=True)
    command = shlex.join([*COMMAND, "task", "--agent", "shell", "--rehearsal", "echo never"])
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", f"mount -t tmpfs none {installation.home} && exec {command}"],
        cwd=installation.workspace,
        env=installation.full_environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert "is on another machine" in done.stderr
    assert "run ironcurtain-tui over there" in done.stderr
