"""Which flows a filter keeps: the language of ``query`` for traffic. Pure."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence

from ironcurtain_tui.events import Flow
from ironcurtain_tui.ui import query
from ironcurtain_tui.ui.query import FilterError, Term
from ironcurtain_tui.ui.words import outcome

FIELDS = ("host", "method", "path", "status", "decision", "state", "type", "model", "reason", *query.TIMES)
SYNTAX = (
    ("word", 'Method, host, path, reason or outcome contain it: refused, error, "not on the list"'),
    ("host: path: type: model: reason:", "That field contains the value"),
    ("method: decision: state:", "POST; allow, deny, escalate, answer; open, streaming, done, error"),
    ("status:", "404, 4xx, >=400, <300"),
    ("since: until:", "10m, 2h, 3d (ago), 14:30, 2026-01-31, 2026-01-31T14:30"),
    ("!term, -term", "The opposite"),
)
_COMPARE = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt, "": operator.eq}
_STATUS = re.compile(r"(>=|<=|>|<|)([1-9])(\d\d|xx)")

Test = Callable[[Flow], bool]


def flow_test(text: str, now: float) -> Test:
    """A test for the filter ``text``; FilterError when it cannot be understood."""
    tests = [_negated(_test(term, now)) if term.negated else _test(term, now) for term in query.terms(text, FIELDS)]
    return lambda flow: all(test(flow) for test in tests)


def _negated(test: Test) -> Test:
    return lambda flow: not test(flow)


def _test(term: Term, now: float) -> Test:
    value = term.value
    match term.field:
        case "since":
            begin = query.moment(value, now)
            return lambda flow: flow.started >= begin
        case "until":
            end = query.end_of(value, now)
            return lambda flow: flow.started < end
        case "status":
            return _status(value)
        case "method":
            return lambda flow: flow.method.casefold() == value
        case "decision":
            return lambda flow: flow.decision == value
        case "state":
            return lambda flow: flow.state == value
        case field:
            return lambda flow: any(value in each.casefold() for each in _texts(flow, field))


def _status(value: str) -> Test:
    found = _STATUS.fullmatch(value)
    if not found or (found[1] and found[3] == "xx"):
        raise FilterError(f"{value} is no status: write 404, 4xx, >=400 or <300")
    if found[3] == "xx":
        return lambda flow: flow.status is not None and flow.status // 100 == int(found[2])
    compare, wanted = _COMPARE[found[1]], int(found[2] + found[3])
    return lambda flow: flow.status is not None and bool(compare(flow.status, wanted))


def _texts(flow: Flow, field: str) -> Sequence[str]:
    match field:
        case "host":
            return (f"{flow.host}:{flow.port}",)
        case "path":
            return (flow.path,)
        case "type":
            return (flow.content_type,)
        case "model":
            return (flow.usage.model if flow.usage else "",)
        case "reason":
            return (flow.reason,)
        case _:
            return (f"{flow.method} {flow.host}{flow.path}", flow.reason, outcome(flow).word)
