"""A task without a screen: the agent's command in the container, what it says on the way, and what became of it."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Collection, Iterator

from ironcurtain_tui.agents.task import ANSWER_LENGTH, TEXT_LENGTH, Step, StepKind, TaskLaunch, lines
from ironcurtain_tui.containers.command import ContainerCommand
from ironcurtain_tui.containers.container import AgentContainer
from ironcurtain_tui.containers.stream import Demultiplexer
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.events import BadgeState, TaskEnded, TaskFailure, TaskOutcome, TaskProgressed, TaskResult
from ironcurtain_tui.supervisor.agent_terminal import AgentTerminal
from ironcurtain_tui.supervisor.bulletin import Bulletin
from ironcurtain_tui.supervisor.request import TaskRequest
from ironcurtain_tui.supervisor.task_watch import TaskWatch
from ironcurtain_tui.tasks import TaskOwner

log = logging.getLogger(__name__)

READY = "/tmp/.ironcurtain-ready"  # noqa: S108 -- inside the container
IDLE_COMMAND = ("sh", "-c", f": >{READY}; exec sleep infinity")
"""What the container of a task runs itself: it is there as long as the session, and says when it is furnished."""
_WHEN_READY = ("sh", "-c", f'until [ -e {READY} ]; do sleep 0.02; done; exec "$@"', "sh")

READ_SIZE = 1 << 16
LONGEST_LINE = 8 << 20
"""Bytes; a longer line is not read."""
ERRORS_KEPT = 16 << 10
REASON_LENGTH = 4_000
ENDED_POLL_SECONDS = 2.0
"""How often to look whether the command has ended while something it left behind holds its output open."""
LINES_AT_ONCE = 500
STDOUT = 1
COLOURS = {StepKind.TOOL: "36", StepKind.RESULT: "2", StepKind.ERROR: "31", StepKind.NOTE: "2"}
"""ECMA-48 SGR parameters, for the screen."""


class TaskRun:
    """One task. ``run`` it once the container is released; ``close`` it when the session ends, however that comes."""

    def __init__(
        self,
        request: TaskRequest,
        launch: TaskLaunch,
        terminal: AgentTerminal,
        bulletin: Bulletin,
        own_hosts: Collection[str],
    ) -> None:
        """``terminal`` shows what happens to those who attach. ``own_hosts``: where the agent's model is."""
        self._request = request
        self._launch = launch
        self._terminal = terminal
        self._bulletin = bulletin
        self._limit = asyncio.Event()
        self._watch = TaskWatch(own_hosts, request.max_tokens, self._limit.set)
        self._began = time.monotonic()
        self._said = ""
        self._errors = bytearray()
        self.result: TaskResult | None = None
        bulletin.tell(self._watch.hear)
        bulletin.badge("task", BadgeState.OK, "task", f"It works on a task without a screen: {request.title}")

    @property
    def record(self) -> dict[str, object]:
        """What the audit log is to keep of it before it starts."""
        limits = {"timeout": self._request.timeout, "max_tokens": self._request.max_tokens}
        return {"prompt": self._request.prompt, "command": list(self._launch.command), **limits}

    async def run(self, container: AgentContainer) -> int | None:
        """Run the command to its end or its limit; its exit code, None when a limit ended it.

        EngineUnavailableError or EngineRefusedError when the engine goes away or refuses.
        """
        self._began = time.monotonic()
        await self._show(Step(StepKind.NOTE, self._request.prompt))
        argv = (*_WHEN_READY, *self._launch.command)
        command = await asyncio.to_thread(container.open_command, argv, self._launch.env)
        tasks = TaskOwner()
        try:
            working = tasks.start(self._converse(command), "task")
            limited = tasks.start(self._limit.wait(), "task's limit")
            await asyncio.wait(
                {working, limited}, timeout=self._request.timeout or None, return_when=asyncio.FIRST_COMPLETED
            )
            if not working.done():
                await self._end(TaskOutcome.LIMIT, self._said, self._limit_words())
                return None
            exit_code: int = working.result()
        finally:
            await tasks.close()
            command.socket.close()
        await self._report(exit_code)
        return exit_code

    async def close(self, reason: str, *, stopped: bool) -> None:
        """The session ends for ``reason``: nothing to be done when the task has ended before."""
        outcome = TaskOutcome.STOPPED if stopped else TaskOutcome.FAILED
        await self._end(outcome, self._said, reason, None if stopped else TaskFailure.AGENT)

    async def _report(self, exit_code: int) -> None:
        report = self._launch.reader.report(exit_code, self._errors.decode("utf-8", "replace"))
        outcome, reason = TaskOutcome.SUCCESS, report.reason
        if report.failure is not None:
            outcome = TaskOutcome.FAILED
        elif report.refused:
            outcome = TaskOutcome.REFUSED
        elif self._watch.denied:
            outcome, reason = TaskOutcome.REFUSED, f"denied: {'; '.join(self._watch.denied)}"
        await self._end(outcome, report.text, reason, report.failure, exit_code)

    async def _end(
        self,
        outcome: TaskOutcome,
        text: str,
        reason: str = "",
        failure: TaskFailure | None = None,
        exit_code: int | None = None,
    ) -> None:
        if self.result is not None:
            return
        seconds = time.monotonic() - self._began
        self.result = TaskResult(
            outcome=outcome,
            text=text[-ANSWER_LENGTH:],
            failure=failure,
            reason=reason[:REASON_LENGTH],
            denied=self._watch.denied,
            exit_code=exit_code,
            seconds=round(seconds, 3),
            usage=self._watch.usage,
            cost_usd=self._watch.cost_usd,
        )
        self._bulletin.publish(TaskEnded(result=self.result))
        words = f"{outcome.value} after {seconds:.0f} s" + (f": {reason}" if reason else "")
        await self._show(Step(StepKind.NOTE if outcome is TaskOutcome.SUCCESS else StepKind.ERROR, words))

    def _limit_words(self) -> str:
        if self._limit.is_set():
            return f"it used {self._watch.usage.total_tokens:,} tokens; allowed are {self._request.max_tokens:,}"
        return f"it did not end within {self._request.timeout:g} seconds"

    async def _converse(self, command: ContainerCommand) -> int:
        """Give the command its input, follow its output to the end; its exit code."""
        tasks = TaskOwner()
        try:
            tasks.start(self._ask(command), "task's input")
            reading = tasks.start(self._read(command), "task's output")
            ending = tasks.start(_ended(command), "task's end")
            await asyncio.wait({reading, ending}, return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                reading.result()
            return await asyncio.to_thread(command.exit_code)
        finally:
            await tasks.close()

    async def _ask(self, command: ContainerCommand) -> None:
        try:
            await asyncio.get_running_loop().sock_sendall(command.socket, self._launch.stdin.encode())
            command.socket.shutdown(socket.SHUT_WR)
        except OSError as error:
            log.info("the task's command did not read its input: %s", error)

    async def _read(self, command: ContainerCommand) -> None:
        streams, out, errors = Demultiplexer(), _Lines(), _Lines()
        while data := await _received(command.socket):
            for stream, piece in streams.feed(data):
                if stream == STDOUT:
                    await self._show(*(step for line in out.feed(piece) for step in self._understood(line)))
                else:
                    self._errors += piece
                    del self._errors[:-ERRORS_KEPT]
                    await self._show(*(Step(StepKind.NOTE, line) for line in errors.feed(piece)))
        await self._show(*(step for line in out.rest() for step in self._understood(line)))

    def _understood(self, line: str) -> Iterator[Step]:
        for step in self._launch.reader.read(line):
            if step.kind is StepKind.TEXT:
                self._said = step.text[-ANSWER_LENGTH:]
            yield step

    async def _show(self, *steps: Step) -> None:
        told: list[str] = []
        painted: list[str] = []
        for step in steps:
            shown, colour = lines(step), COLOURS.get(step.kind)
            told += shown
            painted += (f"\x1b[{colour}m{line}\x1b[0m\r\n" if colour else f"{line}\r\n" for line in shown)
            if len(painted) >= LINES_AT_ONCE or len(step.text) >= TEXT_LENGTH:
                await self._tell(told, painted)
                told, painted = [], []
        await self._tell(told, painted)

    async def _tell(self, told: list[str], painted: list[str]) -> None:
        if told:
            self._bulletin.publish(TaskProgressed(lines=tuple(told)))
            await self._terminal.show("".join(painted))


async def _ended(command: ContainerCommand) -> None:
    """Wait until the command has ended, and a moment more for what it said last."""
    try:
        while await asyncio.to_thread(command.running):  # noqa: ASYNC110 -- the engine tells nobody
            await asyncio.sleep(ENDED_POLL_SECONDS)
    except UserFacingError:
        return  # the engine is gone, as will be found out once more
    await asyncio.sleep(ENDED_POLL_SECONDS)


async def _received(connection: socket.socket) -> bytes:
    """What comes next; empty at the end, which is also when the engine went away."""
    try:
        return await asyncio.get_running_loop().sock_recv(connection, READ_SIZE)
    except OSError as error:
        log.info("the task's output broke off: %s", error)
        return b""


class _Lines:
    """Bytes to lines."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self._skipping = False

    def feed(self, data: bytes) -> Iterator[str]:
        self._pending += data
        *whole, rest = self._pending.split(b"\n")
        self._pending = rest
        for line in whole:
            if not self._skipping:
                yield line.decode("utf-8", "replace").removesuffix("\r")
            self._skipping = False
        if len(self._pending) > LONGEST_LINE:
            self._pending.clear()
            self._skipping = True

    def rest(self) -> Iterator[str]:
        if self._pending and not self._skipping:
            yield self._pending.decode("utf-8", "replace")
