"""Ctrl+C on the command line: one sentence, whatever it was doing, and what goes on without it is named."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ironcurtain_tui import cli, following

SESSION = "0123456789ab"
LOADING = """
import sys
from ironcurtain_tui.standby import call

class Interrupt:
    def find_spec(self, name, *_):
        if name == "ironcurtain_tui.cli":
            raise KeyboardInterrupt

class Placed:
    line = None
    def answer(self):
        return {"session": sys.argv[1], "said": "", "screen": False}
    def hang_up(self):
        pass

sys.meta_path.insert(0, Interrupt())
call.place = lambda _: Placed() if sys.argv[1] else None
from ironcurtain_tui.__main__ import main
sys.exit(main())
"""


@pytest.mark.parametrize("session", ["", SESSION], ids=["alone", "started by a spare"])
def test_while_it_is_loading(session: str) -> None:
    result = subprocess.run([sys.executable, "-c", LOADING, session], capture_output=True, text=True, check=False)
    assert result.returncode == 130
    *named, last = result.stderr.splitlines()
    assert last == "Interrupted."
    assert len(named) == bool(session)
    assert all(session in line for line in named)


def test_while_it_follows_a_start(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    async def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(following, "follow_start", interrupted)
    assert cli.main(["run", "--detach"], started={"session": SESSION, "said": ""}) == 130
    assert f"ironcurtain-tui stop {SESSION}" in capsys.readouterr().err
