"""Which flows a filter keeps: mitmproxy's language, and words and fields as in the audit browser. Pure."""

from __future__ import annotations

import operator
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ironcurtain_tui.events import Flow, FlowState
from ironcurtain_tui.traffic.kept import Body, KeptFlow, Message
from ironcurtain_tui.ui import query
from ironcurtain_tui.ui.filter_expression import Atom, Syntax, wrong
from ironcurtain_tui.ui.query import FilterError
from ironcurtain_tui.ui.words import outcome

FIELDS = ("host", "method", "path", "status", "decision", "state", "type", "model", "reason", *query.TIMES)
SYNTAX = (
    ("word", 'Method, host, path, reason or outcome contain it: refused, error, "not on the list"'),
    ("host: path: type: model: reason:", "That field contains the value"),
    ("method: decision: state:", "POST; allow, deny, escalate, answer; open, streaming, done, error"),
    ("status:", "404, 4xx, >=400, <300"),
    ("since: until:", "10m, 2h, 3d (ago), 14:30, 2026-01-31, 2026-01-31T14:30"),
    ("~d ~u ~m ~c", "As in mitmproxy: host, URL, method (regular expressions), status code"),
    ("~h ~hq ~hs", "A header of either side, of the request, of the response"),
    ("~b ~bq ~bs", "The same for the body, as far as it is kept"),
    ("~t ~tq ~ts ~dst", "The same for the content type; host:port"),
    ("~q ~s ~e ~a", "No response yet, a response, an error, an asset (image, style, script, font)"),
    ("~http ~tcp ~all", "Read by us, passed on unread, everything"),
    ("!x  x & y  x | y  ( )", "Not, and, or, in this order; side by side: and. -word: not"),
)
_COMPARE = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt, "": operator.eq}
_STATUS = re.compile(r"(>=|<=|>|<|)([1-9])(\d\d|xx)")
_ASSET = re.compile(r"text/javascript|application/(x-)?javascript|text/css|image/|font/|application/font")

Kept = Callable[[], KeptFlow | None]
"""Gives what is kept of a flow, if it is asked for."""
Matches = Callable[[Flow, Kept], bool]


@dataclass(frozen=True)
class FlowTest:
    """A filter. ``reads`` tells that it looks at headers or bodies, which takes time."""

    matches: Matches
    reads: bool = False

    def __call__(self, flow: Flow, kept: Kept = lambda: None) -> bool:
        return self.matches(flow, kept)


def flow_test(text: str, now: float) -> FlowTest:
    """A test for the filter ``text``; FilterError when it cannot be understood, with the place of what is wrong."""
    syntax = Syntax(
        takes_value=_takes_value,
        atom=lambda atom: _operator(atom) if atom.operator else _term(atom, now),
        negation=lambda test: FlowTest(lambda flow, kept: not test(flow, kept), test.reads),
        every=lambda tests: _joined(all, tests),
        some=lambda tests: _joined(any, tests),
    )
    return syntax.parse(text)


def _joined(quantifier: Callable[..., bool], tests: list[FlowTest]) -> FlowTest:
    quick_first = sorted(tests, key=lambda test: test.reads)
    return FlowTest(
        lambda flow, kept: quantifier(test(flow, kept) for test in quick_first), any(test.reads for test in tests)
    )


# --- words and fields ---------------------------------------------------------------------------------


def _term(atom: Atom, now: float) -> FlowTest | None:
    field, value = atom.field, atom.value.casefold()
    if field and field not in FIELDS:
        raise wrong(f"there is no field {field}: only {', '.join(FIELDS)}; put it in quotes to look for it", atom.place)
    if not value:
        return None  # still being typed
    try:
        test = _field_test(field, value, now)
    except FilterError as error:
        raise wrong(str(error), atom.place) from error
    return FlowTest(lambda flow, _: test(flow))


def _field_test(field: str, value: str, now: float) -> Callable[[Flow], bool]:
    match field:
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
        case _:
            return lambda flow: any(value in each.casefold() for each in _texts(flow, field))


def _status(value: str) -> Callable[[Flow], bool]:
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


# --- mitmproxy's operators ----------------------------------------------------------------------------

Search = Callable[[str], object]

