"""Following a start from the command line: its steps, told as they are done, and what happens after them."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from ironcurtain_tui import paths
from ironcurtain_tui.checks.finding import MARKS
from ironcurtain_tui.control.client import ControlClient
from ironcurtain_tui.control.messages import Events, Welcome
from ironcurtain_tui.control.state import StateKeeper
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.events import LAST_STEP, AnyEvent, BadgeState, SessionStatus


def session_of(started: Mapping[str, str]) -> paths.SessionPaths:
    """The session of the answer of the spare (``standby/call.py``), after what there is to say about its start.

    UserFacingError when the answer is that there is none.
    """
    if "refusal" in started:
        raise UserFacingError(started["refusal"], started["remedy"])
    print(started["said"], end="", flush=True)
    return paths.SessionPaths.of(started["session"])


class StartReport:
    """Prints the steps of a start as they are done; with their times when it is told when the start ``began``.

    ``whole``: to the last one. Otherwise until the agent runs.
    """

    def __init__(self, session: paths.SessionPaths, began: float | None, *, whole: bool = True) -> None:
        self._session = session
        self._began = began
        self._whole = whole
        self._printed: set[str] = set()

    def done(self, keeper: StateKeeper) -> bool:
        """Print what is new; whether that was all. UserFacingError when the agent will not run."""
        for step in keeper.steps.values():
            if step.state is not BadgeState.PENDING and step.step not in self._printed:
                self._printed.add(step.step)
                took = f"{step.ms:7.0f} ms" if step.ms is not None and self._began is not None else ""
                print(f"  {MARKS[step.state]} {step.step:<24}{took}  {step.detail}".rstrip(), flush=True)
        if keeper.status in {SessionStatus.ENDED, SessionStatus.LOST}:
            raise UserFacingError(
                keeper.status_detail or "The session did not start.",
                keeper.remedy or f"Its log: {self._session.supervisor_log}",
            )
        last = keeper.steps.get(LAST_STEP)
        finished = last is not None and last.state is not BadgeState.PENDING
        started = finished if self._whole else keeper.status is not SessionStatus.STARTING
        if started and self._began is not None:
            print(f"    {'in all':<24}{(time.perf_counter() - self._began) * 1000:7.0f} ms")
        return started


async def states(
    client: ControlClient, session: paths.SessionPaths
) -> AsyncGenerator[tuple[StateKeeper, AnyEvent | None]]:
    """The session's state now and after each event, with the event, until the supervisor says goodbye.

    Closes ``client`` in the end. UserFacingError when the supervisor ends without a word.
    """
    keeper = StateKeeper.restore(client.state)
    try:
        yield keeper, None
        async for message in client:
            if isinstance(message, Welcome):
                keeper = StateKeeper.restore(message.state)
                yield keeper, None
            elif isinstance(message, Events):
                for numbered in message.events:
                    keeper.apply(numbered)
                    yield keeper, numbered.event
    except ConnectionError as error:
        raise UserFacingError("The supervisor ended unexpectedly.", f"Its log: {session.supervisor_log}") from error
    finally:
        await client.close()


async def follow_start(session: paths.SessionPaths, began: float | None, *, whole: bool = True) -> None:
    """Print the steps of the start as they are done; UserFacingError when it fails. As for ``StartReport``."""
    report = StartReport(session, began, whole=whole)
    client = await ControlClient.connect(session.control_socket, decides=False)
    async with aclosing(states(client, session)) as following:
        async for keeper, _ in following:
            if report.done(keeper):
                return
