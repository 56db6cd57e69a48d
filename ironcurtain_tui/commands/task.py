"""`ironcurtain-tui task`: one task without a screen. Progress goes to standard error, the answer to standard output."""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import aclosing, redirect_stdout
from typing import TextIO

import msgspec

from ironcurtain_tui import paths
from ironcurtain_tui.commands.task_options import Exit
from ironcurtain_tui.config import Config
from ironcurtain_tui.control.client import ControlClient
from ironcurtain_tui.control.messages import StopSession
from ironcurtain_tui.errors import UsageError, UserFacingError
from ironcurtain_tui.events import SessionInfo, TaskFailure, TaskOutcome, TaskProgressed, TaskResult
from ironcurtain_tui.following import StartReport, session_of, states
from ironcurtain_tui.sessions import registry
from ironcurtain_tui.supervisor.request import TaskRequest
from ironcurtain_tui.ui.neutralise import neutralise

END_SECONDS = 20.0
LOOKED_AT_SECONDS = 1.0
RECORD_SECONDS = 30.0
"""How long a supervisor that takes no viewers any more may take to write down the result."""


def run(options: argparse.Namespace, started: Mapping[str, str] | None, began: float) -> int:
    """Carry it out; the exit code. ``started``: what the spare has answered, if it was asked to start it."""
    try:
        if options.result is not None and options.prompt:
            raise UsageError("--result starts nothing, so it takes no task.", "Leave out one of them.")
        with redirect_stdout(_progress(options)):
            session = _find(options.result) if options.result is not None else _start(options, started)
        if options.detach:
            told = json.dumps({"session": session.session_id, "outcome": "started"}, indent=1)
            print(told if options.json else session.session_id)
            return Exit.SUCCESS
        result = asyncio.run(_follow(session, options, began if options.timings else None))
        if options.result is None:
            _wait_for_end(session)
    except UserFacingError as error:
        if options.json:
            print(json.dumps({"outcome": "not-started", "reason": error.message, "remedy": error.remedy}, indent=1))
        raise
    return _told(session, result, options)


def _progress(options: argparse.Namespace) -> TextIO:
    """Where everything is told that is not the answer."""
    return io.StringIO() if options.quiet else sys.stderr


def _start(options: argparse.Namespace, started: Mapping[str, str] | None) -> paths.SessionPaths:
    if started is not None:
        return session_of(started)
    from ironcurtain_tui.launch import launch
    from ironcurtain_tui.supervisor.spawn import SupervisorProcess

    settings, request = asked(options)
    with SupervisorProcess() as supervisor:
        return launch(options, settings, supervisor, request)


def asked(options: argparse.Namespace) -> tuple[Config, TaskRequest]:
    """What ``options`` ask for, and with which settings. UserFacingError when that cannot be."""
    from ironcurtain_tui.launch import settings_with

    settings = settings_with(options)
    if options.unattended is not None:
        approvals = msgspec.structs.replace(settings.approvals, unattended=options.unattended)
        settings = msgspec.structs.replace(settings, approvals=approvals)
    prompt = _prompt(options.prompt)
    return settings, TaskRequest(prompt=prompt, timeout=options.timeout, max_tokens=options.max_tokens)


def _prompt(given: str) -> str:
    try:
        prompt = sys.stdin.read() if given == "-" else given
    except UnicodeDecodeError as error:
        raise UserFacingError(f"The task is not text: {error}.", "Give it in UTF-8.") from error
    if not prompt.strip():
        raise UsageError("There is no task.", 'Say what to do: ironcurtain-tui task "...", or - and a pipe.')
    return prompt


def _find(wanted: str) -> paths.SessionPaths:
    """The session without a screen that ``wanted``, the beginning of its id, means; empty: the newest."""
    found = [one.id for one in registry.sessions() if one.record.info.task and one.id.startswith(wanted)]
    if not found:
        raise UserFacingError(f"There is no task {wanted or 'yet'}.", "`ironcurtain-tui sessions` lists them.")
    if wanted and len(found) > 1:
        raise UserFacingError(f"Several tasks start with {wanted!r}.", f"Name one of: {', '.join(found)}.")
    return paths.SessionPaths.of(found[0])


