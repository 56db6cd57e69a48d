"""The traffic browser's filter: mitmproxy's language, judged by mitmproxy itself, and what is our own."""

from __future__ import annotations

import base64
from contextlib import suppress
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mitmproxy import flowfilter
from mitmproxy import http as mitm
from mitmproxy.test import tflow

from ironcurtain_tui.events import Flow, FlowState
from ironcurtain_tui.traffic.kept import Body, KeptFlow, Message
from ironcurtain_tui.ui.flow_filter import flow_test
from ironcurtain_tui.ui.query import FilterError

from .scripted_session import FLOWS, flow

NOON = 1_767_268_800.0


@dataclass(frozen=True)
class Both:
    """One flow as we keep it, and as mitmproxy has it."""

    ours: KeptFlow
    theirs: mitm.HTTPFlow


def both(
    method: str,
    host: str,
    target: str,
    status: int | None,
    request: tuple[tuple[tuple[str, str], ...], bytes],
    response: tuple[tuple[tuple[str, str], ...], bytes],
) -> Both:
    ours = KeptFlow(
        flow=flow(
            1,
            method=method,
            host=host,
            path=target.partition("?")[0],
            status=status,
            state=FlowState.OPEN if status is None else FlowState.DONE,
        ),
        mono_us=1,
        target=target,
        request=Message(headers=request[0], body=body(request[1])),
        response=Message() if status is None else Message(headers=response[0], body=body(response[1])),
    )
    theirs = tflow.tflow(resp=False)
    theirs.request = mitm.Request.make(method, f"https://{host}{target}", request[1])
    theirs.request.headers = headers(request[0])
    theirs.server_conn.address = (host, 443)
    if status is not None:
        theirs.response = mitm.Response.make(status, response[1])
        theirs.response.headers = headers(response[0])
    return Both(ours, theirs)


def headers(fields: tuple[tuple[str, str], ...]) -> mitm.Headers:
    return mitm.Headers([(name.encode(), value.encode()) for name, value in fields])


def body(raw: bytes) -> Body:
    try:
        return Body(size=len(raw), text=raw.decode())
    except UnicodeDecodeError:
        return Body(size=len(raw), data=base64.b64encode(raw).decode())


HEADERS = st.lists(
    st.sampled_from(
        [
            ("Content-Type", "text/html"),
            ("content-type", "image/png"),
            ("X-One", "alpha beta"),
            ("x-two", "GET"),
            ("Location", "https://b.example/x"),
        ]
    ),
    max_size=3,
).map(tuple)
BODIES = st.sampled_from([b"", b"alpha\nbeta", b'{"a": 1}', b"\xff\xfe alpha", b"GET 200 text/html"])
SIDES = st.tuples(HEADERS, BODIES)
FLOW_PAIRS = st.builds(
    both,
    st.sampled_from(["GET", "POST", "get"]),
    st.sampled_from(["a.example", "b.example", "text.example"]),
    st.sampled_from(["/", "/x?alpha=1", "/get/200"]),
    st.sampled_from([None, 200, 404, 500]),
    SIDES,
    SIDES,
)

VALUES = st.sampled_from(
    [
        "GET",
        "^get$",
        "example",
        "a.example",
        "alpha.beta",
        "alpha",
        "'alpha beta'",
        '"a b"',
        "html|png",
        "x-one:",
        "^x",
        "$",
    ]
)
ATOMS = st.one_of(
    st.tuples(
        st.sampled_from(["~d", "~u", "~m", "~h", "~hq", "~hs", "~b", "~bq", "~bs", "~t", "~tq", "~ts", "~dst"]), VALUES
    ).map(" ".join),
    st.sampled_from(["~q", "~s", "~e", "~a", "~all", "~http", "~tcp", "~udp", "~dns", "~websocket", "~replay"]),
    st.sampled_from(["~c 200", "~c 404", "~c 0200"]),
)
EXPRESSIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" & ", " | "]), inner).map("".join),
        inner.map("!{}".format),
        inner.map("! {}".format),
        inner.map("( {} )".format),
    ),
    max_leaves=4,
)


