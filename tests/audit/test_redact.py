"""Known secrets never reach the log, however they are spelled."""

import base64
import re
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ironcurtain_tui.audit.redact import MARK, Redactor

SECRET = "sk-ant-api03-Zm9v+YmFy/MTIzNDU2Nzg5MA=="
PERCENT = quote(SECRET, safe="")


@pytest.mark.parametrize(
    "spelled",
    [
        SECRET,
        PERCENT,
        re.sub("%..", lambda match: match[0].lower(), PERCENT),
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
    ],
)
def test_every_spelling_is_replaced(spelled: str) -> None:
    cleaned = Redactor([SECRET]).text(f"before {spelled} after")
    assert re.fullmatch(rf"before {re.escape(MARK)}[\w=]{{0,3}} after", cleaned), cleaned


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_it_is_found_inside_longer_base64(before: bytes, after: bytes) -> None:
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        assert MARK in Redactor([SECRET]).text(encode(before + SECRET.encode() + after).decode())


def test_it_is_found_anywhere_in_a_value() -> None:
    value = {"a": [1, None, True, {"b": f"x{SECRET}y"}], SECRET: "key", "n": 1790000000123}
    assert Redactor([SECRET, "another-secret"]).value(value) == {
        "a": [1, None, True, {"b": f"x{MARK}y"}],
        MARK: "key",
        "n": 1790000000123,
    }


def test_a_secret_that_contains_another_goes_as_a_whole() -> None:
    assert Redactor(["inner-secret", "outer inner-secret outer"]).text("outer inner-secret outer") == MARK


def test_nothing_known_changes_nothing_and_blots_are_refused() -> None:
    assert Redactor().value({"a": ["b", 1.5]}) == {"a": ["b", 1.5]}
    with pytest.raises(ValueError, match="8 characters"):
        Redactor(["short"])
    with pytest.raises(TypeError):
        Redactor().value({"a": b"bytes"})