_UNARY: dict[str, Matches] = {
    "a": lambda _, kept: any(_ASSET.match(each) for each in _content_types(kept(), request=False)),
    "all": lambda *_: True,
    "e": lambda flow, _: flow.state is FlowState.ERROR,
    "http": lambda flow, _: not _unread(flow),
    "q": lambda flow, _: flow.status is None,
    "s": lambda flow, _: flow.status is not None,
    "tcp": lambda flow, _: _unread(flow),
}
_NEVER = frozenset({"dns", "marked", "replay", "replayq", "replays", "udp", "websocket"})
"""What our proxy lets no flow be."""

_TEXTS: dict[str, Callable[[Flow, KeptFlow | None], Sequence[str]]] = {
    "d": lambda flow, _: (flow.host,),
    "dst": lambda flow, _: (f"{flow.host}:{flow.port}",),
    "m": lambda flow, _: (flow.method,),
    "h": lambda _, kept: _heads(kept, "request", "response"),
    "hq": lambda _, kept: _heads(kept, "request"),
    "hs": lambda _, kept: _heads(kept, "response"),
    "b": lambda _, kept: _bodies(kept, "request", "response"),
    "bq": lambda _, kept: _bodies(kept, "request"),
    "bs": lambda _, kept: _bodies(kept, "response"),
    "t": lambda _, kept: (*_content_types(kept, request=True), *_content_types(kept, request=False)),
    "tq": lambda _, kept: _content_types(kept, request=True),
    "ts": lambda _, kept: _content_types(kept, request=False),
    "u": lambda flow, kept: (_url(flow, kept),),
}
_QUICK = frozenset({"d", "dst", "m"})
_ELSEWHERE = frozenset({"comment", "marker", "meta", "src"})
"""mitmproxy's, of which our flows have nothing."""


def _takes_value(atom: Atom) -> bool:
    name = atom.operator
    if name in _ELSEWHERE:
        raise wrong(f"~{name} has no meaning here: our flows have nothing of the kind", atom.place)
    if name not in {"c", *_TEXTS, *_UNARY, *_NEVER}:
        known = " ".join(f"~{each}" for each in sorted({"c", *_TEXTS, *_UNARY}))
        raise wrong(f"there is no ~{name}: only {known}", atom.place)
    return name == "c" or name in _TEXTS


def _operator(atom: Atom) -> FlowTest:
    name, value = atom.operator, atom.value
    if name in _NEVER:
        return FlowTest(lambda *_: False)
    if name in _UNARY:
        return FlowTest(_UNARY[name], name == "a")
    if name == "c":
        if not re.fullmatch(r"[0-9]{1,9}", value):
            raise wrong(f"{value} is no status code", atom.place)
        code = int(value)
        return FlowTest(lambda flow, _: flow.status == code)
    flags = re.IGNORECASE | (re.DOTALL if name.startswith("b") else re.MULTILINE if name.startswith("h") else 0)
    try:
        with warnings.catch_warnings(action="ignore", category=FutureWarning):  # they would be drawn over the screen
            search = re.compile(value, flags).search
    except re.error as error:
        raise wrong(f"{value} is no regular expression: {error.msg}", atom.place) from error
    texts = _TEXTS[name]
    if name in _QUICK:
        return FlowTest(lambda flow, _: any(search(text) for text in texts(flow, None)))
    return FlowTest(lambda flow, kept: any(search(text) for text in texts(flow, kept())), reads=True)


def _unread(flow: Flow) -> bool:
    return flow.method == "CONNECT"


def _url(flow: Flow, kept: KeptFlow | None) -> str:
    port = "" if flow.port == 443 else f":{flow.port}"
    return f"https://{flow.host}{port}{kept.target if kept and kept.target else flow.path}"


def _messages(kept: KeptFlow | None, *sides: str) -> Sequence[Message]:
    return [getattr(kept, side) for side in sides] if kept else []


def _heads(kept: KeptFlow | None, *sides: str) -> Sequence[str]:
    return ["".join(f"{name}: {value}\r\n" for name, value in message.headers) for message in _messages(kept, *sides)]


def _bodies(kept: KeptFlow | None, *sides: str) -> Sequence[str]:
    return [_searchable(message.body) for message in _messages(kept, *sides)]


def _searchable(body: Body) -> str:
    return body.raw.decode("latin-1") if body.data else body.text


def _content_types(kept: KeptFlow | None, *, request: bool) -> Sequence[str]:
    found = _messages(kept, "request" if request else "response")
    return [value for message in found for name, value in message.headers if name.lower() == "content-type"]