SIDE_BY_SIDE = st.lists(EXPRESSIONS, min_size=1, max_size=3).map(" ".join)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@settings(max_examples=80, deadline=None)
@given(SIDE_BY_SIDE, FLOW_PAIRS)
def test_mitmproxy_agrees(text: str, pair: Both) -> None:
    assert flow_test(text, NOON)(pair.ours.flow, lambda: pair.ours) == bool(flowfilter.match(text, pair.theirs)), text


def kept(**changes: Message) -> KeptFlow:
    return KeptFlow(flow=FLOWS[0], mono_us=1, target="/v1/models?beta=true", **changes)


def ids(text: str) -> str:
    test = flow_test(text, NOON)
    return " ".join(each.id for each in FLOWS if test(each))


def test_operators_words_and_fields_go_together() -> None:
    assert ids("~d telemetry | status:5xx") == "f3 f8"
    assert ids("refused & !~d telemetry") == "f7"
    assert ids("(host:telemetry | status:>=500) -refused") == "f8"
    assert ids("~m POST ~c 200 | ~c 529 state:done") == ids("~m POST state:done (~c 200 | ~c 529)")


def test_only_what_looks_inside_takes_time() -> None:
    assert not flow_test("~d x | host:y & !~m GET word", NOON).reads
    assert flow_test("~d x | ~b y", NOON).reads
    reads = []

    def read() -> KeptFlow | None:
        reads.append(1)
        return None

    assert not flow_test("~b x ~d nowhere", NOON)(FLOWS[0], read)
    assert reads == []


def test_what_is_not_kept_has_no_headers_and_bodies() -> None:
    assert not flow_test("~b .", NOON)(FLOWS[0])
    assert flow_test("!~h .", NOON)(FLOWS[0])
    assert flow_test("~u models$", NOON)(FLOWS[0])
    assert not flow_test("~u models$", NOON)(FLOWS[0], lambda: kept())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("~x", "there is no ~x"),
        ("~d a ~nothing b", "there is no ~nothing: only ~a ~all ~b"),
        ("~src me", "no meaning here"),
        ("~d", "~d wants a value after it (character 3)"),
        ("~d a & ~b", "~b wants a value after it (character 10)"),
        ("~c abc", "abc is no status code (character 1)"),
        ("~b [", "no regular expression"),
        ("(~q", "this parenthesis is not closed (character 1)"),
        ("~q)", ") has nothing to close (character 3)"),
        ("~q & | ~s", "something must stand before | (character 6)"),
        ("~q |", "something must follow | (character 5)"),
        ("~a1", "there is no ~a1 (character 1)"),
        ("nofield:x", "there is no field nofield"),
        ("~q status:ok", "ok is no status: write 404, 4xx, >=400 or <300 (character 4)"),
        ("(" * 60, "this goes too deep"),
        ("!" * 60 + "~q", "this goes too deep"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, said: str) -> None:
    with pytest.raises(FilterError) as error:
        flow_test(text, NOON)
    assert said in str(error.value)


@pytest.mark.parametrize("text", ["", " ", "!", "host:", "-", "! ", '"not on the', "~d x !", "()"])
def test_what_is_still_being_typed_is_no_error(text: str) -> None:
    flow_test(text, NOON)


@given(st.text(max_size=30))
def test_any_text_is_a_filter_or_a_clear_error(text: str) -> None:
    one: Flow = FLOWS[0]
    with suppress(FilterError):
        assert flow_test(text, NOON)(one, kept) in (True, False)


def test_parentheses_need_no_spaces_here() -> None:
    assert ids("!(~d telemetry|x|~c 529)&~m POST") == ids("!( ~d telemetry|x | ~c 529 ) & ~m POST")
