"""The engine dies in the middle of a session: both doors close, the person is told, and the container does not stay."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.errors import UserFacingError
from tests.e2e.conftest import Installation
from tests.e2e.tmux import PATIENCE, Tmux
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.engine,
    pytest.mark.timeout(600),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root to run an engine of its own"),
]


class OwnEngine:
    """A Docker Engine of the test's own, which it may kill."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.address = f"unix://{directory}/docker.sock"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Engine:
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    # In a network of its own: `--bridge none` takes docker0 away from whoever uses it.
                    *("unshare", "--net", "dockerd"),
                    *("--data-root", str(self.directory / "data"), "--exec-root", str(self.directory / "exec")),
                    *("--pidfile", str(self.directory / "pid"), "--host", self.address),
                    *("--bridge", "none", "--iptables=false"),
                ],
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return Engine.connect({"DOCKER_HOST": self.address})
            except UserFacingError:
                assert time.monotonic() < deadline, (self.directory / "log").read_text()[-2000:]
                time.sleep(0.1)

    def kill(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        # Pid files of what died with it: where nobody reaps, the next engine would take a zombie for alive.
        for stale in (self.directory / "pid", self.directory / "exec" / "containerd" / "containerd.pid"):
            stale.unlink(missing_ok=True)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(PATIENCE)


@pytest.fixture
def own_engine(engine: Engine) -> Iterator[OwnEngine]:
    directory = Path(tempfile.mkdtemp(prefix="ic-engine-"))
    own = OwnEngine(directory)
    try:
        second = own.start()
        second.client.load_image(engine.client.get_image("ironcurtain-shell:latest"))
        second.client.load_image(engine.client.get_image("ironcurtain-base:latest"))
        yield own
    finally:
        own.stop()
        subprocess.run(["umount", str(directory / "data")], check=False, capture_output=True)  # the engine leaves it
        shutil.rmtree(directory, ignore_errors=True)


def test_the_engine_dies_and_comes_back(installation: Installation, own_engine: OwnEngine, terminal: Tmux) -> None:
    installation.environment["DOCKER_HOST"] = own_engine.address
    installation.open(terminal, "run", "--agent", "shell", "--rehearsal", "--workspace", str(installation.workspace))
    terminal.wait_for(r":/workspace[$#] ")
    (session,) = installation.sessions()
    assert session.proxy_socket.exists()

    own_engine.kill()
    terminal.wait_for(r"Both its doors are closed")
    wait_until(lambda: not session.proxy_socket.exists() and not session.mcp_socket.exists(), PATIENCE)
    wait_until(lambda: '"kind":"engine.lost"' in session.audit_log.read_text(), PATIENCE)

    engine = own_engine.start()
    terminal.wait_for(r"■ ended")
    wait_until(lambda: not engine.find_owned(), PATIENCE)  # the container goes as soon as the engine is back
    terminal.press("C-a", "q")
    terminal.wait_for("EXIT")
