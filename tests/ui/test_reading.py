"""Which lines have been on the screen."""

from hypothesis import given
from hypothesis import strategies as st

from ironcurtain_tui.ui.reading import Reading

WINDOWS = st.lists(st.tuples(st.integers(-5, 60), st.integers(-2, 30)))


@given(st.integers(0, 50), WINDOWS)
def test_complete_when_every_line_was_in_some_window(lines: int, windows: list[tuple[int, int]]) -> None:
    reading, seen = Reading(lines), set[int]()
    for first, count in windows:
        reading.see(first, count)
        # a window that starts above the page shows as many lines of it as it is tall
        seen |= set(range(max(0, first), max(0, first) + max(0, count))) & set(range(lines))
        assert reading.shown == len(seen)
        assert reading.complete == (len(seen) == lines)
        assert reading.next == min(set(range(lines + 1)) - seen)


def test_jumping_to_the_end_is_not_reading() -> None:
    reading = Reading(100)
    reading.see(0, 20)
    reading.see(80, 20)
    assert not reading.complete
    assert (reading.shown, reading.next) == (40, 20)
