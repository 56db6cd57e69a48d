"""`ironcurtain-tui standby`: make the next start fast. And the spare itself: ``python -m`` this.

The spare holds everything a session needs that does not depend on what is to be run. When a call comes (``call.py``)
it becomes that session's supervisor; when none comes for some hours, or the program, its libraries or the state
directory change, it ends.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any

from ironcurtain_tui import paths
from ironcurtain_tui.control.peer import peer_pid, peer_uid
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.sessions import spare
from ironcurtain_tui.standby import call
from ironcurtain_tui.standby.kin import kernels_view, kin
from ironcurtain_tui.supervisor.groundwork import Groundwork
from ironcurtain_tui.supervisor.host import host, load_libraries, log_to, settle
from ironcurtain_tui.supervisor.request import LaunchRequest
from ironcurtain_tui.supervisor.spare_screen import SpareScreen
from ironcurtain_tui.unix_socket import BoundSocket

log = logging.getLogger(__name__)

CHECK_SECONDS = 60.0
"""How often it looks whether it is still wanted."""
READY_SECONDS = 30.0
HEAR_SECONDS = 10.0
"""For the call itself, which is sent in one go."""
STREAMS = (0, 1, 2)


def run(options: argparse.Namespace) -> int:
    """The command; its exit code."""
    root = paths.home()
    if options.end:
        print("The spare supervisor has ended." if spare.end(root) else "No spare supervisor was waiting.")
        return 0
    if not spare.leave(root, spare.STAYS_FROM):
        raise UserFacingError("Less than 512 MiB of memory is available: no spare supervisor stays then.", "")
    deadline = time.monotonic() + READY_SECONDS
    while (found := spare.waiting(root)) is None:
        if time.monotonic() > deadline:
            raise UserFacingError("The spare supervisor is not ready.", f"Its log: {spare.directory(root) / spare.LOG}")
        time.sleep(0.05)
    print(f"The next `run` starts at once. A spare supervisor waits for it: {found.words}.")
    return 0


def main() -> None:
    """Be the spare: in the background, for whoever started this has other things to do."""
    if os.fork():
        os._exit(0)
    like = kin()
    settle()
    root = paths.private_directory(paths.home())
    log_to(paths.private_directory(spare.directory(root)) / spare.LOG)
    with suppress(asyncio.CancelledError):  # told to end
        asyncio.run(_live(root, like))


async def _live(root: Path, like: list[str]) -> None:
    """Until nobody needs us: unused, or with the session."""
    if (task := asyncio.current_task()) is None:
        raise AssertionError("this is a task")
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    async with AsyncExitStack() as held:
        with spare.claimed(root) as free:
            if not free:
                return
            with spare.named(root):
                await asyncio.to_thread(_load)
                groundwork = Groundwork.lay()
                held.push_async_callback(groundwork.clear)
                _tell(root, groundwork)
                line = await _called(root, like)
        caller = None if line is None else await asyncio.to_thread(Caller.heard, line, like)
        if caller is not None:
            await _serve(caller, groundwork)


def _tell(root: Path, groundwork: Groundwork) -> None:
    """Have everybody know what we hold."""
    if (us := spare.Spare.read(root)) is not None:
        holds = groundwork.approach.parts if groundwork.approach is not None else ()
        spare.tell(root, spare.Spare(us.owner, us.since, groundwork.processes, holds))


def _load() -> None:
    """Everything that a start imports on its way, also what is imported late elsewhere."""
    import ironcurtain_tui.commands.arguments
    import ironcurtain_tui.commands.task
    import ironcurtain_tui.launch
    import ironcurtain_tui.rehearsal.model  # noqa: F401 -- loaded, not used here
    from ironcurtain_tui.providers.cost import load_prices

    load_prices()
    load_libraries()


async def _called(root: Path, like: list[str]) -> socket.socket | None:
    """The line to the first to call; whoever else does is not kept waiting. None when it is time to go."""
    loop = asyncio.get_running_loop()
    bound = BoundSocket.bind(spare.directory(root) / call.SOCKET)
    try:
        bound.socket.listen(1)
        bound.socket.setblocking(False)
        while not (reason := _unwanted(root, like)):
            try:
                async with asyncio.timeout(CHECK_SECONDS):
                    connection, _ = await loop.sock_accept(bound.socket)
            except TimeoutError:
                continue
            return connection
        log.info("it ends: %s", reason)
        return None
    finally:
        bound.remove()
        bound.socket.close()


def _unwanted(root: Path, like: list[str]) -> str:
    """Why no command may call us any more, or none would be ``like`` us; empty: there is no such reason."""
    us = spare.Spare.read(root)
    if us is None:
        return "its name is gone"
    if spare.clock() >= us.until:
        return "it has waited long enough"
    if like != kin():
        return "the program, its libraries or its surroundings have changed"
    return "" if spare.has_room(spare.STAYS_FROM) else "there is too little memory"


class Caller:
    """A command that waits for the session it asked for."""

    def __init__(self, line: socket.socket, order: Mapping[str, Any], terminal: Sequence[int]) -> None:
        self._line = line
        self._terminal = terminal
        """Its input, output and errors; empty when it has no terminal."""
        self.arguments: list[str] = order["arguments"]
        self.environment: dict[str, str] = order["environment"]
        self.directory: str = order["directory"]
        self.size = os.terminal_size((order["columns"], order["lines"]))

    @classmethod
    def heard(cls, line: socket.socket, like: list[str]) -> Caller | None:
        """What is asked for at the other end of ``line``, once that has been told we do it; None when we do not."""
        line.setblocking(True)
        line.settimeout(HEAR_SECONDS)
        terminal: list[int] = []
        try:
            data, terminal = call.receive(line, len(STREAMS))
            order = json.loads(data)
            if order["kin"] != like:
                ours = ", ".join(entry for entry in like if entry not in order["kin"])
                raise ValueError(f"the caller is of another kind: it has not our {ours or 'order'}")
            if not _is_what_it_says(line, like):
                raise ValueError("the caller is not what it says")
            caller = cls(line, order, terminal)
            caller.tell({})
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("not started: %s", error)
            for descriptor in terminal:
                os.close(descriptor)
            line.close()
            return None
        return caller

    @property
    def has_terminal(self) -> bool:
        """Whether a screen can be shown to it."""
        return len(self._terminal) == len(STREAMS)

    def tell(self, message: Mapping[str, object]) -> None:
        """Send one message; OSError when the caller has gone."""
        call.send(self._line, message)

    def show(self, view: SpareScreen, session: str, said: str) -> bool:
        """Have ``view`` show ``session`` on its terminal, after ``said``; whether it does."""
        order = {"session": session, "said": said, "environment": self.environment, "directory": self.directory}
        return view.show(order, self._terminal, self._line.fileno())

    def hang_up(self) -> None:
        """Idempotent."""
        self._line.close()
        for descriptor in self._terminal:
            os.close(descriptor)
        self._terminal = ()


def _is_what_it_says(line: socket.socket, like: list[str]) -> bool:
    """Whether the caller is what it says, as far as the kernel knows: one that is confined might say anything.

    OSError when it has gone.
    """
    if peer_uid(line) != os.geteuid():
        return False
    return sys.platform != "linux" or set(kernels_view(str(peer_pid(line)))) <= set(like)


async def _serve(caller: Caller, groundwork: Groundwork) -> None:
    """Be the supervisor of what ``caller`` wants. One that hears nothing starts it by itself, and tells why."""
    said = io.StringIO()
    try:
        options, request = await asyncio.to_thread(_prepared, caller, groundwork, said)
        view = groundwork.view
        if view is not None and (options.timings or not caller.has_terminal):
            view.close()  # it would wait as long as the session lasts
            view = None
        try:
            await host(request, lambda: _told(caller, request, said, view), groundwork)
        except UserFacingError as error:  # to try again would ask for the same keys again
            with suppress(OSError):
                caller.tell({"refusal": error.message, "remedy": error.remedy})
    except UserFacingError as error:
        log.warning("not started: %s", error.message)
    except SystemExit:
        log.warning("not started: the command line was not understood")
    finally:
        caller.hang_up()


def _prepared(caller: Caller, groundwork: Groundwork, said: io.StringIO) -> tuple[argparse.Namespace, LaunchRequest]:
    """As the process that the caller would have started itself. Puts what there is to tell into ``said``."""
    from ironcurtain_tui.checks.machine import MIN_COLS, MIN_LINES
    from ironcurtain_tui.commands import task
    from ironcurtain_tui.commands.arguments import parse
    from ironcurtain_tui.launch import prepare, settings_with

    os.environ.clear()
    os.environ.update(caller.environment)
    os.chdir(caller.directory)
    try:
        with redirect_stdout(said), redirect_stderr(io.StringIO()):
            options = parse(caller.arguments)
            looks = options.command == "run" and not options.detach
            if looks and (caller.size.columns < MIN_COLS or caller.size.lines < MIN_LINES):
                raise UserFacingError("The terminal is too small.", "")
            settings, wanted = task.asked(options) if options.command == "task" else (settings_with(options), None)
            engine = groundwork.find_engine()
            request = prepare(options, settings, groundwork.session_id, caller.size, wanted, build=False, engine=engine)
            return options, request
    finally:
        os.chdir("/")


def _told(caller: Caller, request: LaunchRequest, said: io.StringIO, view: SpareScreen | None) -> bool:
    """Whether the caller has heard which session it is. A ``view`` shows that on its terminal from then on."""
    from ironcurtain_tui.launch import tell_missing_key

    with redirect_stdout(said):
        tell_missing_key(request)
    words = said.getvalue()
    try:
        shown = view is not None and caller.show(view, request.session_id, words)
        caller.tell({"session": request.session_id, "said": "" if shown else words, "screen": shown})
    except OSError:
        return False
    finally:
        caller.hang_up()
        if view is not None:
            view.close()
    return True


if __name__ == "__main__":
    main()
