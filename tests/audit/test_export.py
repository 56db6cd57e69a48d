"""What other programs get, and a session summed up."""

import csv
import io
import json

import pytest

from ironcurtain_tui.audit.chain import Entry, Record, link, parse, start
from ironcurtain_tui.audit.export import CSV_COLUMNS, FORMATS, to_csv, to_jsonl, to_ocsf
from ironcurtain_tui.audit.report import summarise
from ironcurtain_tui.events import Decision

SESSION = "0123456789ab"
T0 = 1_790_000_000_000_000


def records() -> list[Record]:
    request = {"action": "http", "host": "api.example.org", "port": 443, "method": "POST", "path": "/v1"}
    push = {"action": "tool", "server": "git", "tool": "push", "arguments": {"remote": "=cmd|' /C calc'!A0"}}
    asked = {"digest": "d", "rule": "ask-push"}
    usage = {"model": "m", "input_tokens": 100, "output_tokens": 20, "cache_read_tokens": 7, "cache_write_tokens": 3}
    flow = {"host": "api.example.org", "method": "POST", "path": "/v1", "port": 443, "status": 200, "state": "done"}
    rows: list[tuple[str, str, Decision | None, dict[str, object]]] = [
        ("session.start", "Claude Code on /workspace", None, {}),
        ("request", "POST api.example.org/v1", Decision.ALLOW, {"action": request, "reason": "", "rule": "r"}),
        ("request.end", "POST api.example.org/v1", None, {**flow, "bytes_up": 10, "bytes_down": 90, "usage": usage}),
        ("request.end", "POST api.example.org/v1", None, {**flow, "state": "error", "bytes_up": 1, "cost_usd": 0.25}),
        ("tunnel", "CONNECT evil.test:443", Decision.DENY, {"action": {"host": "evil.test", "port": 443}}),
        ("tunnel", "CONNECT evil.test:443", Decision.DENY, {"action": {"host": "evil.test", "port": 443}}),
        ("escalation.raised", "waits for a person: git.push", Decision.ESCALATE, {"escalation": "e1", **asked}),
        ("escalation.decided", "approved", Decision.ALLOW, {"escalation": "e1", "decision_ms": 4000}),
        ("tool", "git.push", Decision.ALLOW, {"action": push, "rule": "approved (ask-push)"}),
        ("escalation.raised", "waits for a person: git.push", Decision.ESCALATE, {"escalation": "e2", **asked}),
        ("escalation.decided", "approved", Decision.ALLOW, {"escalation": "e2", "decision_ms": 2000}),
        ("tool.end", "git.push", None, {"is_error": False}),
        ("session.end", "-1+\x1b[31m@SUM(\u202e)", None, {}),
    ]
    head, found = start(SESSION), []
    for number, (kind, summary, decision, data) in enumerate(rows):
        entry = Entry(
            time_us=T0 + number * 1_000_000, mono_us=number, kind=kind, summary=summary, decision=decision, data=data
        )
        line, head = link(head, entry)
        found.append(parse(line))
    return found


def test_jsonl_has_every_member() -> None:
    lines = [json.loads(line) for line in to_jsonl(records())]
    assert [line["seq"] for line in lines] == list(range(1, 14))
    assert set(lines[1]) == {*Record.__struct_fields__}
    assert "decision" not in lines[0]


def test_csv_is_read_back_and_harms_no_spreadsheet() -> None:
    text = "".join(to_csv(records()))
    rows = list(csv.reader(io.StringIO(text)))
    assert tuple(rows[0]) == CSV_COLUMNS
    assert rows[2][:9] == [
        SESSION,
        "2",
        "2026-09-21T14:13:21.000000+00:00",
        "request",
        "allow",
        "api.example.org",
        "",
        "",
        "POST api.example.org/v1",
    ]
    assert rows[9][5:8] == ["", "git", "git.push"]
    assert rows[13][8] == "'-1+\\x1b[31m@SUM(\\u202e)"
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)
    assert all(char.isprintable() or char in "\r\n" for char in text)


def test_ocsf_events_have_their_class_and_what_it_requires() -> None:
    events = [json.loads(line) for line in to_ocsf(records())]
    assert [event["class_uid"] for event in events] == [
        *(6002, 4002, 4002, 4002, 4002, 4002),
        *(6002, 6002, 6003, 6002, 6002, 6003, 6002),
    ]
    required = {"activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid"}
    for number, event in enumerate(events):
        assert required <= event.keys()
        assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"]
        assert event["time"] == T0 // 1000 + number * 1000
        assert {"product", "version"} <= event["metadata"].keys()
    assert (events[1]["activity_id"], events[1]["action_id"], events[4]["action_id"]) == (6, 1, 2)
    assert events[2]["http_response"] == {"code": 200}
    assert events[8]["api"]["operation"] == "git.push"
    assert (events[0]["activity_id"], events[-1]["activity_id"]) == (3, 4)


def test_every_format_takes_an_empty_log() -> None:
    assert {name: "".join(form([])) for name, form in FORMATS.items()} == {
        "jsonl": "",
        "csv": ",".join(CSV_COLUMNS) + "\r\n",
        "ocsf": "",
    }


def test_a_session_is_summed_up() -> None:
    report = summarise(records())
    assert (report.records, report.last_us - report.first_us) == (13, 12_000_000)
    assert report.decisions == {"allow": 2, "deny": 2}
    assert report.tools == [("git.push", 1)]
    assert report.denied == [("CONNECT evil.test:443", 2)]
    assert [(host.host, host.requests, host.bytes_up, host.bytes_down) for host in report.hosts] == [
        ("api.example.org", 2, 11, 90)
    ]
    assert (report.input_tokens, report.output_tokens, report.cached_tokens) == (100, 20, 10)
    assert report.cost_usd == pytest.approx(0.25)
    assert (report.decision_ms, report.median_decision_ms, report.flow_errors) == ([2000, 4000], 3000, 1)
    (question,) = report.questions
    assert (question.title, question.rule, question.asked, question.approved) == ("git.push", "ask-push", 2, 2)


def test_nothing_is_summed_up_to_nothing() -> None:
    report = summarise([])
    assert (report.records, report.cost_usd, report.median_decision_ms) == (0, 0.0, None)
