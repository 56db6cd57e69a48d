"""What keys make of a line. Every expectation about Claude Code and bash was measured on the real program."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ironcurtain_tui.control.messages import TerminalModes
from ironcurtain_tui.events import Confidence
from ironcurtain_tui.terminal.keys import encode_key
from ironcurtain_tui.terminal.paste import encode_paste
from ironcurtain_tui.words.dialects import DIALECTS
from ironcurtain_tui.words.editors import Message
from ironcurtain_tui.words.reconstruct import Sent, messages

MODES = TerminalModes(bracketed_paste=True, kitty_flags=1)
Act = str | tuple[str] | float
SEVERAL = "def f():\n  return 1\n\nf()"
WORDS = "abcdefgh " * 20


def sent(*acts: Act, columns: int = 100) -> list[Sent]:
    """Keys by name, one-element tuples as pastes, numbers as seconds of rest; a longer text is typed."""
    found: list[Sent] = []
    now = 100.0
    for act in acts:
        if isinstance(act, float):
            now += act
            continue
        keys = [act] if isinstance(act, tuple) or "+" in act or act in KEYS else list(act)
        for key in keys:
            now += 0.01
            if isinstance(key, tuple):
                data = encode_paste(key[0], MODES)
            else:
                data = encode_key(key, key if len(key) == 1 else None, MODES)
            found.append(Sent(now, data, columns))
    return found


KEYS = {"left", "right", "up", "down", "home", "end", "delete", "backspace", "enter", "tab", "escape", "f9"}


def last(agent: str, *acts: Act, columns: int = 100) -> Message:
    return messages(agent, sent(*acts, columns=columns))[-1]


@pytest.mark.parametrize(
    ("acts", "text"),
    [
        (["fix the bug"], "fix the bug"),
        (["world", "ctrl+a", "hello "], "hello world"),
        (["helo", "left", "l"], "hello"),
        (["one two-three four.five", "ctrl+w", "X"], "one two-three X"),
        (["path/to/file-x  ", "ctrl+w", "X"], "X"),
        (["one two-three", "alt+backspace", "X"], "one two-X"),
        (["a two_three.four", "alt+backspace", "X"], "a two_three.X"),
        (["one two-three four.five", "alt+b", "X", "alt+b", "Y"], "one two-three four.YXfive"),
        (["one two-three four", "ctrl+a", "alt+f", "X", "alt+f", "Y", "alt+f", "Z"], "oneX twoY-threeZ four"),
        (["one two-three", "ctrl+a", "alt+d", "X", "alt+d", "Y"], "XY-three"),
        (["one two three", "ctrl+left", "ctrl+k", "ctrl", "ctrl+y"], "one two ctrlthree"),
        (["one two three", "ctrl+left", "ctrl+u", "X", "ctrl+y"], "Xone two three"),
        (["abcdef", "ctrl+a", "ctrl+d", "right", "ctrl+d"], "bdef"),
        (["abcdef", "ctrl+t", "X"], "abcdefX"),
        (["two-three", "ctrl+backspace", "X"], "two-X"),
        (["a b c", "ctrl+w", "ctrl+w", "ctrl+y", "X"], "a b cX"),
        (["a b c", "ctrl+w", "left", "ctrl+w", "ctrl+y", "alt+y", "X"], "a cX"),
        (["line one", "ctrl+j", "line two"], "line one\nline two"),
        (["line one", "shift+enter", "line two"], "line one\nline two"),
        (["line one", "alt+enter", "line two"], "line one\nline two"),
        (["line one\\", "enter", "line two"], "line one\nline two"),
        (["line one", "ctrl+j", "ab", "up", "X", "down", "Y"], "liXne one\nabY"),
        (["abcdef", "ctrl+j", "x", "ctrl+j", "abcdef", "up", "up", "X"], "abcdefX\nx\nabcdef"),
        (["line one", "ctrl+j", "abc", "ctrl+a", "X", "ctrl+a", "ctrl+a", "Y"], "line one\nYXabc"),
        (["line one", "ctrl+j", "abc", "ctrl+u", "X", "ctrl+u", "ctrl+u", "Y"], "line oneY"),
        (["line one", "ctrl+j", "abc", "up", "home", "right", "ctrl+k", "X", "ctrl+k", "Y"], "lXYabc"),
        (["ab", "ctrl+j", "cd", "up", "end", "X"], "ab\ncdX"),
        (["abc", "escape", 1.5, "escape", 0.3, "X"], "abcX"),
        (["abc", "escape", 0.1, "escape", 0.3, "X"], "X"),
        (["abc", "ctrl+c", 0.3, "X"], "X"),
        ([("pasted text here",), " and more"], "pasted text here and more"),
        (["see: ", (SEVERAL,), " end"], f"see: {SEVERAL} end"),
        ([("one\ntwo\nthree\nfour",), "backspace", "X"], "X"),
        ([("one\ntwo\nthree",), "backspace", "X"], "one\ntwo\nthreX"),
        ([("y" * 900,), "left", "backspace", "X"], "X" + "y" * 900),
        ([("a\tb",), " end"], "a    b end"),
        (["?what is this?"], "what is this?"),
        (["hello", "tab", "X"], "helloX"),
        (["grüße 日本 👍", "left", "left", "backspace", "X"], "grüße 日X 👍"),
        (["  spaced  "], "  spaced"),
        (["abc", "ctrl+j", "ctrl+j"], "abc"),
        (["abc", "home", "down", "X"], "Xabc"),
        (["hello", "ctrl+a", "!", "end", "X"], "!helloX"),
        ([("!ls",), " X"], "!ls X"),
        ([WORDS, "home", "X"], "abcdefgh " * 10 + "X" + ("abcdefgh " * 10).rstrip()),
        ([WORDS, "ctrl+a", "X"], "X" + WORDS.rstrip()),
        ([WORDS, "ctrl+u", "X"], "abcdefgh " * 10 + "X"),
        ([WORDS, "up", "X"], ("abcdefgh " * 10).rstrip() + "X" + (" " + "abcdefgh " * 10).rstrip()),
        (["x" * 97, "home", "X"], "x" * 96 + "Xx"),
        (["x" * 96, "home", "X"], "X" + "x" * 96),
        (["stash me", "ctrl+s", "other", "enter"], "stash me"),
    ],
)
def test_claude_code(acts: list[Act], text: str) -> None:
    message = last("claude-code", *acts, "enter")
    assert (message.text, message.confidence) == (text, Confidence.EXACT)


@pytest.mark.parametrize(
    ("acts", "confidence"),
    [
        (["up", "X"], Confidence.UNKNOWN),
        (["hello world", "ctrl+w", "ctrl+underscore", "X"], Confidence.UNKNOWN),
        (["look at @src/ma", "tab", "X"], Confidence.UNKNOWN),
        (["abc", "ctrl+r", "escape", "X"], Confidence.UNKNOWN),
        (["/mod"], Confidence.LIKELY),
        (["abc", "f9", "X"], Confidence.LIKELY),
    ],
)
def test_what_claude_code_makes_of_some_keys_is_not_known(acts: list[Act], confidence: Confidence) -> None:
    assert last("claude-code", *acts, "enter").confidence is confidence


def test_a_doubt_ends_with_the_message_or_with_its_text() -> None:
    found = messages("claude-code", sent("up", "enter", "plain", "enter", "x", "up", "ctrl+c", "clear", "enter"))
    assert [message.confidence for message in found] == [Confidence.UNKNOWN, Confidence.EXACT, Confidence.EXACT]
    assert [message.text for message in found[1:]] == ["plain", "clear"]


def test_keys_that_are_missing_make_the_first_message_doubtful() -> None:
    found = messages("claude-code", sent("the end", "enter", "next", "enter"), whole=False)
    assert [message.confidence for message in found] == [Confidence.UNKNOWN, Confidence.EXACT]


@pytest.mark.parametrize(
    ("acts", "text"),
    [
        (["echo helo", "left", "l"], "echo hello"),
        (["abc", "ctrl+t", "X"], "acbX"),
        (["one two", "ctrl+a", "alt+u"], "ONE two"),
        (["one two", "ctrl+a", "alt+c", "alt+c"], "One Two"),
        (["one two", "ctrl+u", "x ", "ctrl+y"], "x one two"),
    ],
)
def test_readline(acts: list[Act], text: str) -> None:
    message = last("readline", *acts, "enter")
    assert (message.text, message.confidence) == (text, Confidence.EXACT)


@pytest.mark.parametrize("key", ["up", "ctrl+r", "tab", "alt+full_stop", "ctrl+underscore"])
def test_readline_history_and_completion_are_unknown(key: str) -> None:
    assert last("readline", "echo", key, "x", "enter").confidence is Confidence.UNKNOWN


@pytest.mark.parametrize(
    ("acts", "text"),
    [
        (["one two-three four.five", "ctrl+w", "X"], "one two-three four.X"),
        (["path/to/file-x  ", "ctrl+w", "X"], "path/to/file-X"),
        (["a two_three.four", "alt+backspace", "X"], "a two_three.X"),
        (["one two-three four.five", "alt+b", "X", "alt+b", "Y", "alt+b", "Z"], "one two-three four.ZYXfive"),
        (["one two-three four", "ctrl+a", "alt+f", "X", "alt+f", "Y", "alt+f", "Z"], "oneX twoY-Zthree four"),
        (["one, (two) three", "ctrl+left", "ctrl+left", "X", "ctrl+left", "ctrl+left", "Y"], "one, Y(twoX) three"),
        (["one, (two) three", "home", "ctrl+right", "X", "ctrl+right", "Y", "alt+right", "Z"], "oneX,Y (Ztwo) three"),
        (["one two-three", "ctrl+a", "alt+d", "X", "alt+d", "Y"], "XY-three"),
        (["a b c", "ctrl+w", "ctrl+w", "ctrl+y", "X"], "a b X"),
        (["a b c", "ctrl+w", "left", "ctrl+w", "ctrl+y", "alt+y", "X"], "a bX"),
        (["two-three", "home", "ctrl+delete", "X"], "X-three"),
        (["line one", "ctrl+j", "abc", "ctrl+a", "X", "ctrl+a", "ctrl+a", "Y"], "Yline one\nXabc"),
        (["line one", "ctrl+j", "abc", "home", "X", "home", "home", "Y"], "line one\nYXabc"),
        (["line one", "ctrl+j", "abc", "up", "ctrl+e", "ctrl+e", "X"], "line one\nabcX"),
        (["line one", "ctrl+j", "abc", "ctrl+u", "X", "ctrl+u", "ctrl+u", "Y"], "line oneY"),
        (["abc", "up", "X"], "Xabc"),
        (["abc", "home", "down", "X"], "abcX"),
        ([("y" * 1010,), "left", "backspace", "X"], "X" + "y" * 1010),
        (["a ", ("y" * 1010,), " c", "alt+b", "alt+b", "b"], "a b" + "y" * 1010 + " c"),
        (["a ", ("y" * 1010,), "ctrl+w", "b"], "a b"),
        ([("a\tb",), " end"], "a\tb end"),
        (["?what is this?"], "what is this?"),
        (["  spaced  "], "spaced"),
    ],
)
def test_codex(acts: list[Act], text: str) -> None:
    message = last("codex", *acts, 0.2, "enter")
    assert (message.text, message.confidence) == (text, Confidence.EXACT)


@pytest.mark.parametrize(
    "acts",
    [
        ["abc", "escape", 1.0, "X"],
        ["look at @src", 1.0],
        ["use $skill", 1.0],
        ["!ls -l", 1.0],
        ["/model", 1.0],
        ["the end\\", 1.0],
        ["shot: ", ("/tmp/a.png",), 1.0],
        ["abc def", "tab", 1.0],
        ["y", 1.0],
        ["x" * 90, "up", "X", 1.0],
    ],
)
def test_what_codex_makes_of_some_is_not_sure(acts: list[Act]) -> None:
    assert last("codex", *acts, "enter").confidence is not Confidence.EXACT


def test_keys_that_come_as_fast_as_a_paste_may_not_have_sent_anything() -> None:
    found = messages("codex", [*sent("fix the bug", "enter"), *sent("and test it", 1.0, "enter")])
    assert {message.confidence for message in found} == {Confidence.LIKELY}


def test_an_enter_that_may_have_chosen_from_a_list_leaves_the_next_message_in_doubt() -> None:
    found = messages("claude-code", sent("look at @src", "enter", " and fix it", "enter", "then stop", "enter"))
    assert [message.confidence for message in found] == [Confidence.LIKELY, Confidence.LIKELY, Confidence.EXACT]


def test_an_escape_after_a_command_may_have_begun_a_mode_in_which_letters_are_commands() -> None:
    keys = sent("fix it", "escape", 1.0, "0iX", "enter", "/vim", "enter", "stop it", "escape", 1.0, "0iX", "enter")
    found = messages("claude-code", [*keys, *sent("and on", "enter")])
    assert [message.confidence for message in found] == [Confidence.EXACT, *[Confidence.LIKELY] * 3]


def test_a_click_may_have_put_the_cursor_elsewhere() -> None:
    keys = [*sent("fix the bug"), Sent(103.0, b"\x1b[<0;12;3M"), *sent("X", 1.0, "enter")]
    assert [message.confidence for message in messages("codex", keys)] == [Confidence.LIKELY]


@pytest.mark.parametrize(
    ("dialect", "acts", "text"),
    [
        ("gemini-cli", ["one two-three four.five", "alt+b", "X", "ctrl+w", "Y"], "one two-three Yfour.five"),
        ("gemini-cli", ["one, (two) three", "home", "ctrl+right", "X", "ctrl+right", "Y"], "oneX, (twoY) three"),
        ("gemini-cli", ["one two three", "ctrl+left", "ctrl+k", "a", "ctrl+y", "Z"], "one two aZ"),
        ("opencode", ["one, (two) three", "alt+left", "X", "alt+left", "alt+left", "Y"], "one, (two)Y Xthree"),
        ("opencode", ["one two-three", "ctrl+a", "alt+d", "X", "alt+d", "Y"], "XYthree"),
        ("opencode", ["two-three", "home", "X"], "two-threeX"),
        ("qwen-code", ["one, (two) three", "home", "ctrl+right", "X", "ctrl+right", "Y", "alt+right", "Z"],
         "oneX, Y(Ztwo) three"),
        ("goose", ["one two-three four.five", "ctrl+w", "X"], "one two-three X"),
        ("goose", ["a b c", "ctrl+w", "ctrl+w", "ctrl+y", "X"], "a b cX"),
        ("copilot", ["a two_three.four", "alt+backspace", "X"], "a X"),
        ("copilot", ["one two-three four", "ctrl+a", "alt+f", "X", "alt+f", "Y"], "one Xtwo-three Yfour"),
    ],
)  # fmt: skip
def test_the_others_are_told_as_measured_but_never_for_sure(dialect: str, acts: list[Act], text: str) -> None:
    message = last(dialect, *acts, 1.0, "enter")
    assert (message.text, message.confidence) == (text, Confidence.LIKELY)


def test_an_editor_that_was_never_measured_is_at_best_likely() -> None:
    assert last("another", "hello", "enter").confidence is Confidence.LIKELY


@given(st.lists(st.binary(max_size=20), max_size=40), st.sampled_from([*DIALECTS, "another"]))
def test_any_bytes_leave_the_cursor_in_the_text(chunks: list[bytes], agent: str) -> None:
    for message in messages(agent, [Sent(float(at), data, 20) for at, data in enumerate(chunks)]):
        assert message.text == message.text.rstrip()


@given(st.text(st.characters(exclude_categories=("C",), exclude_characters="!/?@\\"), min_size=1).map(str.strip))
def test_what_is_typed_and_sent_comes_back(text: str) -> None:
    if text:
        keys = [Sent(0.0, character.encode()) for character in text]
        assert messages("claude-code", [*keys, Sent(1.0, b"\r")])[-1].text == text
