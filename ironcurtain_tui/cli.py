"""The command line. Everything heavy is imported by the command that needs it: the screen must open fast."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from ironcurtain_tui import __version__, config, paths
from ironcurtain_tui.checks import CHECKS, MARKS, MIN_COLS, MIN_LINES, examine
from ironcurtain_tui.commands import task_options
from ironcurtain_tui.errors import UsageError, UserFacingError
from ironcurtain_tui.events import BadgeState

STOP_SECONDS = 45.0
WHO = "claude-code, codex, opencode, gemini-cli, qwen-code, goose, copilot, shell"
"""Every agent there is; spelled out, for their adapters take time to load."""


def parser() -> argparse.ArgumentParser:
    """The whole command line, also the source of shell completion."""
    top = argparse.ArgumentParser(
        prog="ironcurtain-tui",
        description="Supervise a coding agent that runs in a container with no way out.",
        epilog="Without a command: run. Every key is explained by F1 on the screen.",
    )
    top.add_argument("--version", action="version", version=f"ironcurtain-tui {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND")

    run = commands.add_parser("run", help="start an agent on a workspace and open the screen")
    run.add_argument("-w", "--workspace", type=Path, default=Path(), metavar="DIR", help="default: this directory")
    run.add_argument("-a", "--agent", default="", metavar="NAME", help=f"{WHO}, or your own (default: configured)")
    run.add_argument("-m", "--model", default="", metavar="ID", help="model for the agent (default: its own)")
    run.add_argument("--memory", default="", metavar="SIZE", help="memory limit, e.g. 4GiB")
    run.add_argument("--cpus", type=float, default=None, metavar="N", help="CPU limit, e.g. 2")
    run.add_argument(
        "--resume",
        nargs="?",
        const="",
        default=None,
        metavar="SESSION",
        help="take up the agent's conversation of an ended session, on its workspace (default: the newest here)",
    )
    run.add_argument("--rehearsal", action="store_true", help="use the scripted model even if there is a key")
    run.add_argument("--detach", action="store_true", help="start it without opening the screen")
    run.add_argument("--timings", action="store_true", help="print how long each step of the start took")

    task_options.add_parser(commands)

    attach = commands.add_parser("attach", help="open the screen of running sessions, each in a tab")
    attach.add_argument(
        "sessions",
        nargs="*",
        metavar="SESSION",
        help="its id or the beginning of it (default: the only one, or a list)",
    )

    replay = commands.add_parser("replay", help="play a session's recording, with its audit records beside it")
    replay.add_argument("session", nargs="?", default="", help="its id or the beginning of it (default: the newest)")

    traffic = commands.add_parser("traffic", help="what a session asked and was answered: headers, bodies, curl, HAR")
    traffic.add_argument("session", nargs="?", default="", help="its id or the beginning of it (default: the newest)")

    sessions = commands.add_parser("sessions", help="list sessions, running and past")
    sessions_commands = sessions.add_subparsers(dest="sessions_command", metavar="COMMAND")
    removal = sessions_commands.add_parser("rm", help="remove past sessions with their records; the ledger keeps that")
    removal.add_argument("sessions", nargs="+", metavar="SESSION", help="its id or the beginning of it")

    disk = commands.add_parser("disk", help="what images and sessions take")
    disk.add_argument("--clean", action="store_true", help="remove our images that no session will start from again")
    disk.add_argument("--all", action="store_true", help="every session, not only the largest")
    disk.add_argument("--json", action="store_true", help="for programs")

    stop = commands.add_parser("stop", help="end a session and remove all it made but its records")
    stop.add_argument("session", nargs="?", default="", help="its id or the beginning of it")
    stop.add_argument("--all", action="store_true", help="every running session")

    image = commands.add_parser("image", help="container images")
    image_commands = image.add_subparsers(dest="image_command", metavar="COMMAND", required=True)
    build = image_commands.add_parser("build", help="build what is missing or out of date")
    build.add_argument("names", nargs="*", metavar="NAME", help="default: all")
    build.add_argument("--force", action="store_true", help="build even if up to date")

    doctor = commands.add_parser("doctor", help="check what a session needs, with remedies")
    doctor.add_argument("checks", nargs="*", metavar="CHECK", help=", ".join(CHECKS))
    doctor.add_argument("--json", action="store_true", help="for programs: a list of name, state, text and remedy")

    gc = commands.add_parser("gc", help="remove what dead sessions left behind")
    gc.add_argument("--dry-run", action="store_true", help="only say what would be removed")

    _add_audit(commands)

    policy = commands.add_parser("policy", help="check and try the rules of what is allowed")
    policy_commands = policy.add_subparsers(dest="policy_command", metavar="COMMAND", required=True)
    check = policy_commands.add_parser("check", help="read the policy files and say what is wrong in them")
    check.add_argument("file", nargs="?", type=Path, help="a policy file (default: the one in force)")
    for name, words in (("test", "say what would be decided on an action"), ("explain", "the same, step by step")):
        trial = policy_commands.add_parser(name, help=words)
        trial.add_argument("action", metavar="ACTION", help="'git.git_push remote=origin', 'GET https://x.org/', JSON")
        trial.add_argument(
            "-w", "--workspace", type=Path, default=Path(), metavar="DIR", help="default: this directory"
        )
        trial.add_argument("-f", "--file", type=Path, default=None, help="a policy file (default: the one in force)")
        trial.add_argument("--unattended", action="store_true", help="as if no screen were attached")
    take = policy_commands.add_parser("import", help="take over the policy of the original IronCurtain")
    take.add_argument("directory", type=Path, metavar="DIR", help="where compiled-policy.json lies")
    take.add_argument("--replace", action="store_true", help="even if there is a policy already; the old one is kept")

    settings = commands.add_parser("config", help="the settings in force")
    settings_commands = settings.add_subparsers(dest="config_command", metavar="COMMAND")
    settings_commands.add_parser("show", help="all of them, as a config.toml (also without a command)")
    schema = settings_commands.add_parser("schema", help="JSON Schema of a file, for editors")
    schema.add_argument("file", nargs="?", choices=("config", "policy", "annotations"), default="config")
    editing = settings_commands.add_parser("edit", help="open a file in your editor; a broken one does not replace it")
    editing.add_argument("file", nargs="?", choices=("config", "policy"), default="config")

    mcp = commands.add_parser("mcp", help="tool servers for the agent")
    mcp_commands = mcp.add_subparsers(dest="mcp_command", metavar="COMMAND", required=True)
    mcp_commands.add_parser("list", help="the servers a session starts")
    add = mcp_commands.add_parser(
        "add",
        help="add a server: start it once, list its tools, propose what their arguments mean",
        epilog="The command that starts it follows after --: mcp add NAME -- COMMAND ARGUMENT ...",
    )
    add.add_argument("name", metavar="NAME", help="its tools will be called NAME__tool")
    add.add_argument("--url", default="", help="a server that is reached by HTTP instead of started")
    add.add_argument("--env", action="append", default=[], metavar="NAME[=VALUE]", help="without a value: this one's")
    add.add_argument("--header", action="append", default=[], metavar="NAME=VALUE", help="sent to the URL")
    add.add_argument("--cwd", default="", metavar="DIR", help="where to start it (default: the workspace)")

    completion = commands.add_parser("completion", help="print a completion script")
    completion.add_argument("shell", choices=("bash", "zsh"))
    return top


def _add_audit(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    audit = commands.add_parser("audit", help="follow, search, verify and export what was recorded")
    parts = audit.add_subparsers(dest="audit_command", metavar="COMMAND", required=True)

    browse = parts.add_parser("browse", help="look through all sessions on the full screen")
    browse.add_argument("filter", nargs="*", help="as in its filter line: decision:deny host:example words")

    tail = parts.add_parser("tail", help="the newest records of a session")
    _add_session(tail)
    tail.add_argument("-n", "--lines", type=int, default=20, metavar="N", help="how many (default: 20)")
    tail.add_argument("-f", "--follow", action="store_true", help="go on with what is added, until Ctrl+C")

    search = parts.add_parser("search", help="find records in all sessions, newest first")
    search.add_argument(
        "text", nargs="*", help='words that must occur, or the beginnings of such; "a phrase" in quotes'
    )
    for name, words in (
        ("kind", "request, tool, escalation, ..."),
        ("decision", "allow, deny, escalate or answer"),
        ("server", "an MCP server"),
        ("tool", "a tool, as SERVER.TOOL"),
        ("host", "a host"),
        ("session", "its id or the beginning of it"),
    ):
        search.add_argument(
            f"--{name}", action="append", default=[], metavar=name.upper(), help=f"{words} (repeatable)"
        )
    search.add_argument("--since", default="", metavar="TIME", help="2026-11-21T14:00, 14:00, or 30m, 2h, 7d ago")
    search.add_argument("--until", default="", metavar="TIME", help="the same; exclusive")
    search.add_argument("-n", "--lines", type=int, default=50, metavar="N", help="how many (default: 50)")
    search.add_argument("--count", action="store_true", help="only how many there are")
    search.add_argument("--json", action="store_true", help="whole records, as JSON Lines")

    show = parts.add_parser("show", help="one record whole, with its place in the chain")
    show.add_argument("session", help="its id or the beginning of it")
    show.add_argument("number", type=int, help="number of the record")

    verify = parts.add_parser("verify", help="check logs against chain, signatures and ledger")
    verify.add_argument("session", nargs="?", default="", help="its id or the beginning of it (default: all)")
    verify.add_argument("--anchor", default="", metavar="N:HASH", help="a line of the ledger, as noted down earlier")

    export = parts.add_parser("export", help="a session's records for other programs")
    _add_session(export)
    export.add_argument("--format", choices=("jsonl", "csv", "ocsf"), default="jsonl", help="default: jsonl")
    export.add_argument("-o", "--output", type=Path, default=None, metavar="FILE", help="default: standard output")

    report = parts.add_parser("report", help="a session summed up")
    _add_session(report)
    report.add_argument("--all", action="store_true", help="all sessions together")
    report.add_argument("--json", action="store_true", help="for programs")

    retention = parts.add_parser("retention", help="remove old sessions, as config.toml says")
    retention.add_argument("--dry-run", action="store_true", help="only say what would be removed")

    parts.add_parser("redact", help="show what would be stored of standard input")
    parts.add_parser("index", help="build the search index anew from the logs")


def _add_session(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("session", nargs="?", default="", help="its id or the beginning of it (default: the newest)")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code. 0 done, 1 refused or failed, 2 wrong usage, 130 interrupted."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or (given[0].startswith("-") and given[0] not in {"-h", "--help", "--version"}):
        given.insert(0, "run")
    # argparse itself would take the options of the server's command for ours
    ours = given.index("--") if given[0] == "mcp" and "--" in given else len(given)
    options = parser().parse_args(given[:ours], argparse.Namespace(server_command=given[ours + 1 :]))
    try:
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
        case "run":
            return _run(options)
        case "task":
            from ironcurtain_tui.commands import task

            return task.run(options)
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


def _run(options: argparse.Namespace) -> int:
    began = time.perf_counter()
    if not options.detach:
        _need_terminal()
    from ironcurtain_tui.supervisor.spawn import SupervisorProcess

    with SupervisorProcess() as supervisor:  # it gets ready while we do
        import asyncio

        from ironcurtain_tui.launch import follow_start, launch, settings_with

        settings = settings_with(options)
        session = launch(options, settings, supervisor)
    if options.detach:
        asyncio.run(follow_start(session, began if options.timings else None))
        print(f"Session {session.session_id} runs. Open it: ironcurtain-tui attach {session.session_id}")
        return 0
    from ironcurtain_tui.commands import screen

    screen.load()  # while the container starts
    asyncio.run(follow_start(session, began if options.timings else None, whole=options.timings))
    return screen.show([session], settings)


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
    from ironcurtain_tui.sessions import registry
    from ironcurtain_tui.sessions.resume import is_resumable
    from ironcurtain_tui.ui.neutralise import neutralise

    known = registry.sessions()
    if not known:
        print("No sessions yet. Start one: ironcurtain-tui run")
        return 0
    print(f"{'SESSION':<14}{'STATE':<10}{'AGENT':<14}{'STARTED':<18}WORKSPACE")
    for one in known:
        info = one.record.info
        state = "running" if one.alive else "ended"
        started = time.strftime("%Y-%m-%d %H:%M", time.localtime(info.started))
        note = " (rehearsal)" if info.rehearsal else ""
        note += f", task: {neutralise(info.task)}" if info.task else ""
        note += ", can be resumed" if is_resumable(one, paths.home()) else ""
        note += f", {info.limits}" if info.limits and one.alive else ""
        outcome = f"  [{one.record.outcome}]" if one.record.outcome and not one.alive else ""
        print(f"{one.id:<14}{state:<10}{info.agent:<14}{started:<18}{info.workspace}{note}{outcome}")
    return 0


def _stop(wanted: str, *, every: bool) -> int:
    import asyncio

    from ironcurtain_tui.sessions import registry

    targets = (
        [paths.SessionPaths.of(one.id) for one in registry.sessions() if one.alive]
        if every
        else [registry.find(wanted)]
    )
    for session in targets:
        asyncio.run(_stop_one(session))
        print(f"Session {session.session_id} stopped. Its audit log: {session.audit_log}")
    if not targets:
        print("No session is running.")
    return 0


async def _stop_one(session: paths.SessionPaths) -> None:
    """Ask the supervisor to end; UserFacingError when it has not within 45 s."""
    import asyncio

    from ironcurtain_tui.control.client import ControlClient
    from ironcurtain_tui.control.messages import StopSession

    client = await ControlClient.connect(session.control_socket)
    client.send(StopSession())
    try:
        async with asyncio.timeout(STOP_SECONDS):
            async for _ in client:
                pass
            while session.run.exists():  # noqa: ASYNC110 (another process removes it)
                await asyncio.sleep(0.05)
    except ConnectionError:
        pass  # it was faster than its goodbye
    except TimeoutError:
        raise UserFacingError(
            f"Session {session.session_id} has not ended after {STOP_SECONDS:.0f} s.",
            f"Look at {session.supervisor_log}; `ironcurtain-tui gc` removes what a dead supervisor left.",
        ) from None
    finally:
        await client.close()


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
    from ironcurtain_tui.sessions.reconcile import reconcile

    result = reconcile(Engine.connect(), paths.home(), dry_run=dry_run)
    for line in result.removed:
        print(f"{'would remove' if dry_run else 'removed'}: {line}")
    for line in result.left:
        print(f"left alone: {line}")
    if not result.removed and not result.left:
        print("Nothing was left behind.")
    return 0


def _completion(shell: str) -> int:
    import shtab

    print(shtab.complete(parser(), shell=shell))
    return 0
