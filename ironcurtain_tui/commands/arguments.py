"""The command line as people write it: commands, options, and what their help says."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from ironcurtain_tui import __version__
from ironcurtain_tui.checks import CHECKS
from ironcurtain_tui.commands import task_options
from ironcurtain_tui.standby.call import with_command

WHO = "claude-code, codex, opencode, gemini-cli, qwen-code, goose, copilot, shell"
"""Every agent there is; spelled out, for their adapters take time to load."""


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """What ``arguments`` ask for; without a command it is ``run``. SystemExit with a text when they cannot be read."""
    given = with_command(arguments)
    # argparse itself would take the options of the server's command for ours
    ours = given.index("--") if given[0] == "mcp" and "--" in given else len(given)
    options = parser().parse_args(given[:ours], argparse.Namespace(server_command=given[ours + 1 :]))
    if options.command == "task":
        task_options.tell_apart(options)
    return options


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

    standby = commands.add_parser(
        "standby",
        help="make the next start fast: leave a spare supervisor waiting, as sessions do by themselves",
    )
    standby.add_argument("--end", action="store_true", help="end the one that waits")

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
