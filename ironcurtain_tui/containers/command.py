"""A command that runs in a container beside its first process."""

from __future__ import annotations

import socket
import time
from typing import Any

from ironcurtain_tui.containers.failures import EngineRefusedError, explained

ENDING_SECONDS = 30.0


class ContainerCommand:
    """``AgentContainer.open_command`` makes it. Who has it closes ``socket``, which does not end the command."""

    def __init__(self, client: Any, address: str, job: str, stream: socket.socket) -> None:
        self.socket = stream
        """Non-blocking. What is written is its standard input; what is read goes to a ``Demultiplexer``."""
        self._client = client
        self._address = address
        self._job = job

    def running(self) -> bool:
        """Whether it has not ended yet. Blocks, as the engine is asked."""
        with explained("inspect a command in the container", self._address):
            return bool(self._client.exec_inspect(self._job)["Running"])

    def exit_code(self) -> int:
        """Its exit code, once its output has ended: the engine learns it a moment later. Blocks.

        EngineRefusedError when it goes on all the same.
        """
        deadline = time.monotonic() + ENDING_SECONDS
        while time.monotonic() < deadline:
            with explained("inspect a command in the container", self._address):
                state = self._client.exec_inspect(self._job)
            if not state["Running"] and state["ExitCode"] is not None:
                return int(state["ExitCode"])
            time.sleep(0.01)
        raise EngineRefusedError("A command in the container closed its output but did not end.")
