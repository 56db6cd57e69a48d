"""What is left out before the first frame is not missing on it: parsing styles again, applying them again, modules."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from textual.app import App
from textual.css import stylesheet
from textual.css.stylesheet import Stylesheet

from .scripted_session import ScriptedSession, driven

LATER = (
    "textual.widgets._text_area",
    "ironcurtain_tui.agents",
    "ironcurtain_tui.providers",
    "ironcurtain_tui.ui.screens.help",
    "ironcurtain_tui.ui.screens.queue",
    "ironcurtain_tui.ui.screens.sessions",
)


def styles(app: App[Any]) -> Iterator[tuple[object, ...]]:
    """How all that is on the screen is to look."""
    for node in app.screen.walk_children(with_self=True):
        parts = {name: part.get_rules() for name, part in node._component_styles.items()}
        yield node, node.styles.base.get_rules(), parts


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The sources that are parsed from now on."""
    sources: list[str] = []
    real = stylesheet.parse

    def noted(scope: str, css: str, *more: Any, **named: Any) -> Any:
        sources.append(f"{scope} {named['tie_breaker']} {css}")
        return real(scope, css, *more, **named)

    monkeypatch.setattr(stylesheet, "parse", noted)
    return sources


async def test_the_screen_looks_as_if_textual_had_styled_it_anew(session: ScriptedSession) -> None:
    session.play()
    async with driven(session) as it:
        ours = list(styles(it.app))
        Stylesheet.reparse(it.app.stylesheet)
        it.app.stylesheet.update(it.app)
        assert list(styles(it.app)) == ours


async def test_a_source_is_parsed_once_for_each_theme(session: ScriptedSession, parsed: list[str]) -> None:
    session.play()
    async with driven(session) as it:
        assert parsed
        assert len(parsed) == len(set(parsed))
        before = len(it.app.stylesheet.source)
        parsed.clear()
        it.app.theme = "textual-light"
        await it.until(lambda: len(parsed) >= before)
        assert len(parsed) == len(set(parsed))
        light = list(styles(it.app))
        Stylesheet.reparse(it.app.stylesheet)
        it.app.stylesheet.update(it.app)
        assert list(styles(it.app)) == light


def test_what_the_first_frame_does_not_need_is_not_loaded_for_it() -> None:
    code = f"import sys, ironcurtain_tui.ui.app; print([name for name in {LATER!r} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout == "[]\n"
