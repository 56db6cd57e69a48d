"""Every theme can be read: what is said in a colour of its own stands out from what is behind it."""

import pytest
from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

from ironcurtain_tui.ui.themes import GROUNDS, IRONCURTAIN, READABLE, SIGNALS, contrast, signal_colours

THEMES = [IRONCURTAIN, *(theme for name, theme in BUILTIN_THEMES.items() if not name.startswith("ansi"))]


def variables(theme: Theme) -> dict[str, str]:
    return {**theme.to_color_system().generate(), **theme.variables}


def test_black_on_white_and_a_colour_on_itself() -> None:
    assert contrast(Color.parse("black"), Color.parse("white")) == pytest.approx(21)
    assert contrast(Color.parse("#767676"), Color.parse("white")) == pytest.approx(4.54, abs=0.01)
    assert contrast(Color.parse("red"), Color.parse("red")) == 1


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_signals_can_be_read_on_every_ground(theme: Theme) -> None:
    of_theme = variables(theme)
    for name, colour in signal_colours(of_theme).items():
        for ground in GROUNDS:
            reached = contrast(Color.parse(colour), Color.parse(of_theme[ground]))
            best = contrast(Color.parse(of_theme["foreground"]), Color.parse(of_theme[ground]))
            assert reached >= min(READABLE, 0.75 * best), f"{name} on {ground}"


def test_what_can_be_read_is_left_alone() -> None:
    ours = variables(IRONCURTAIN)
    assert signal_colours(ours) == {name: Color.parse(ours[colour]).hex for name, colour in SIGNALS.items()}


@pytest.mark.parametrize("name", ["ansi-dark", "ansi-light"])
def test_the_terminals_own_colours_stay_its_own(name: str) -> None:
    assert all(
        Color.parse(colour).ansi is not None for colour in signal_colours(variables(BUILTIN_THEMES[name])).values()
    )
