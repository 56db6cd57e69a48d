"""The layout comes back; a broken or foreign file is no reason not to start."""

from __future__ import annotations

from pathlib import Path

import pytest

from ironcurtain_tui.ui.kept_layout import KeptLayout, LayoutFile
from ironcurtain_tui.ui.layout import Arrangement, Panel

from .scripted_session import SESSION_ID, ScriptedSession, driven, scripted

ODD = KeptLayout(
    arrangement=Arrangement(
        side_width=51, weights=(1, 2, 9), hidden=frozenset({Panel.AUDIT}), side_hidden=True, zoomed=Panel.TRAFFIC
    ),
    theme="nord",
    tabs=("0" * 12, "1" * 12),
    front=1,
)


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    file = LayoutFile(tmp_path / "layout.json")
    assert file.load() == KeptLayout()
    file.save(ODD)
    assert file.load() == ODD
    assert (tmp_path / "layout.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b'{"arrangement": {"weights": [0, 0, 0]}}',
        b'{"arrangement": {"weights": [1, 1, 99999999]}}',
        b'{"arrangement": {"side_width": -4}}',
        b'{"arrangement": {"zoomed": "everything"}}',
        b'{"theme": 7}',
    ],
)
def test_a_broken_file_is_the_usual_layout(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "layout.json").write_bytes(content)
    (tmp_path / "layout.json").chmod(0o600)
    assert LayoutFile(tmp_path / "layout.json").load() == KeptLayout()


def test_a_link_is_not_followed_and_a_full_disk_is_not_fatal(tmp_path: Path) -> None:
    LayoutFile(tmp_path / "elsewhere").save(ODD)
    (tmp_path / "layout.json").symlink_to(tmp_path / "elsewhere")
    assert LayoutFile(tmp_path / "layout.json").load() == KeptLayout()
    LayoutFile(tmp_path / "no" / "such" / "directory").save(ODD)


async def test_the_next_app_looks_like_the_last(session: ScriptedSession, tmp_path: Path) -> None:
    session.play()
    file = LayoutFile(tmp_path / "layout.json")
    async with driven(session, layout=file) as it:
        await it.press("ctrl+a", *["less_than_sign"] * 2, "escape", "ctrl+a", "A", "h")
        it.app.theme = "nord"
        await it.press("ctrl+a", "d")
        await it.until(lambda: it.app.return_value)
    kept = file.load()
    assert kept.theme == "nord"
    assert kept.tabs == (SESSION_ID,)
    assert kept.arrangement.hidden == {Panel.AUDIT}
    async with driven(session, layout=file) as it:
        assert it.app.theme == "nord"
        await it.until(lambda: "Traffic" in it.text)
        assert "Audit" not in it.text
    async with driven(session, layout=file, theme="ironcurtain") as it:
        assert it.app.theme == "ironcurtain", "what config.toml says wins"


async def test_another_tab_starts_like_the_one_before_and_the_tabs_come_back(tmp_path: Path) -> None:
    file = LayoutFile(tmp_path / "layout.json")
    async with (
        scripted(tmp_path / "a.sock", session_id="a" * 12) as first,
        scripted(tmp_path / "b.sock", session_id="b" * 12) as second,
    ):
        async with driven(first, second, layout=file) as it:
            await it.press("ctrl+a", "b", "ctrl+a", "2")
            await it.until(lambda: "b" * 12 in it.text)
            assert "Traffic" not in it.text
            await it.press("ctrl+a", "d")
            await it.until(lambda: it.app.return_value)
        assert file.load().tabs == ("a" * 12, "b" * 12)
        assert file.load().front == 1
        async with driven(first, second, layout=file, front=1) as it:
            await it.until(lambda: "b" * 12 in it.text)
