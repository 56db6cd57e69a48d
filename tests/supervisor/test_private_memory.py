"""A supervisor's keys are not for other processes of its user, nor for what it starts."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ironcurtain_tui.config import RedactionSettings
from ironcurtain_tui.terminal.started_screen import clean_environment
from ironcurtain_tui.traffic.cleaning import Cleaner
from tests.waiting import until

KEY = "sk-ant-api03-key-in-the-environment-of-a-test"
linux = pytest.mark.skipif(sys.platform != "linux", reason="/proc")


def started(code: str) -> subprocess.Popen[bytes]:
    """A process with the key in its environment, as a user that is not root, once it says so."""
    process = subprocess.Popen(
        [sys.executable, "-c", _PREPARE + code],
        env={**os.environ, "ANTHROPIC_API_KEY": KEY},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


@pytest.fixture
def supervisor() -> Iterator[subprocess.Popen[bytes]]:
    """A real one that waits for its request."""
    process = started("supervisor.main()\n")
    yield process
    process.kill()
    process.communicate()


_PREPARE = """
import ctypes, os
from ironcurtain_tui.supervisor import __main__ as supervisor
if os.geteuid() == 0:
    os.setgid(65534), os.setuid(65534)
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # what changing the user took away
def ready(*_):
    print("ready", flush=True)
os.umask = ready  # the first thing it does after
"""

_NEIGHBOUR = """
import os, sys
if os.geteuid() == 0:
    os.setgid(65534), os.setuid(65534)
for name in ("environ", "mem", "maps"):
    try:
        with open(f"/proc/{sys.argv[1]}/{name}", "rb") as file:
            print(name)
    except OSError:
        pass
"""


def readable(process: subprocess.Popen[bytes]) -> list[str]:
    command = [sys.executable, "-c", _NEIGHBOUR, str(process.pid)]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout.split()


@linux
def test_neighbours_cannot_read_it(supervisor: subprocess.Popen[bytes]) -> None:
    assert readable(supervisor) == []
    other = started("ready()\ninput()\n")
    assert "environ" in readable(other), "so this test would see it"
    other.kill()
    other.communicate()


@linux
def test_a_crash_writes_nothing_down(supervisor: subprocess.Popen[bytes]) -> None:
    limits = Path(f"/proc/{supervisor.pid}/limits").read_text()
    (line,) = [line for line in limits.splitlines() if line.startswith("Max core file size")]
    assert line.split()[4:6] == ["0", "0"]


@linux
def test_no_key_stands_in_its_arguments(supervisor: subprocess.Popen[bytes]) -> None:
    assert KEY.encode() not in Path(f"/proc/{supervisor.pid}/cmdline").read_bytes()


@linux
def test_what_it_starts_gets_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    cleaner = Cleaner(RedactionSettings())
    try:
        environment = Path(f"/proc/{cleaner._running().pid}/environ").read_bytes()
    finally:
        cleaner.close()
    assert KEY.encode() not in environment
    assert KEY not in str(clean_environment())


async def test_tool_servers_get_no_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A real one over the real client, which passes on only what is named."""
    from mcp.client.stdio import StdioServerParameters, stdio_client

    from ironcurtain_tui.gateway.upstream import expanded

    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN"):
        monkeypatch.setenv(name, KEY)
    seen = tmp_path / "environment"
    code = f"import os, pathlib; pathlib.Path({str(seen)!r}).write_text(repr(dict(os.environ)))"
    parameters = StdioServerParameters(command=sys.executable, args=["-c", code], env={"GIVEN": expanded("yes")})
    async with stdio_client(parameters):
        await until(lambda: seen.exists() and "'GIVEN': 'yes'" in seen.read_text())
    assert KEY not in seen.read_text()