async def _follow(session: paths.SessionPaths, options: argparse.Namespace, began: float | None) -> TaskResult:
    """Say what happens until the task has ended. UserFacingError when it never began.

    SIGINT, SIGTERM and SIGHUP end the session, unless we only wait for its result; a second one only us.
    """
    try:
        client = await ControlClient.connect(session.control_socket, decides=False)
    except UserFacingError:
        return await _recorded(session)
    if options.result is None:
        _stop_by_signal(session, client)
    report, started = StartReport(session, began), False
    try:
        async with aclosing(states(client, session)) as following:
            async for keeper, event in following:
                if keeper.task is not None:
                    return keeper.task
                with redirect_stdout(_progress(options)):
                    started = started or report.done(keeper)
                    if isinstance(event, TaskProgressed):
                        print("\n".join(map(neutralise, event.lines)), flush=True)
    except UserFacingError:
        if not started:
            raise
    return await _recorded(session)


def _stop_by_signal(session: paths.SessionPaths, client: ControlClient) -> None:
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def stop() -> None:
        print(f"Stopping session {session.session_id} ...", file=sys.stderr)
        client.send(StopSession())
        for number in signals:
            loop.remove_signal_handler(number)

    for number in signals:
        loop.add_signal_handler(number, stop)


def _wait_for_end(session: paths.SessionPaths) -> None:
    """Until nothing of the task is left but its records; somebody who still looks at its screen is not waited for."""
    ended = time.monotonic() + END_SECONDS
    while session.run.exists() and time.monotonic() < ended:
        record, lease = registry.read_record(session), registry.read_lease(session)
        if lease is not None and not lease.owner.alive():
            return
        if record is not None and record.ended is not None:
            ended = min(ended, record.ended - time.time() + time.monotonic() + LOOKED_AT_SECONDS)
        time.sleep(0.02)


async def _recorded(session: paths.SessionPaths) -> TaskResult:
    """What was written down of a task whose supervisor is gone, or going; UserFacingError when it never began."""
    deadline = time.monotonic() + RECORD_SECONDS
    while (record := registry.read_record(session)) is not None and record.ended is None:
        lease = registry.read_lease(session)
        if lease is None or not lease.owner.alive() or time.monotonic() > deadline:
            break
        await asyncio.sleep(0.05)
    if record is not None and record.task is not None:
        return record.task
    if record is not None and (record.ended is None or record.outcome == registry.DIED):
        # How far it had come, nobody says: to do it once more may be to do it twice.
        return TaskResult(outcome=TaskOutcome.FAILED, failure=TaskFailure.AGENT, reason=registry.DIED)
    outcome = record.outcome if record is not None else ""
    raise UserFacingError(
        f"Task {session.session_id} has no result. {outcome}".strip(), f"Its log: {session.supervisor_log}"
    )


def _told(session: paths.SessionPaths, result: TaskResult, options: argparse.Namespace) -> int:
    """Print the result, unless it is on the screen as the last of the progress; the exit code that says it."""
    code = Exit[result.outcome.name]
    if options.json:
        record = registry.read_record(session)
        print(json.dumps(_document(session, record.info if record else None, result, code), indent=1))
        return code
    seen = sys.stdout.isatty() and sys.stderr.isatty() and options.result is None and not options.quiet
    if result.text and not seen:
        print("\n".join(map(neutralise, result.text.split("\n"))) if sys.stdout.isatty() else result.text)
    if result.outcome is not TaskOutcome.SUCCESS:
        kind = f" ({result.failure.value})" if result.failure is not None else ""
        words = f"Task {result.outcome.value}{kind}: {result.reason}".rstrip(": ")
        print(neutralise(words), file=sys.stderr)
    return code


def _document(
    session: paths.SessionPaths, info: SessionInfo | None, result: TaskResult, code: Exit
) -> dict[str, object]:
    """What `--json` prints: everything of the result, and where to look for more."""
    about = {} if info is None else {name: getattr(info, name) for name in ("agent", "workspace", "rehearsal")}
    return {
        "session": session.session_id,
        **about,
        **msgspec.to_builtins(result),
        "exit": int(code),
        "audit_log": str(session.audit_log),
    }
