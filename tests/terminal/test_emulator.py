"""The screen process as the supervisor sees it: real children, real sockets, real crashes."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import ptyprocess
import pytest

from ironcurtain_tui.control.messages import decode_row
from ironcurtain_tui.terminal import emulator as emulator_module
from ironcurtain_tui.terminal.emulator import EmulatorEvents, EmulatorGoneError, ScreenProcess
from ironcurtain_tui.terminal.pty_stream import PtyStream
from ironcurtain_tui.terminal.screen import Screen
from ironcurtain_tui.terminal.started_screen import StartedScreen
from tests.waiting import PATIENCE, until

RECORDINGS = Path(__file__).parent / "recordings"


class Emulator:
    """A running screen process and all it told."""

    def __init__(self) -> None:
        self.updates: list[float] = []
        self.replies: list[bytes] = []
        self.titles: list[str] = []
        self.bells = 0
        self.restarts: list[str] = []
        self.process: ScreenProcess

    def events(self) -> EmulatorEvents:
        def rang() -> None:
            self.bells += 1

        return EmulatorEvents(
            on_update=lambda: self.updates.append(time.monotonic()),
            on_reply=self.replies.append,
            on_title=self.titles.append,
            on_bell=rang,
            on_restart=self.restarts.append,
        )

    @property
    def rows(self) -> list[str]:
        return screen_text(self.process.screen)

    def kill(self, deadly: signal.Signals = signal.SIGKILL) -> None:
        assert self.process.pid is not None
        os.kill(self.process.pid, deadly)


def screen_text(screen: Screen) -> list[str]:
    whole = screen.since(-1)
    return ["".join(run.text for run in decode_row(whole.rows[y])).rstrip() for y in range(whole.lines)]


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a screen process may take is a matter of comfort, not of these tests."""
    for limit in ("START_LIMIT", "HISTORY_LIMIT"):
        monkeypatch.setattr(emulator_module, limit, PATIENCE)


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    running = Emulator()
    running.process = await ScreenProcess.start(120, 40, running.events())
    yield running
    await running.process.close()


async def test_bytes_become_rows_titles_bells_and_replies(emulator: Emulator) -> None:
    await emulator.process.feed("\x1b]0;Claude\x07\x07漢 hello\x1b[6n".encode())
    await until(lambda: emulator.replies and emulator.rows[0])
    assert emulator.rows[0] == "漢 hello"
    assert emulator.replies == [b"\x1b[1;9R"]
    assert emulator.titles == ["Claude"]
    assert emulator.process.title == "Claude"
    assert emulator.bells == 1


async def test_a_wish_for_the_clipboard_is_told_and_not_granted() -> None:
    wishes: list[int] = []
    running = await ScreenProcess.start(40, 4, EmulatorEvents(on_clipboard=lambda: wishes.append(1)))
    try:
        await running.feed(b"\x1b]52;c;aGVsbG8=\x07" * 50 + b"done")
        await until(lambda: wishes and "done" in screen_text(running.screen)[0])
        assert 1 <= len(wishes) < 50
        assert screen_text(running.screen)[0] == "done"
    finally:
        await running.close()


async def test_one_that_was_started_ahead_gets_the_size_it_is_taken_over_with() -> None:
    started = StartedScreen()
    running = Emulator()
    running.process = await ScreenProcess.start(60, 20, running.events(), started)
    try:
        assert running.process.pid == started.pid
        await running.process.feed(b"x" * 61 + b"\r\n" * 19)
        await until(lambda: running.process.screen.history == 1)
        assert (running.process.screen.cols, running.process.screen.lines) == (60, 20)
        assert running.rows[0] == "x"
        assert "landlock" in running.process.protections
        started.close()
        await running.process.feed(b"\x1b[Hstill there")
        await until(lambda: running.rows[0] == "still there")
        assert not running.restarts, "who started it does not own it any more"
    finally:
        await running.process.close()
    assert not Path(f"/proc/{started.pid}").exists()


