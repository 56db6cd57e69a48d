"""Docker Engines of a test's own, which it may stop, kill and fill up. They need root, and touch no other engine."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.containers.images import BASE, HASH_LABEL, build_hash, tag_of
from ironcurtain_tui.errors import UserFacingError

PERSON = 54321
"""The user that a rootless engine is of."""
SUBORDINATE = 200_000
"""The first of 65,536 users that only exist in the engines' containers."""

_REMAPPED = """\
cd {directory} && cp -a /etc etc && cp ranges etc/subuid && cp ranges etc/subgid && mount --bind etc /etc \\
  && exec "$@"
"""
_ROOTLESS = """\
echo; read -r mapped && mount -t tmpfs tmpfs /run && exec "$@" >&2
"""
"""Waits until its users are mapped, among whom it is root; engines keep things in /run whatever they are told."""


class OwnEngine:
    """One of them, in ``directory``, where images and containers outlive its restarts."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.address = f"unix://{directory}/docker.sock"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> Engine:
        """Run it with further ``options`` until it answers."""
        with (self.directory / "log").open("ab") as log:
            self._process = self._launch([*self.command(), *options], log.fileno())
        for _ in range(600):
            if self._process.poll() is not None:
                break
            try:
                return Engine.connect({"DOCKER_HOST": self.address})
            except UserFacingError:
                time.sleep(0.1)
        raise AssertionError((self.directory / "log").read_text()[-2000:])

    def command(self) -> list[str]:
        return [
            "dockerd",
            *("--data-root", str(self.directory / "data"), "--exec-root", str(self.directory / "exec")),
            *("--pidfile", str(self.directory / "pid"), "--host", self.address),
            *("--bridge", "none", "--iptables=false"),
        ]

    def _launch(self, command: Sequence[str], log: int) -> subprocess.Popen[bytes]:
        # In a network of its own: `--bridge none` takes docker0 away from whoever uses it.
        return subprocess.Popen(["unshare", "--net", *command], stdout=log, stderr=log)

    def kill(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        # Pid files of what died with it: where nobody reaps, the next engine would take a zombie for alive.
        for stale in (self.directory / "pid", self.directory / "exec" / "containerd" / "containerd.pid"):
            stale.unlink(missing_ok=True)

    def stop(self) -> None:
        """As an orderly restart does it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(60)

    def take(self, image: str, giver: Engine) -> None:
        """Load ``image`` from another engine, and what makes it fresh."""
        mine = Engine.connect({"DOCKER_HOST": self.address})
        mine.client.load_image(giver.client.get_image(image))
        recipe = self.directory / "base"
        recipe.mkdir(exist_ok=True)
        (recipe / "Dockerfile").write_text(f"FROM {image}\n")
        labels = {HASH_LABEL: build_hash(BASE)}  # the base itself would be loaded twice
        for message in mine.client.build(path=str(recipe), tag=tag_of(BASE), labels=labels, rm=True, decode=True):
            assert "error" not in message, message


class RemappingEngine(OwnEngine):
    """With ``userns-remap``."""

    def _launch(self, command: Sequence[str], log: int) -> subprocess.Popen[bytes]:
        (self.directory / "ranges").write_text(f"daemon:{SUBORDINATE}:65536\n")
        script = _REMAPPED.format(directory=self.directory)
        wrapped = ["unshare", "--net", "--mount", "sh", "-c", script, "sh", *command, "--userns-remap=daemon"]
        return subprocess.Popen(wrapped, stdout=log, stderr=log)


class RootlessEngine(OwnEngine):
    """As ``dockerd-rootless.sh`` runs it for PERSON, but without a network."""

    def _launch(self, command: Sequence[str], log: int) -> subprocess.Popen[bytes]:
        os.chown(self.directory, PERSON, PERSON)
        proxy = self.directory / "rootlesskit-docker-proxy"  # must be there, and publishes ports, of which we have none
        proxy.touch()
        proxy.chmod(0o755)
        own = dict.fromkeys(("HOME", "XDG_RUNTIME_DIR", "ROOTLESSKIT_STATE_DIR"), str(self.directory))
        process = subprocess.Popen(
            [
                *("setpriv", f"--reuid={PERSON}", f"--regid={PERSON}", "--clear-groups"),
                *("unshare", "--user", "--net", "--mount", "sh", "-c", _ROOTLESS, "sh", *command, "--rootless"),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=os.environ | own | {"PATH": f"{os.environ['PATH']}:{self.directory}"},
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        for name in ("uid_map", "gid_map"):
            Path(f"/proc/{process.pid}/{name}").write_text(f"0 {PERSON} 1\n1 {SUBORDINATE} 65536\n")
        process.stdin.write(b"mapped\n")
        process.stdin.close()
        return process


@contextmanager
def running[E: OwnEngine](kind: type[E], image: str, giver: Engine, *, size: str = "2g") -> Iterator[E]:
    """An engine that has ``image``, on a disk of ``size`` in memory; all it made is gone at the end."""
    directory = Path(tempfile.mkdtemp(prefix="ic-engine-"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", directory], check=True)
    own = kind(directory)
    try:
        own.start()
        own.take(image, giver)
        yield own
    finally:
        own.stop()
        subprocess.run(["umount", "--recursive", "--lazy", directory], check=True)  # engines leave mounts in it
        directory.rmdir()
