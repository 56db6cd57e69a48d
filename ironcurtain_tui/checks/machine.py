"""Checks of what is here before us: interpreter, terminal, disk."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator

from ironcurtain_tui import config, paths
from ironcurtain_tui.checks.finding import Finding
from ironcurtain_tui.checks.terminal_queries import ask_terminal
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.events import BadgeState

MIN_COLS, MIN_LINES = 40, 12
LOW_DISK = 500 * 1024 * 1024
TRUE_COLOUR = frozenset({"truecolor", "24bit"})


def interpreter() -> Iterator[Finding]:
    """Which Python this is."""
    yield Finding("python", BadgeState.OK, f"Python {platform.python_version()} ({sys.executable})")


def terminal() -> Iterator[Finding]:
    """Size and colours, and what the terminal says it can do."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        yield Finding("terminal", BadgeState.WARN, "not a terminal", "`run` and `attach` need one.")
        return
    size, kind = shutil.get_terminal_size(), os.environ.get("TERM", "")
    text = f"{size.columns}x{size.lines}, TERM={kind}"
    if size.columns < MIN_COLS or size.lines < MIN_LINES:
        yield Finding("terminal", BadgeState.WARN, text, f"Make it at least {MIN_COLS}x{MIN_LINES}.")
    elif kind in {"", "dumb"}:
        yield Finding("terminal", BadgeState.WARN, text, "Use a terminal that knows the xterm control sequences.")
    else:
        yield Finding("terminal", BadgeState.OK, text)
    if os.environ.get("COLORTERM", "") in TRUE_COLOUR:
        yield Finding("terminal", BadgeState.OK, "true colours")
    else:
        depth = "256 colours" if "256" in kind else "few colours"
        yield Finding("terminal", BadgeState.OK, f"{depth}: COLORTERM is not truecolor, so themes are approximated")
    told = ask_terminal()
    if told is None:
        remedy = "Keys such as Shift+Enter may be told apart less well, and copying may need the mouse."
        yield Finding("terminal", BadgeState.OK, "it does not answer questions about itself", remedy)
        return
    for name, able, without in (
        ("kitty keyboard protocol", told.kitty_keyboard, "keys such as Shift+Enter look like Enter"),
        ("clipboard by OSC 52", told.clipboard, "copying may need the terminal's own selection"),
        ("synchronised output", told.synchronised, "fast changes may flicker"),
    ):
        yield Finding("terminal", BadgeState.OK, name if able else f"no {name}, as far as it says: {without}")


def state() -> Iterator[Finding]:
    """Our directory and its disk, and what recordings may take of it."""
    home = paths.private_directory(paths.home())
    free = shutil.disk_usage(home).free
    text = f"{home}, {free / 2**30:.1f} GiB free"
    if free < LOW_DISK:
        remedy = "Free disk space: an action that cannot be recorded is refused."
        yield Finding("state", BadgeState.FAIL, text, remedy)
        return
    yield Finding("state", BadgeState.OK, text)
    try:
        recording = config.load().recording
    except UserFacingError:
        return  # the check of the settings tells
    if not recording.enabled:
        yield Finding("state", BadgeState.OK, "sessions are not recorded, as config.toml says")
    elif recording.max_bytes > free:
        text = f"a session's recording may grow to {recording.max_size}, which is more than what is free"
        yield Finding("state", BadgeState.WARN, text, "Lower max_size under [recording], or free disk space.")
    else:
        yield Finding("state", BadgeState.OK, f"a session is recorded up to {recording.max_size}")
