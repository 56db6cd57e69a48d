"""A provider that has a bad day."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import h11

from ironcurtain_tui.rehearsal.dialects import DIALECTS
from ironcurtain_tui.rehearsal.model import JSON, Connection, RehearsalModel


@dataclass(frozen=True)
class Fault:
    """What a question gets instead of an answer."""

    status: int
    retry_after: int | None = None
    """Seconds."""


class FaultyModel(RehearsalModel):
    """The scripted model, but the next questions get ``faults``, one each. What agents ask for themselves does not."""

    def __init__(self, key: str, *, host: str) -> None:
        super().__init__(key, host=host, pause=0.0)
        self.faults: deque[Fault] = deque()

    async def answer(self, connection: Connection, request: h11.Request, body: bytes | None) -> None:
        path = request.target.decode().partition("?")[0]
        dialect = next((each for each in DIALECTS if each.serves(path)), None)
        if not self.faults or dialect is None or dialect.read(path, body or b"").conversation.aside:
            await super().answer(connection, request, body)
            return
        fault = self.faults.popleft()
        told = dialect.error(fault.status, f"a fault of the test: {fault.status}")
        headers = [("content-type", JSON), ("content-length", str(len(told)))]
        headers += [] if fault.retry_after is None else [("retry-after", str(fault.retry_after))]
        headers += [("x-should-retry", "false")] if fault.status == 401 else []  # as Anthropic says it
        await connection.respond(fault.status, headers, [told])
