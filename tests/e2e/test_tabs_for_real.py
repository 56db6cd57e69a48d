"""Two real sessions in one app: listed, opened, told apart, one more started from within, all of them back later."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.e2e.conftest import COMMAND, Installation
from tests.e2e.tmux import Tmux

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]


def directory(installation: Installation, name: str) -> Path:
    made = installation.home.parent / name
    made.mkdir()
    if os.geteuid() == 0:
        os.chown(made, 1000, 1000)
    return made


def test_sessions_side_by_side(installation: Installation, terminal: Tmux) -> None:
    shop, docs = directory(installation, "shop"), directory(installation, "docs")
    for place in (shop, docs):
        installation.run("run", "--detach", "--agent", "shell", "--rehearsal", "--workspace", str(place))
    installation.open(terminal, "attach")
    terminal.wait_for(r"● running.*\n.*● running")  # the list, because there are two
    terminal.press("Enter")
    terminal.wait_for(r"1 docs  ○ idle")
    terminal.submit("echo in-$(basename docs) > here.txt; cat here.txt")
    terminal.wait_for("in-docs")

    terminal.press("C-a", "w")
    terminal.wait_for("● tab 1")
    terminal.press("j", "Enter")
    terminal.wait_for(r"▌2 shop  ○ idle")
    # from the background: a question, and output that nobody looks at
    terminal.submit("(sleep 4; seq 1 3000; curl -sS --max-time 200 https://example.com) & echo in-shop > here.txt")
    terminal.press("C-a", "p")
    terminal.wait_for(r"▌1 docs")
    terminal.wait_for(r"│ 2 shop ◆ waiting \(1\)")
    terminal.press("C-a", "2")
    terminal.wait_for(r"\n3000")
    terminal.wait_for("example.com")
    assert (shop / "here.txt").read_text() == "in-shop\n"
    assert (docs / "here.txt").read_text() == "in-docs\n"

    terminal.press("C-a", "c")
    terminal.wait_for("Start another session")
    terminal.press("Enter")  # the same directory, the same agent
    terminal.wait_for(r"▌3 shop  ○ idle")
    assert len(installation.sessions()) == 3
    terminal.press("C-a", "D")
    terminal.wait_for("keeps running in session")
    terminal.press("C-a", "d")
    terminal.wait_for("EXIT 0")
    assert len(installation.sessions()) == 3

    terminal.submit(f"clear; IRONCURTAIN_HOME={installation.home} {' '.join(COMMAND)} attach")
    terminal.wait_for(r"▌2 shop|▌1 docs")  # the tabs that were open, not the list
    terminal.wait_for(r"│ . (docs|shop) ")
    terminal.press("C-a", "d")
    terminal.wait_for("keeps running in session")
