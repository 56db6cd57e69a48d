"""The command line. Everything heavy is imported by the command that needs it: the screen must open fast."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from ironcurtain_tui import config, paths
from ironcurtain_tui.checks import CHECKS, MARKS, MIN_COLS, MIN_LINES, examine
from ironcurtain_tui.commands.arguments import parse, parser
from ironcurtain_tui.errors import UsageError, UserFacingError, goes_on
from ironcurtain_tui.events import BadgeState


def main(
    arguments: Sequence[str] | None = None, started: Mapping[str, str] | None = None, began: float | None = None
) -> int:
    """Run the command line; the exit code. 0 done, 1 refused or failed, 2 wrong usage, 130 interrupted.

    ``started``: what the spare has answered, if it was asked to start it. ``began``: by ``time.perf_counter``.
    """
    options = parse(sys.argv[1:] if arguments is None else arguments)
    began = time.perf_counter() if began is None else began
    try:
        if options.command == "run":
            return _run(options, started, began)
        if options.command == "task":
            from ironcurtain_tui.commands import task

            return task.run(options, started, began)
        return _dispatch(options)
    except UserFacingError as error:
        print(f"ironcurtain-tui: {error.message}", file=sys.stderr)
        if error.remedy:
            print(f"  → {error.remedy}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _dispatch(options: argparse.Namespace) -> int:
    match options.command:
        case "attach":
            return _attach(options.sessions)
        case "sessions" if options.sessions_command == "rm":
            from ironcurtain_tui.commands import disk

            return disk.remove(options.sessions)
        case "sessions":
            return _sessions()
        case "disk":
            from ironcurtain_tui.commands import disk

            return disk.run(options)
        case "standby":
            from ironcurtain_tui.commands import standby

            return standby.run(options)
        case "stop":
            return _stop(options.session, every=options.all)
        case "image":
            return _image_build(options.names, force=options.force)
        case "doctor":
            return _doctor(tuple(options.checks), as_json=options.json)
        case "gc":
            return _gc(dry_run=options.dry_run)
        case "config":
            from ironcurtain_tui.commands import config as settings

            return settings.run(options)
        case "mcp":
            from ironcurtain_tui.commands import mcp

            print(mcp.run(options))
            return 0
        case "policy":
            from ironcurtain_tui.commands import policy

            text, code = policy.run(options)
            print(text)
            return code
        case "audit" if options.audit_command == "browse":
            return _look_back(text=" ".join(options.filter))
        case "replay":
            return _replay(options.session)
        case "traffic":
            return _look_back(session=_past_session(options.session), traffic=True)
        case "audit":
            from ironcurtain_tui.commands import audit

            return audit.run(options)
        case _:
            return _completion(options.shell)


def _need_terminal() -> None:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UserFacingError(
            "This needs a terminal, and its input or output is none.",
            "Run it in a terminal; `run --detach`, `sessions`, `stop` and `doctor` work without.",
        )
    size = shutil.get_terminal_size()
    if size.columns < MIN_COLS or size.lines < MIN_LINES:
        raise UserFacingError(
            f"The terminal is too small ({size.columns}x{size.lines}).",
            f"Make it at least {MIN_COLS} columns by {MIN_LINES} lines.",
        )


def _run(options: argparse.Namespace, started: Mapping[str, str] | None, began: float) -> int:
    if not options.detach:
        _need_terminal()
    if started is None:
        session = _launched(options)
    else:
        from ironcurtain_tui.following import session_of

        session = session_of(started)
    try:
        import asyncio

        from ironcurtain_tui.commands import screen
        from ironcurtain_tui.following import follow_start

        if not options.detach:
            screen.load()  # while the container starts
        asyncio.run(follow_start(session, began if options.timings else None, whole=options.detach or options.timings))
    except KeyboardInterrupt:
        sys.stderr.write(goes_on(session.session_id))
        raise
    if options.detach:
        print(f"Session {session.session_id} runs. Open it: ironcurtain-tui attach {session.session_id}")
        return 0
    return screen.show([session], config.load())


def _launched(options: argparse.Namespace) -> paths.SessionPaths:
    from ironcurtain_tui.supervisor.spawn import SupervisorProcess

    with SupervisorProcess() as supervisor:  # it gets ready while we do
        from ironcurtain_tui.launch import launch, settings_with

        return launch(options, settings_with(options), supervisor)


def _attach(wanted: Sequence[str]) -> int:
    from ironcurtain_tui.commands.screen import attach

    _need_terminal()
    return attach(wanted)


def _replay(wanted: str) -> int:
    from ironcurtain_tui.terminal.recording import parts

    session = _past_session(wanted)
    if not parts(paths.SessionPaths.of(session).recording):
        raise UserFacingError(
            f"Session {session} was not recorded.", "Recording is switched on under [recording] in config.toml."
        )
    return _look_back(session=session)


def _past_session(wanted: str) -> str:
    """The session with a log that is meant; the newest one when none is named."""
    from ironcurtain_tui.audit.directory import AuditDirectory

    directory = AuditDirectory()
    logs = sorted(directory.logs(), key=lambda one: one[1].stat().st_mtime)
    return directory.find(wanted) if wanted or not logs else logs[-1][0]


def _look_back(*, text: str = "", session: str = "", traffic: bool = False) -> int:
    from ironcurtain_tui.guard import run_guarded

    _need_terminal()
    theme = config.load().ui.theme

    def screen() -> int:
        from ironcurtain_tui.audit.directory import AuditDirectory
        from ironcurtain_tui.ui.archive import ArchiveApp

        app = ArchiveApp(AuditDirectory(), text, theme, session, traffic=traffic)
        app.run()
        return app.return_code or 0

    return run_guarded(screen, "The screen was killed. Nothing is lost: it only reads.")


def _sessions() -> int:
    from ironcurtain_tui.sessions import registry, spare
    from ironcurtain_tui.sessions.resume import is_resumable
    from ironcurtain_tui.ui.neutralise import neutralise

    known = registry.sessions()
    if known:
        print(f"{'SESSION':<14}{'STATE':<10}{'AGENT':<14}{'STARTED':<18}WORKSPACE")
    else:
        print("No sessions yet. Start one: ironcurtain-tui run")
    for one in known:
        info = one.record.info
        state = "running" if one.alive else "ended"
        started = time.strftime("%Y-%m-%d %H:%M", time.localtime(info.started))
        note = " (rehearsal)" if info.rehearsal else ""
        note += f", task: {neutralise(info.task)}" if info.task else ""
        note += ", can be resumed" if is_resumable(one, paths.home()) else ""
        note += f", {info.limits}" if info.limits and one.alive else ""
        outcome = f"  [{neutralise(one.record.outcome)}]" if one.record.outcome and not one.alive else ""
        print(f"{one.id:<14}{state:<10}{info.agent:<14}{started:<18}{neutralise(info.workspace)}{note}{outcome}")
    if (waits := spare.present(paths.home())) is not None:
        print(f"A spare supervisor waits: {waits.words}.\n  → {spare.HOW_TO_END}")
    return 0


def _stop(wanted: str, *, every: bool) -> int:
    import asyncio

    from ironcurtain_tui.commands.stop import stop
    from ironcurtain_tui.sessions import registry, spare

    targets = (
        [paths.SessionPaths.of(one.id) for one in registry.sessions() if one.alive]
        if every
        else [registry.find(wanted)]
    )
    failed = False
    for session in targets:
        try:
            asyncio.run(stop(session))
        except UserFacingError as error:
            if not every:
                raise
            failed = True
            print(f"ironcurtain-tui: {error}", file=sys.stderr)
        else:
            print(f"Session {session.session_id} stopped. Its audit log: {session.audit_log}")
    if not targets:
        print("No session is running.")
    if every and spare.end(paths.home()):
        print("The spare supervisor has ended, too.")
    return int(failed)


def _image_build(names: Sequence[str], *, force: bool) -> int:
    from ironcurtain_tui.containers.engine import Engine
    from ironcurtain_tui.containers.images import image_names
    from ironcurtain_tui.launch import built_image

    engine = Engine.connect()
    for name in names or image_names():
        tag = built_image(engine, name, force=force)
        print(f"  ✓ {tag}")
    return 0


def _doctor(names: tuple[str, ...], *, as_json: bool) -> int:
    if unknown := [name for name in names if name not in CHECKS]:
        raise UserFacingError(f"There is no check called {unknown[0]!r}.", f"Known: {', '.join(CHECKS)}.")
    findings = examine(names)
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=1))
    for finding in () if as_json else findings:
        print(f"{MARKS[finding.state]} {finding.state.value:<5} {finding.name:<12} {finding.text}")
        if finding.remedy:
            print(f"{'':21}→ {finding.remedy}")
    return int(any(finding.state is BadgeState.FAIL for finding in findings))


def _gc(*, dry_run: bool) -> int:
    from ironcurtain_tui.containers.engine import Engine
    from ironcurtain_tui.sessions import spare
    from ironcurtain_tui.sessions.reconcile import reconcile

    result = reconcile(Engine.connect(), paths.home(), dry_run=dry_run)
    for line in result.removed:
        print(f"{'would remove' if dry_run else 'removed'}: {line}")
    for line in result.left:
        print(f"left alone: {line}")
    if not result.removed and not result.left:
        print("Nothing was left behind.")
    if (waits := spare.present(paths.home())) is not None:
        print(f"in use by the spare supervisor: {waits.words}")
    return 0


def _completion(shell: str) -> int:
    import shtab

    print(shtab.complete(parser(), shell=shell))
    return 0
