"""Panels always fit the screen, whatever was arranged before."""

from hypothesis import given
from hypothesis import strategies as st

from ironcurtain_tui.ui.layout import AGENT_LEAST, BARS, PANEL_LEAST, SIDE, Arrangement, Fold, Panel

STEP = st.one_of(
    st.tuples(st.just("zoom"), st.sampled_from(Panel)),
    st.tuples(st.just("hide"), st.sampled_from(SIDE)),
    st.tuples(st.just("reveal"), st.sampled_from(SIDE)),
    st.tuples(st.just("toggle_side")),
    st.tuples(st.just("unzoom")),
    st.tuples(st.just("widen_side"), st.integers(-300, 300), st.integers(100, 400)),
    st.tuples(st.just("grow"), st.sampled_from(Panel), st.integers(-90, 90), st.integers(24, 120)),
    st.tuples(st.just("move_top"), st.sampled_from(SIDE), st.integers(-90, 90), st.integers(24, 120)),
)


@given(st.lists(STEP, max_size=20), st.integers(1, 400), st.integers(1, 120))
def test_whatever_was_done_it_fits(steps: list[tuple], width: int, height: int) -> None:  # type: ignore[type-arg]
    arrangement = Arrangement()
    for name, *arguments in steps:
        arrangement = getattr(arrangement, name)(*arguments)
    placement = arrangement.place(width, height)
    assert placement.agent or placement.heights
    if placement.heights:
        assert sum(placement.heights.values()) == max(0, height - BARS)
    if placement.agent and placement.side_width:
        assert placement.fold is Fold.FULL
        assert placement.side_width + 1 + AGENT_LEAST <= width
        assert min(placement.heights.values()) >= PANEL_LEAST


def test_the_agent_keeps_eighty_columns_where_there_is_room() -> None:
    assert Arrangement().place(120, 40).side_width == 39
    assert Arrangement().place(200, 50).side_width == 76
    assert Arrangement().place(100, 30).side_width == 36


def test_folds_and_gives_up() -> None:
    assert Arrangement().place(99, 40).fold is Fold.FOLDED
    assert Arrangement().place(120, 23).fold is Fold.FOLDED
    assert Arrangement().place(80, 24).side_width == 0
    assert Arrangement().place(39, 40).fold is Fold.TOO_SMALL
    assert Arrangement().place(120, 11).fold is Fold.TOO_SMALL


def test_zoom_shows_one_panel_even_when_folded_and_goes_back() -> None:
    zoomed = Arrangement().zoom(Panel.TRAFFIC)
    placement = zoomed.place(80, 24)
    assert not placement.agent
    assert placement.heights == {Panel.TRAFFIC: 22}
    assert zoomed.zoom(Panel.TRAFFIC) == Arrangement()
    assert zoomed.zoom(Panel.AUDIT).zoomed is Panel.AUDIT


def test_moving_an_edge_moves_that_edge_only() -> None:
    before = Arrangement().place(120, 40).heights
    after = Arrangement().move_top(Panel.AUDIT, 3, 40).place(120, 40).heights
    assert after == {**before, Panel.AUDIT: before[Panel.AUDIT] + 3, Panel.TRAFFIC: before[Panel.TRAFFIC] - 3}


def test_growing_the_first_panel_takes_from_the_second() -> None:
    before = Arrangement().place(120, 40).heights
    after = Arrangement().grow(Panel.ESCALATIONS, 2, 40).place(120, 40).heights
    assert after[Panel.ESCALATIONS] == before[Panel.ESCALATIONS] + 2
    assert after[Panel.TRAFFIC] == before[Panel.TRAFFIC] - 2


def test_hiding_all_and_back() -> None:
    arrangement = Arrangement()
    for panel in SIDE:
        arrangement = arrangement.hide(panel)
    assert arrangement.place(120, 40).side_width == 0
    assert set(arrangement.toggle_side().place(120, 40).heights) == set(SIDE)
    assert set(arrangement.reveal(Panel.AUDIT).place(120, 40).heights) == {Panel.AUDIT}
