"""The prefix machine and the table behind it, exhaustively."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ironcurtain_tui.ui.keymap import (
    ALWAYS,
    ANSWER,
    CARD,
    FILTER,
    GRANTS,
    OVER,
    PANEL,
    PLACES,
    PREFIX,
    REVIEW,
    SAYING,
    SCROLLBACK,
    SESSIONS,
    TAB_ROWS,
    Command,
    Keymap,
    Place,
    Pressed,
    Row,
    display,
)
from ironcurtain_tui.ui.widgets.prefix_menu import COLUMN, KEYS, menu_label

TABLES = {
    "always": ALWAYS,
    "prefix": PREFIX,
    "panel": PANEL,
    "filter": FILTER,
    "scrollback": SCROLLBACK,
    "card": CARD,
    "answer": ANSWER,
    "review": REVIEW,
    "saying": SAYING,
    "grants": GRANTS,
    "over": OVER,
    "sessions": SESSIONS,
    "tabs": TAB_ROWS,
}
KNOWN = sorted({key for rows in TABLES.values() for row in rows for key in row.keys} | {"ctrl+a"})
TYPED = st.one_of(
    st.sampled_from(KNOWN), st.text(min_size=1, max_size=8), st.sampled_from(["ctrl+c", "ctrl+q", "f5", "a", "y"])
)


@pytest.mark.parametrize("name", TABLES)
def test_no_key_stands_twice_in_a_table(name: str) -> None:
    keys = [key for row in TABLES[name] for key in row.keys]
    assert len(keys) == len(set(keys))


def test_function_keys_mean_the_same_everywhere() -> None:
    reserved = {key for row in ALWAYS for key in row.keys}
    for name in TABLES.keys() - {"always"}:
        assert reserved.isdisjoint(key for row in TABLES[name] for key in row.keys)


def test_every_command_can_be_reached_by_key() -> None:
    reached = {row.command for rows in TABLES.values() for row in rows}
    assert reached == set(Command)


@given(TYPED)
def test_without_prefix_the_agent_gets_all_but_the_reserved(key: str) -> None:
    keymap = Keymap()
    ours = key in {"ctrl+a", "f1", "f2", "f3", "f4"}
    assert keymap.reserved(False, Place.AGENT, key) is ours
    if not ours:
        assert keymap.press(False, Place.AGENT, key) == Pressed()


@pytest.mark.parametrize("key", ["ctrl+c", "ctrl+q", "ctrl+p", "ctrl+z", "escape", "tab", "f5", "f12", "q"])
def test_keys_that_other_apps_keep_are_the_agents(key: str) -> None:
    assert not Keymap().reserved(False, Place.AGENT, key)


@pytest.mark.parametrize("place", Place)
@pytest.mark.parametrize("row", PREFIX, ids=lambda row: row.keys[0])
def test_prefix_then_key(place: Place, row: Row) -> None:
    for key in row.keys:
        assert Keymap().press(True, place, key) == Pressed(prefixed=row.repeats, command=row.command)


@pytest.mark.parametrize("place", Place)
@pytest.mark.parametrize("prefix", ["ctrl+a", "ctrl+backslash", "f12"])
def test_prefix_enters_and_twice_goes_through(place: Place, prefix: str) -> None:
    keymap = Keymap(prefix)
    assert keymap.press(False, place, prefix) == Pressed(prefixed=True)
    assert keymap.press(True, place, prefix) == Pressed(send=prefix if place is Place.AGENT else None)


@pytest.mark.parametrize("key", ["f1", "f2", "f3", "f4"])
def test_prefix_lends_the_function_keys_to_the_agent(key: str) -> None:
    assert Keymap().press(True, Place.AGENT, key) == Pressed(send=key)


@given(TYPED, st.sampled_from(Place))
def test_a_slip_after_the_prefix_neither_acts_nor_reaches_the_agent(key: str, place: Place) -> None:
    known = {key for row in (*PREFIX, *TAB_ROWS) for key in row.keys} | {"ctrl+a", "f1", "f2", "f3", "f4"}
    if key not in known:
        assert Keymap().press(True, place, key) == Pressed(prefixed=True)


@given(TYPED, st.sampled_from(Place))
def test_escape_always_leaves_the_prefix(key: str, place: Place) -> None:
    pressed = Keymap().press(Keymap().press(True, place, key).prefixed, place, "escape")
    assert pressed.prefixed is False


@given(st.lists(TYPED), st.sampled_from(Place))
def test_only_named_keys_ever_leave_the_app_or_stop_the_session(keys: list[str], place: Place) -> None:
    """No sequence without the prefix closes anything while there is an agent to type to."""
    keymap, prefixed = Keymap(), False
    for key in keys:
        pressed = keymap.press(prefixed, place, key)
        if pressed.command in {Command.STOP, Command.DETACH}:
            assert prefixed
        if pressed.command is Command.CLOSE:
            assert place is Place.OVER
        prefixed = pressed.prefixed


@pytest.mark.parametrize("place", Place)
def test_places_reserve_their_own_keys(place: Place) -> None:
    for row in PLACES[place]:
        for key in row.keys:
            assert Keymap().reserved(False, place, key)
            assert Keymap().press(False, place, key) == Pressed(command=row.command)


def test_help_names_every_key_of_every_table() -> None:
    text = "\n".join(keys for _, lines in Keymap().sections() for keys, _ in lines)
    for key in set(KNOWN) - {row.keys[0] for row in TAB_ROWS}:
        assert display(key) in text
    assert "1 - 9" in text


def test_keys_are_written_for_people() -> None:
    assert [display(key) for key in ("ctrl+a", "ctrl+backslash", "f3", "f", "escape", "question_mark")] == [
        "^A",
        "^\\",
        "F3",
        "f",
        "Esc",
        "?",
    ]


@pytest.mark.parametrize("place", set(Place) - {Place.AGENT})
def test_help_begins_with_the_keys_of_where_one_is(place: Place) -> None:
    (_, first), *others = Keymap().sections(place)
    assert [label for _, label in first] == [row.label for row in PLACES[place]]
    assert {heading for heading, _ in others} < {heading for heading, _ in Keymap().sections()}


@pytest.mark.parametrize("width", [80, 120, 200])
def test_nothing_in_the_menu_of_the_prefix_is_cut(width: int) -> None:
    room = width // max(1, width // COLUMN) - KEYS - 3
    for row in PREFIX:
        assert not menu_label(row, room).endswith("…"), row
