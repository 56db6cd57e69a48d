"""What a card shows beside a call's arguments, looked up on this machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ironcurtain_tui.escalations.card import Evidence, FileChange
from ironcurtain_tui.policy.action import ToolCall
from ironcurtain_tui.supervisor.gatehouse.evidence import LARGEST_FILE, HostEvidence


async def gathered(**arguments: object) -> Evidence:
    call = ToolCall(server="filesystem", tool="write_file", arguments=arguments)
    return await HostEvidence(lambda _: ()).gather(call)


async def test_a_file_is_shown_as_it_is_and_as_it_would_be(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("one\ntwo\n")
    (change,) = (await gathered(path=str(file), content="three\n")).changes
    assert change == FileChange(path=os.path.realpath(file), before="one\ntwo\n", after="three\n")
    edits = [{"oldText": "one", "newText": "1"}]
    assert (await gathered(path=str(file), edits=edits)).changes[0].after == "1\ntwo\n"
    assert (await gathered(path=str(tmp_path / "new"), content="x")).changes[0].before is None


async def test_what_cannot_be_compared_is_said(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "long").write_bytes(b"x" * (LARGEST_FILE + 1))
    (tmp_path / "binary").write_bytes(b"\xff")
    for name, why in (("pipe", "not a regular"), ("long", "longer"), ("binary", "no text"), ("", "directory")):
        evidence = await gathered(path=str(tmp_path / name), content="x")
        assert evidence.changes == ()
        assert why in evidence.notes[0][1], name


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="there is no /proc here")
@pytest.mark.parametrize("name", ["environ", "cmdline", "maps"])
async def test_nothing_of_the_supervisor_itself_is_shown(name: str) -> None:
    evidence = await gathered(path=f"/proc/self/{name}", content="x")
    assert evidence.changes == ()
    assert "no file of a disk" in evidence.notes[0][1]
