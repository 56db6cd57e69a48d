"""One agent's container, from created to removed. Blocking, like the engine."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import docker.errors

from ironcurtain_tui.containers.command import ContainerCommand
from ironcurtain_tui.containers.failures import EngineRefusedError, explained
from ironcurtain_tui.containers.stream import open_stream, read_output

DETACH_KEYS = "ctrl-^,ctrl-^"
"""The engine's default, Ctrl-P Ctrl-Q, would hold back every Ctrl-P and let the agent's user cut the session."""
STREAM_SECONDS = 30.0
MAX_EXEC_OUTPUT = 1024 * 1024
CREATE_SIZE = (80, 24)


class AgentContainer:
    """A container that ``Engine.create`` made. In order: ``attach``, ``start``, the self-test, ``release``."""

    def __init__(
        self,
        client: Any,
        address: str,
        container_id: str,
        name: str,
        size: tuple[int, int] = CREATE_SIZE,
        release_file: Path | None = None,
        namespace: str = "",
    ) -> None:
        self.id = container_id
        self.namespace = namespace or container_id
        """The container whose network namespace it is in: itself, unless another's was prepared for it."""
        self.name = name
        self._client = client
        self._address = address
        self._size = size
        self._release_file = release_file

    def attach(self) -> socket.socket:
        """The agent's terminal as a raw, non-blocking stream socket; the caller closes it.

        Attached before ``start`` it loses nothing. It may be closed and attached again at any time, from several
        sides at once; the engine replays nothing, so resize to make the agent redraw.
        """
        parameters = {"stream": "1", "stdin": "1", "stdout": "1", "stderr": "1", "detachKeys": DETACH_KEYS}
        return self._stream(f"/containers/{self.id}/attach?{urlencode(parameters)}")

    def start(self) -> None:
        """Start it and give its terminal the size it was created for. The agent itself waits for ``release``."""
        with explained("start the agent's container", self._address):
            self._client.start(self.id)
        self.resize(*self._size)

    def release(self) -> None:
        """Let the agent run: called once the self-test has passed."""
        if self._release_file is not None:
            self._release_file.touch(mode=0o444)

    def resize(self, cols: int, lines: int) -> None:
        """Tell the agent's terminal its size. Does nothing once the container has ended."""
        deadline = time.monotonic() + 1.0
        while True:
            try:
                with explained("resize the agent's terminal", self._address):
                    self._client.resize(self.id, height=max(lines, 1), width=max(cols, 1))
                return
            except EngineRefusedError as error:
                # The engine refuses while the process is only just starting, and for ever after it has ended.
                if error.status not in {404, 409, 500} or time.monotonic() > deadline or not self.running():
                    return
                time.sleep(0.02)

    def running(self) -> bool:
        """Whether its process lives; False as well when it has been removed."""
        with explained("inspect the agent's container", self._address):
            try:
                return bool(self._client.inspect_container(self.id)["State"]["Running"])
            except docker.errors.NotFound:
                return False

    def exec(self, argv: tuple[str, ...] | list[str], timeout: float = 60.0) -> tuple[int, bytes]:
        """Run a command inside, as the agent's user, and return its exit code and what it printed on both streams.

        At most a mebibyte of output is kept. Raises EngineRefusedError when the container does not run, or when the
        command has not ended after ``timeout`` seconds (it may then still be running in there).
        """
        with explained("run a command in the container", self._address):
            job = self._client.exec_create(self.id, list(argv))["Id"]
            with self._stream(f"/exec/{job}/start", b'{"Detach": false, "Tty": false}') as stream:
                try:
                    output = read_output(stream, timeout, MAX_EXEC_OUTPUT)
                except TimeoutError as error:
                    raise EngineRefusedError(f"{argv[0]} did not end within {timeout:g} s in the container.") from error
            command = ContainerCommand(self._client, self._address, job, stream)
            return command.exit_code(), output

    def open_command(self, argv: Sequence[str], env: Mapping[str, str]) -> ContainerCommand:
        """Start a command inside, as the agent's user, whose streams are the caller's to read and write.

        ``env`` comes on top of the container's. Raises EngineRefusedError when the container does not run.
        """
        with explained("run a command in the container", self._address):
            job = self._client.exec_create(self.id, list(argv), stdin=True, environment=dict(env))["Id"]
            stream = self._stream(f"/exec/{job}/start", b'{"Detach": false, "Tty": false}')
        return ContainerCommand(self._client, self._address, job, stream)

    def wait(self) -> int:
        """Block until the container has ended and return its exit code; EngineUnavailableError if the engine dies."""
        with explained("wait for the agent", self._address):
            return int(self._client.wait(self.id, timeout=None)["StatusCode"])

    def stop(self, timeout: float = 10.0) -> None:
        """Ask it to end, and kill it after ``timeout`` seconds. Does nothing when it has ended or is gone."""
        with explained("stop the agent's container", self._address):
            try:
                self._client.stop(self.id, timeout=int(timeout))
            except docker.errors.NotFound:
                return

    def remove(self) -> None:
        """Kill it if it still runs and remove it with all it wrote outside the workspace. Idempotent."""
        with explained("remove the agent's container", self._address):
            try:
                self._client.remove_container(self.id, v=True, force=True)
            except docker.errors.NotFound:
                return
            except docker.errors.APIError as error:
                if error.status_code != 409:  # 409: somebody else is removing it right now
                    raise

    def _stream(self, path: str, body: bytes = b"") -> socket.socket:
        return open_stream(self._address, f"/v{self._client.api_version}{path}", STREAM_SECONDS, body)
