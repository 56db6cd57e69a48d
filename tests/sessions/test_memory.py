"""How much memory processes have, as the kernel tells everybody."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ironcurtain_tui.sessions import memory
from ironcurtain_tui.sessions.identity import ProcessIdentity

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="proc(5)")

SIZE = 64 << 20
HOLDER = f"""
from ironcurtain_tui.confinement import keep_memory_private
keep_memory_private()
held = b"x" * {SIZE}
print(flush=True)
input()
"""


def test_what_processes_have_for_themselves_is_told_while_they_live() -> None:
    """Also of those that let nobody look into them, as a supervisor."""
    with subprocess.Popen([sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        here, there = ProcessIdentity.current(), ProcessIdentity.of(holder.pid)
        its, ours, both = memory.own([there]), memory.own([here]), memory.own([there, here])
        assert its is not None
        assert ours is not None
        assert both is not None
        assert SIZE <= its < 2 * SIZE
        assert its < both
        holder.communicate(b"\n")
    assert memory.own([there]) is None


def test_what_is_available_is_a_part_of_all() -> None:
    with Path("/proc/meminfo").open() as told:
        total = int(told.readline().split()[1]) << 10
    available = memory.available()
    assert available is not None
    assert 0 < available <= total
