"""The options of `ironcurtain-tui task`, and what its exit codes say."""

from __future__ import annotations

import argparse
import re
from enum import IntEnum
from pathlib import Path

_SESSION = re.compile("[0-9a-f]{1,12}")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smh]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}


class Exit(IntEnum):
    """What the command's exit code says. 1: it could not start; 2: wrong usage."""

    SUCCESS = 0
    FAILED = 3
    REFUSED = 4
    LIMIT = 5
    STOPPED = 130


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The command's part of the command line."""
    task = commands.add_parser(
        "task",
        help="have an agent do one task without a screen",
        epilog="Exit code: 0 done; 1 could not start; 2 wrong usage; 3 the agent failed (quota, provider, no answer); "
        "4 refused by the model, or something was denied on the way; 5 time or tokens used up; 130 stopped.",
    )
    task.add_argument("prompt", nargs="?", default="", metavar="PROMPT", help="what to do; - reads standard input")
    task.add_argument("-w", "--workspace", type=Path, default=Path(), metavar="DIR", help="default: this directory")
    task.add_argument("-a", "--agent", default="", metavar="NAME", help="default: as configured")
    task.add_argument("-m", "--model", default="", metavar="ID", help="model for the agent (default: its own)")
    task.add_argument(
        "-c",
        "--continue",
        dest="resume",
        nargs="?",
        const="",
        default=None,
        metavar="SESSION",
        help="go on with the conversation of an ended session (its id; default: the newest on this workspace)",
    )
    task.add_argument("--timeout", type=_seconds, default=0.0, metavar="TIME", help="end it after 90, 15m or 2h")
    task.add_argument("--max-tokens", type=_count, default=0, metavar="N", help="end it after so many, cached ones too")
    task.add_argument("--unattended", choices=("wait", "deny"), help="questions while nobody is attached (configured)")
    task.add_argument("--memory", default="", metavar="SIZE", help="memory limit, e.g. 4GiB")
    task.add_argument("--cpus", type=float, default=None, metavar="N", help="CPU limit, e.g. 2")
    task.add_argument("--rehearsal", action="store_true", help="use the scripted model even if there is a key")
    task.add_argument("--detach", action="store_true", help="leave it to itself; `task --result SESSION` waits for it")
    task.add_argument("--json", action="store_true", help="one JSON document on standard output instead of the answer")
    task.add_argument("-q", "--quiet", action="store_true", help="no progress on standard error")
    task.add_argument("--timings", action="store_true", help="print how long each step of the start took")
    task.add_argument(
        "--result",
        nargs="?",
        const="",
        default=None,
        metavar="SESSION",
        help="start nothing: wait for a task and tell its result (default: the newest)",
    )


def tell_apart(options: argparse.Namespace) -> None:
    """What follows ``--continue`` is the task, where it cannot be a session's id: argparse cannot know that."""
    if not options.prompt and options.resume and not _SESSION.fullmatch(options.resume):
        options.prompt, options.resume = options.resume, ""


def _seconds(text: str) -> float:
    match = _DURATION.fullmatch(text)
    if match is None or float(match[1]) <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no time like 90, 15m or 2h")
    return float(match[1]) * _SECONDS[match[2]]


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of tokens")
    return int(text)
