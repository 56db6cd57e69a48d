"""The language of the filter lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ironcurtain_tui.ui.flow_filter import FIELDS, flow_test
from ironcurtain_tui.ui.query import FilterError, Term, end_of, moment, terms

from .scripted_session import FLOWS, NOON, flow


def test_words_fields_quotes_and_signs() -> None:
    assert terms('host:Example !"not on" -status:4xx POST path:"/a b"', FIELDS) == (
        Term("host", "example"),
        Term("", "not on", negated=True),
        Term("status", "4xx", negated=True),
        Term("", "post"),
        Term("path", "/a b"),
    )


def test_a_url_is_a_word_and_what_is_half_typed_no_condition() -> None:
    assert terms("https://api.example.org:8443/x", FIELDS) == (Term("", "https://api.example.org:8443/x"),)
    assert terms('host: "', FIELDS) == ()


def test_an_unknown_field_is_named() -> None:
    with pytest.raises(FilterError, match="no field colour"):
        terms("colour:red", FIELDS)


@given(st.text(max_size=60))
def test_any_text_is_a_filter_or_a_filter_error(text: str) -> None:
    try:
        test = flow_test(text, NOON)
    except FilterError:
        return
    assert {test(one) for one in FLOWS} <= {True, False}


@pytest.mark.parametrize(
    ("value", "at"),
    [
        ("90s", NOON - 90),
        ("10m", NOON - 600),
        ("2h", NOON - 7200),
        ("1d", NOON - 86400),
        ("11:30", NOON - 1800),
        ("9:00:30", NOON - 3 * 3600 + 30),
        ("2026-01-01", NOON - 43200),
        ("2025-12-31t12:00", NOON - 86400),
    ],
)
def test_times(value: str, at: float) -> None:
    assert moment(value, NOON) == at


def test_until_a_day_is_until_its_end() -> None:
    assert end_of("2026-01-01", NOON) == NOON + 43200
    with pytest.raises(FilterError, match="no time"):
        moment("yesterday", NOON)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", "f1 f2 f3 f4 f5 f6 f7 f8 f9"),
        ("refused", "f3 f7"),
        ("!refused method:get", "f1 f5"),
        ("host:telemetry", "f3"),
        ("status:5xx", "f8"),
        ("status:>=400", "f3 f7 f8"),
        ("status:<300 decision:answer", "f5"),
        ("state:streaming", "f9"),
        ("model:sonnet -path:/v1/messages", ""),
        ('"not on the list" !host:api', "f3"),
        ("reason:endpoint", "f7"),
        ("since:11:58:08", "f8 f9"),
        ("until:11:58:03", "f1 f2"),
        ("type:event-stream path:count_tokens", "f4"),
    ],
)
def test_which_flows_are_kept(text: str, kept: str) -> None:
    test = flow_test(text, NOON)
    assert " ".join(flow.id for flow in FLOWS if test(flow)) == kept


@pytest.mark.parametrize("text", ["status:ok", "status:>=4xx", "status:40", "since:never"])
def test_values_that_mean_nothing_are_refused(text: str) -> None:
    with pytest.raises(FilterError):
        flow_test(text, NOON)


def test_a_flow_without_status_has_none() -> None:
    assert not flow_test("status:<999", NOON)(flow(1, status=None))
