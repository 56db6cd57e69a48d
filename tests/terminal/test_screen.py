"""The supervisor's screen and what each viewer still has to see."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ironcurtain_tui.control.messages import Cursor, Run, ScreenUpdate, TerminalModes, decode_row
from ironcurtain_tui.terminal.screen import Screen, ViewerDamage

COLS, LINES = 10, 4


def row(text: str) -> msgspec.Raw:
    return msgspec.Raw(msgspec.msgpack.encode((Run(text),)))


def update(rows: dict[int, str], **changes: object) -> ScreenUpdate:
    usual = ScreenUpdate(
        cols=COLS,
        lines=LINES,
        cursor=Cursor(),
        modes=TerminalModes(),
        rows={y: row(text) for y, text in rows.items()},
    )
    return msgspec.structs.replace(usual, **changes)


def seen(viewer: Screen) -> tuple[object, ...]:
    """All a viewer can see of a screen."""
    whole = viewer.since(-1)
    rows = tuple(bytes(whole.rows[y]) for y in range(whole.lines))
    return whole.cols, whole.lines, whole.cursor, whole.modes, whole.history, rows


STEPS = st.lists(
    st.tuples(
        st.dictionaries(st.integers(-1, LINES + 2), st.text("ab", max_size=3), max_size=4),
        st.booleans(),
        st.sampled_from([(COLS, LINES), (COLS, LINES), (COLS + 5, LINES - 1)]),
        st.integers(0, 3),
        st.sets(st.integers(0, 2)),
    ),
    max_size=20,
)


@given(STEPS)
def test_viewers_that_look_at_any_moments_all_end_with_the_same_screen(
    steps: list[tuple[dict[int, str], bool, tuple[int, int], int, set[int]]],
) -> None:
    screen = Screen(COLS, LINES)
    viewers = [(ViewerDamage(screen), Screen(1, 1)) for _ in range(3)]
    for rows, full, (cols, lines), x, lookers in steps:
        screen.apply(update(rows, full=full, cols=cols, lines=lines, cursor=Cursor(x=x), history=x))
        for number in lookers:
            damage, copy = viewers[number]
            if (news := damage.take()) is not None:
                copy.apply(msgspec.msgpack.decode(msgspec.msgpack.encode(news), type=ScreenUpdate))
    late = ViewerDamage(screen), Screen(1, 1)
    for damage, copy in [*viewers, late]:
        if (news := damage.take()) is not None:
            copy.apply(news)
        assert seen(copy) == seen(screen)
        assert damage.take() is None


def test_only_what_changed_since_the_last_look_is_sent() -> None:
    screen = Screen(COLS, LINES)
    screen.apply(update(dict.fromkeys(range(LINES), "x"), full=True))
    damage = ViewerDamage(screen)
    first = damage.take()
    assert first is not None
    assert first.full
    assert set(first.rows) == set(range(LINES))
    screen.apply(update({1: "y"}))
    screen.apply(update({1: "z", 3: "z"}))
    second = damage.take()
    assert second is not None
    assert not second.full
    assert {y: decode_row(raw)[0].text for y, raw in second.rows.items()} == {1: "z", 3: "z"}


def test_rows_outside_the_screen_are_ignored() -> None:
    screen = Screen(COLS, LINES)
    screen.apply(update({-1: "x", LINES: "x", 10**9: "x", 2: "ok"}))
    assert set(screen.since(0).rows) == {2}
