"""Input that does not reach the agent is on record: how much, never what."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from ironcurtain_tui.control.messages import Paste
from ironcurtain_tui.supervisor.agent_terminal import AgentTerminal
from ironcurtain_tui.supervisor.dropped_input import DroppedInput
from ironcurtain_tui.tasks import TaskOwner
from ironcurtain_tui.terminal.emulator import EmulatorEvents, ScreenProcess
from ironcurtain_tui.terminal.pty_stream import UNSENT_LIMIT
from tests.waiting import until


class Log:
    def __init__(self) -> None:
        self.records: list[tuple[str, str, Any]] = []

    async def __call__(self, kind: str, summary: str, data: object) -> None:
        self.records.append((kind, summary, data))


@pytest.fixture
def log() -> Log:
    return Log()


async def test_what_is_dropped_is_counted_and_recorded_together(log: Log) -> None:
    dropped = DroppedInput(log, seconds=0.05)
    for _ in range(1000):
        dropped("bytes of input the agent did not read", 7)
    dropped("control characters taken out of a paste", 1)
    await until(lambda: log.records)
    (record,) = log.records
    assert record[:2] == (
        "input.dropped",
        "7,000 bytes of input the agent did not read; 1 control characters taken out of a paste",
    )
    assert record[2] == {
        "dropped": {
            "bytes of input the agent did not read": 7000,
            "control characters taken out of a paste": 1,
        }
    }
    dropped("bytes of input the agent did not read", 1)
    await dropped.close()
    await dropped.close()
    assert len(log.records) == 2


async def test_a_terminal_tells_what_it_drops(log: Log) -> None:
    dropped = DroppedInput(log)
    tasks = TaskOwner()
    screen = await ScreenProcess.start(80, 24, EmulatorEvents())
    terminal = AgentTerminal(screen, None, tasks, (80, 24), records_keys=False, on_dropped=dropped)
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    container: Any = None  # asked only when the size changes
    terminal.attach(container, ours, print)
    terminal.type(Paste(text="secret\x1b[201~\r\nmore\x07\t\x7f"))
    terminal.type(Paste(text="x" * (UNSENT_LIMIT + 1)))
    assert theirs.recv(100) == b"secret\rmore\t"
    await dropped.close()
    await terminal.close()
    await tasks.close()
    theirs.close()
    (record,) = log.records
    assert "3 control characters taken out of a paste" in record[1]
    assert f"{UNSENT_LIMIT + 1:,} bytes of input the agent did not read" in record[1]
    assert "secret" not in str(record)