@pytest.mark.parametrize("noticed", [True, False])
async def test_one_that_died_before_it_was_taken_over_is_replaced(
    noticed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = StartedScreen()
    os.kill(started.pid, signal.SIGKILL)
    if noticed:
        await until(lambda: started._process.poll() is not None)
    else:  # it dies a moment later
        monkeypatch.setattr(started._process, "poll", lambda: None)
    running = await ScreenProcess.start(60, 20, EmulatorEvents(), started)
    try:
        assert running.pid not in {None, started.pid}
        await running.feed(b"hello")
        await until(lambda: screen_text(running.screen)[0] == "hello")
    finally:
        await running.close()
    assert started.socket.fileno() == -1
    assert not Path(f"/proc/{started.pid}").exists()


def test_one_that_nobody_takes_over_is_ended_by_its_owner() -> None:
    started = StartedScreen()
    started.close()
    started.close()
    assert not Path(f"/proc/{started.pid}").exists()
    assert not started.take()


async def test_the_child_is_confined_and_knows_nothing(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    pid = emulator.process.pid
    status = Path(f"/proc/{pid}/status").read_text()
    assert "NoNewPrivs:\t1" in status
    assert "Seccomp:\t2" in status
    assert "landlock" in emulator.process.protections
    descriptors = {int(entry.name) for entry in Path(f"/proc/{pid}/fd").iterdir()}
    assert descriptors == {0, 1, 2}
    environment = Path(f"/proc/{pid}/environ").read_bytes()
    assert {part.split(b"=")[0] for part in environment.split(b"\0") if part} == {b"PYTHONPATH", b"LC_ALL"}


async def test_resizing_happens_after_what_was_fed_before_it(emulator: Emulator) -> None:
    await emulator.process.feed(b"x" * 120 * 39 + b"\r\n")
    emulator.process.resize(60, 20)
    await emulator.process.feed(b"end")
    await until(lambda: "end" in emulator.rows)
    assert (emulator.process.screen.cols, emulator.process.screen.lines) == (60, 20)
    assert emulator.process.screen.history == 39 * 2 + 1 - 20


async def test_history_is_read_on_demand(emulator: Emulator) -> None:
    await emulator.process.feed(b"\r\n".join(b"line %d" % number for number in range(200)))
    await until(lambda: emulator.process.screen.history == 160)
    answer = await emulator.process.read_history(10, 3)
    assert answer.total == 200
    assert [decode_row(raw)[0].text.rstrip() for raw in answer.rows] == ["line 10", "line 11", "line 12"]
    assert len((await emulator.process.read_history(0, 10**6)).rows) == 200
    assert (await emulator.process.read_history(10**9, 5)).rows == ()


@pytest.mark.parametrize("deadly", [signal.SIGKILL, signal.SIGSEGV])
async def test_a_crash_is_survived_with_the_same_rows(emulator: Emulator, deadly: signal.Signals) -> None:
    await emulator.process.feed((RECORDINGS / "claude-session.raw").read_bytes())
    await until(lambda: any("Baked for" in row for row in emulator.rows))
    await emulator.process.feed(b"\x1b[40;1Hlast")  # what comes before it has been shown, too
    await until(lambda: emulator.rows[39] == "last")
    rows, replies = emulator.rows, list(emulator.replies)
    emulator.kill(deadly)
    await until(lambda: emulator.restarts)
    await emulator.process.feed(b"\x1b[40;1Hmore")
    await until(lambda: emulator.rows[39] == "more")
    assert emulator.rows[:38] == rows[:38]
    assert emulator.replies == replies, "what was answered once is not answered again"
    assert f"killed by signal {deadly.value}" in emulator.restarts[0]


async def test_output_fed_while_it_is_down_is_not_lost(emulator: Emulator) -> None:
    emulator.kill()
    for number in range(20):
        await emulator.process.feed(b"line %d\r\n" % number)
        await asyncio.sleep(0.01)
    await until(lambda: "line 19" in emulator.rows)
    assert emulator.rows[:20] == [f"line {number}" for number in range(20)]


async def test_modes_survive_a_crash_even_when_their_bytes_are_long_gone(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    await emulator.process.feed(b"\x1b[?1049h\x1b[?2004h\x1b[?1000;1006h\x1b[>1u")
    for _ in range(40):
        await emulator.process.feed(b"\x1b[H" + b"some text on a line\r\n" * 5_000)
    await until(lambda: emulator.process.screen.modes.kitty_flags == 1)
    modes = emulator.process.screen.modes
    emulator.kill()
    await until(lambda: emulator.restarts)
    seen = len(emulator.updates)
    await emulator.process.feed(b"\x1b[Hagain")
    await until(lambda: len(emulator.updates) > seen and emulator.rows[0].startswith("again"))
    assert emulator.process.screen.modes == modes


async def test_repeated_crashes_lead_to_the_other_core_and_then_to_giving_up(emulator: Emulator) -> None:
    await emulator.process.feed(b"still here")
    await until(lambda: emulator.rows[0])
    for core in ("ghostty", "bittty", "bittty", ""):
        emulator.kill()
        emulator.restarts.clear()
        await until(lambda: emulator.restarts)
        assert emulator.process.core == core
    assert "not started again" in emulator.restarts[-1]
    assert emulator.rows[0] == "still here"
    await emulator.process.feed(b"the agent is not held up")
    with pytest.raises(EmulatorGoneError):
        await emulator.process.read_history(0, 1)


async def test_bytes_that_crash_libghostty_cost_no_more_than_a_restart() -> None:
    """Found by fuzzing: libghostty-vt of pyghostty 0.1.3 panics ("increaseCapacity OutOfSpace") in 80 by 24."""
    running = Emulator()
    running.process = await ScreenProcess.start(80, 24, running.events())
    await running.process.feed((RECORDINGS / "crash.raw").read_bytes())
    await running.process.feed(b"\x18\x1bcstill alive")
    await until(lambda: running.rows[0] == "still alive")
    assert running.process.core == ("bittty" if running.restarts else "ghostty")
    await running.process.close()


async def test_closing_ends_the_child(emulator: Emulator) -> None:
    pid = emulator.process.pid
    await emulator.process.close()
    await emulator.process.close()
    assert not Path(f"/proc/{pid}").exists()
    assert not emulator.restarts


async def test_a_flood_of_queries_gets_a_bounded_answer(emulator: Emulator) -> None:
    start = time.monotonic()
    for _ in range(20):
        await emulator.process.feed(b"\x1b[c" * 10_000)
    await emulator.process.feed(b"done")
    await until(lambda: "done" in emulator.rows[0])
    took = time.monotonic() - start
    assert sum(map(len, emulator.replies)) <= emulator_module.REPLIES_A_SECOND * (1 + took)


async def test_a_synchronized_update_is_held_back_but_not_for_ever(emulator: Emulator) -> None:
    start = time.monotonic()
    await emulator.process.feed(b"\x1b[?2026h\x1b[Hhalf")
    await until(lambda: emulator.rows[0] == "half")
    assert time.monotonic() - start > 0.1


async def test_a_flood_from_a_real_pty_finishes_with_at_most_sixty_updates_a_second(emulator: Emulator) -> None:
    """``seq 1 1000000`` in a terminal of 120 by 40, as far as the supervisor's screen."""
    child = ptyprocess.PtyProcess.spawn(["seq", "1", "1000000"], dimensions=(40, 120))
    ours, theirs = socket.socketpair()
    ended = asyncio.Event()
    stream = PtyStream(ours, emulator.process.feed, lambda _error: ended.set())

    def carry() -> None:
        """Stands in for the Docker Engine: from the terminal to the socket."""
        try:
            while data := os.read(child.fd, 65_536):
                theirs.sendall(data)
        except OSError:
            pass  # EIO: the other side of the terminal is closed
        theirs.close()

    start = time.monotonic()
    await asyncio.gather(stream.run(), asyncio.to_thread(carry))
    await until(lambda: "1000000" in emulator.rows)
    took = time.monotonic() - start
    child.close(force=True)
    assert ended.is_set()
    assert stream.traffic.received == sum(len(str(number)) + 2 for number in range(1, 1_000_001))
    assert len(emulator.updates) <= 60 * took + 2
