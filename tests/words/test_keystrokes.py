"""Keys are kept as long as they can be seen; a password is not."""

from __future__ import annotations

from ironcurtain_tui.events import Confidence
from ironcurtain_tui.words.echo import shows
from ironcurtain_tui.words.keystrokes import KEPT_BYTES, UNSEEN_SECONDS, Keystrokes
from ironcurtain_tui.words.reconstruct import messages

PASSWORD = "hunter2-horse-battery"
PROMPT = "$ sudo make install\n[sudo] password for agent:\n$ "


def typed(keys: Keystrokes, text: str, now: float, screen: str = "", *, slowly: bool = False) -> float:
    """Type ``text`` and Enter from ``now`` on; the time after it. ``slowly``: the screen is looked at at every key."""
    for character in f"{text}\r":
        now += 0.1
        keys.add(now, character.encode())
        if slowly:
            keys.look(now, screen)
    return now


def held(keys: Keystrokes) -> bytes:
    """All bytes it holds anywhere."""
    return b"".join(sent.data for stretch in keys._open for sent in stretch.sent) + b"".join(
        sent.data for sent in keys._kept
    )


def test_what_is_on_the_screen_is_kept() -> None:
    keys = Keystrokes()
    now = typed(keys, "make install", 0.0)
    keys.look(now, PROMPT)
    assert not keys.waiting
    assert [message.text for message in messages("readline", keys.seen(""), whole=keys.whole)] == ["make install"]


def test_a_password_is_forgotten_and_the_words_around_it_are_not() -> None:
    keys = Keystrokes()
    now = typed(keys, "sudo make install", 0.0)
    keys.look(now, PROMPT)
    now = typed(keys, PASSWORD, now, PROMPT, slowly=True)
    assert keys.waiting
    assert messages("readline", keys.seen(PROMPT))[-1].text == "sudo make install", "not even before it is forgotten"
    keys.look(now + UNSEEN_SECONDS, PROMPT)
    assert not keys.waiting
    assert b"hunter2"[:4] not in held(keys)
    assert keys.forgot == now, "so that nobody takes the message before it for the last"
    now = typed(keys, "echo done", now + 3)
    keys.look(now, PROMPT + "echo done")
    assert [message.text for message in messages("readline", keys.seen(""))] == ["sudo make install", "echo done"]
    assert {message.confidence for message in messages("readline", keys.seen(""))} == {"exact"}


def test_a_password_that_is_not_entered_yet_is_forgotten_and_its_rest_is_not_kept() -> None:
    keys = Keystrokes()
    for at, character in enumerate(PASSWORD[:10]):
        keys.add(at * 0.1, character.encode())
    keys.look(1.0 + UNSEEN_SECONDS, PROMPT)
    assert held(keys) == b""
    typed(keys, PASSWORD[10:], 9.0)
    assert held(keys) == b""


def test_four_digits_that_stand_nowhere_are_forgotten() -> None:
    keys = Keystrokes()
    now = typed(keys, "4711", 0.0, "PIN: 1 4 7", slowly=True)
    keys.look(now + UNSEEN_SECONDS, "PIN: 1 4 7")
    assert held(keys) == b""


def test_a_line_that_scrolled_away_was_seen() -> None:
    keys = Keystrokes()
    now = 0.0
    for character in "show me the log":
        now += 0.1
        keys.add(now, character.encode())
    keys.look(now, "> show me the log")
    keys.add(now, b"\r")
    keys.look(now + 5, "a wholly new screen")
    assert messages("claude-code", keys.seen(""))[-1].text == "show me the log"


def test_a_text_in_a_box_is_found_across_its_rows() -> None:
    text = "rename Config.load to Config.read everywhere, then run the linter and tell me what it says about it"
    box = f"│ > {text[:40]} │\n│   {text[40:80]} │\n│   {text[80:]}   │"
    assert shows(box, text)
    assert not shows(box.replace("e", "*"), text)


def test_a_long_paste_is_shown_by_its_sign() -> None:
    assert shows("> see [Pasted text #1 +40 lines] please", "x" * 3000, pasted=True)
    assert not shows("> see please", "x" * 3000, pasted=True)


def test_the_buffer_is_bounded_and_says_that_something_is_missing() -> None:
    keys = Keystrokes()
    now = 0.0
    for _ in range(300):
        now = typed(keys, "y" * 500, now)
        keys.look(now, "y" * 500)
    assert len(held(keys)) <= KEPT_BYTES
    assert not keys.whole
    found = messages("claude-code", keys.seen(""), whole=keys.whole)
    assert found[0].confidence == "unknown"
    assert found[-1].confidence == "exact"


def test_a_mode_of_commands_that_was_seen_puts_what_follows_an_escape_in_doubt() -> None:
    keys = Keystrokes()
    typed(keys, "fix the bug\x1b", 0.0)
    seen = keys.seen("> fix the bug")
    assert messages("claude-code", seen, complete=keys.complete)[0].confidence is Confidence.EXACT
    keys.look(1.0, "> fix the bug\n  -- NORMAL -- bypass permissions on")
    assert messages("claude-code", seen, complete=keys.complete)[0].confidence is Confidence.LIKELY
    keys.look(2.0, "> fix the bug")
    assert not keys.complete, "whoever draws over it does not take the doubt away"


def test_what_was_forgotten_may_have_been_cut_out() -> None:
    keys = Keystrokes()
    now = typed(keys, PASSWORD + "\x15", 0.0)
    keys.look(now + UNSEEN_SECONDS, PROMPT)
    typed(keys, "say \x19", now + 9)
    assert not keys.complete
    last = messages("readline", keys.seen("$ say"), complete=keys.complete)[-1]
    assert last.confidence is Confidence.UNKNOWN
