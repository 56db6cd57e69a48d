"""The index finds what the logs hold, in the order of time, and never says what they do not."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ironcurtain_tui.audit.chain import Entry, Record, link, parse, start
from ironcurtain_tui.audit.directory import AuditDirectory
from ironcurtain_tui.audit.facets import Facet, facets
from ironcurtain_tui.audit.index import AuditIndex, Hit, Query
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.events import Decision
from ironcurtain_tui.paths import private_directory

ONE, TWO = "000000000001", "000000000002"
T0 = 1_790_000_000_000_000


def request(time_us: int, host: str, path: str, decision: Decision = Decision.ALLOW) -> Entry:
    action = {"action": "http", "host": host, "port": 443, "method": "GET", "path": path}
    summary = f"GET {host}{path}"
    return Entry(
        time_us=time_us,
        mono_us=1,
        kind="request",
        summary=summary,
        decision=decision,
        data={"action": action, "reason": "why not"},
    )


def call(time_us: int, server: str, tool: str, **arguments: object) -> Entry:
    action = {"action": "tool", "server": server, "tool": tool, "arguments": arguments}
    summary = f"{server}.{tool}"
    return Entry(
        time_us=time_us, mono_us=1, kind="tool", summary=summary, decision=Decision.ESCALATE, data={"action": action}
    )


def note(time_us: int, kind: str, summary: str) -> Entry:
    return Entry(time_us=time_us, mono_us=1, kind=kind, summary=summary)


def write(audit: AuditDirectory, session: str, *entries: Entry) -> list[Record]:
    path = audit.log(session)
    private_directory(path.parent)
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    head = start(session)
    if lines:
        last = parse(lines[-1])
        head = type(head)(session, last.seq, last.hash)
    new = []
    for entry in entries:
        line, head = link(head, entry)
        new.append(line)
    with path.open("ab") as file:
        file.write(b"".join(new))
    return [parse(line) for line in new]


@pytest.fixture
def audit(tmp_path: Path) -> AuditDirectory:
    audit = AuditDirectory(tmp_path)
    write(
        audit,
        ONE,
        request(T0 + 10, "api.anthropic.com", "/v1/messages"),
        request(T0 + 30, "evil.test", "/Upload/Ünïcode", Decision.DENY),
        call(T0 + 50, "git", "push", remote="origin", branch="feature_login"),
        note(T0 + 70, "escalation.decided", "approved by the person: git.push"),
    )
    write(
        audit,
        TWO,
        request(T0 + 20, "api.anthropic.com", "/v1/models"),
        note(T0 + 40, "tool.end", "git.status"),
        note(T0 + 30, "session.end", "the clock was set back"),
    )
    return audit


@pytest.fixture
def index(audit: AuditDirectory) -> Iterator[AuditIndex]:
    with AuditIndex(audit) as index:
        index.refresh()
        yield index


def seqs(hits: list[Hit]) -> list[tuple[str, int]]:
    return [(hit.session[-1], hit.record.seq if hit.record else -1) for hit in hits]


def test_all_sessions_in_the_order_of_time(index: AuditIndex) -> None:
    order = [("1", 1), ("2", 1), ("1", 2), ("2", 3), ("2", 2), ("1", 3), ("1", 4)]
    found = seqs(index.oldest(Query(), 100))
    assert sorted(found[2:4]) == [("1", 2), ("2", 3)]  # at the same microsecond
    assert found[:2] + found[4:] == order[:2] + order[4:]
    assert seqs(index.newest(Query(), 100)) == found[::-1]
    assert index.count(Query()) == 7


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (Query(kinds=("request",)), [("1", 1), ("2", 1), ("1", 2)]),
        (Query(kinds=("escalation",)), [("1", 4)]),
        (Query(kinds=("tool",)), [("2", 2), ("1", 3)]),
        (Query(kinds=("escalation.decided", "session.end")), [("2", 3), ("1", 4)]),
        (Query(decisions=(Decision.DENY,)), [("1", 2)]),
        (Query(decisions=(Decision.DENY, Decision.ESCALATE)), [("1", 2), ("1", 3)]),
        (Query(hosts=("api.anthropic.com",)), [("1", 1), ("2", 1)]),
        (Query(servers=("git",)), [("2", 2), ("1", 3)]),
        (Query(tools=("git.push",)), [("1", 3)]),
        (Query(sessions=(TWO,), kinds=("request",)), [("2", 1)]),
        (Query(since_us=T0 + 20, until_us=T0 + 30), [("2", 1)]),
        (Query(text="messages"), [("1", 1)]),
        (Query(text="unicode upload"), [("1", 2)]),
        (Query(text="/v1/mo"), [("2", 1)]),
        (Query(text="feature_login"), [("1", 3)]),
        (Query(text='"by the person"'), [("1", 4)]),
        (Query(text='"person by"'), []),
        (Query(text="git", kinds=("tool",)), [("2", 2), ("1", 3)]),
        (Query(text="why", hosts=("evil.test",), decisions=(Decision.DENY,)), [("1", 2)]),
        (Query(text="tags : t1 OR NOT ("), []),
        (Query(text='un"balanced'), []),
        (Query(text=" ( * "), None),
        (Query(hosts=("nowhere.test",)), []),
        (Query(kinds=("esc",)), []),
    ],
)
def test_filters_and_text(index: AuditIndex, query: Query, expected: list[tuple[str, int]] | None) -> None:
    found = seqs(index.oldest(query, 100))
    if expected is None:
        expected = seqs(index.oldest(Query(), 100))
    assert found == expected
    assert seqs(index.newest(query, 100)) == expected[::-1]
    assert index.count(query) == len(expected)


def test_pages_join_without_gap_or_overlap(index: AuditIndex) -> None:
    pages, before = [], None
    while page := index.newest(Query(), 2, before):
        pages += page
        before = page[-1].id
    assert seqs(pages) == seqs(index.newest(Query(), 100))


def test_what_is_new_comes_in_without_reading_the_old_again(audit: AuditDirectory, index: AuditIndex) -> None:
    assert index.refresh() == 0
    last = index.newest(Query(), 1)[0]
    write(audit, ONE, request(T0 + 90, "packages.example", "/simple/", Decision.ANSWER))
    assert index.refresh() == 1
    assert seqs(index.oldest(Query(), 10, after=last.id)) == [("1", 5)]
    write(audit, "000000000003", note(T0 + 1, "session.start", "another"))
    assert index.refresh() == 1
    assert index.count(Query()) == 9


def test_an_unfinished_line_waits(audit: AuditDirectory, index: AuditIndex) -> None:
    whole = audit.log(ONE).read_bytes()
    write(audit, ONE, note(T0 + 95, "test", "unfinished"))
    longer = audit.log(ONE).read_bytes()
    audit.log(ONE).write_bytes(longer[:-5])
    assert index.refresh() == 0
    audit.log(ONE).write_bytes(longer)
    assert index.refresh() == 1
    assert longer.startswith(whole)


def test_counts(index: AuditIndex) -> None:
    assert index.tally(Facet.HOST) == [("api.anthropic.com", 2), ("evil.test", 1)]
    assert index.tally(Facet.HOST, Query(sessions=(TWO,))) == [("api.anthropic.com", 1)]
    assert dict(index.tally(Facet.SESSION)) == {ONE: 4, TWO: 3}


def test_a_changed_log_is_not_shown_as_it_was(audit: AuditDirectory, index: AuditIndex) -> None:
    audit.log(ONE).write_bytes(audit.log(ONE).read_bytes().replace(b"evil.test", b"good.test"))
    hits = index.newest(Query(hosts=("evil.test",)), 10)
    assert [(hit.record, hit.problem) for hit in hits] == [(None, "the log was changed here since it was indexed")]
    audit.log(ONE).unlink()
    assert "gone" in index.newest(Query(hosts=("evil.test",)), 10)[0].problem


@pytest.mark.parametrize("harm", ["removed", "shorter", "replaced"])
def test_a_log_that_is_another_is_indexed_anew(audit: AuditDirectory, index: AuditIndex, harm: str) -> None:
    if harm == "removed":
        audit.log(ONE).unlink()
    elif harm == "shorter":
        audit.log(ONE).write_bytes(b"".join(audit.log(ONE).read_bytes().splitlines(keepends=True)[:2]))
    else:
        audit.log(ONE).unlink()
        write(audit, ONE, *(note(T0 + number, "other", "x" * 300) for number in range(9)))
    index.refresh()
    remaining = {"removed": 3, "shorter": 5, "replaced": 12}[harm]
    assert index.count(Query()) == remaining
    assert all(hit.record for hit in index.newest(Query(), 100))


def test_a_damaged_or_older_index_is_built_anew(audit: AuditDirectory, index: AuditIndex) -> None:
    index.close()
    audit.index_path.write_bytes(b"this is no database" * 1000)
    with AuditIndex(audit) as again:
        assert again.refresh() == 7
        again.rebuild()
        assert (again.count(Query()), again.refresh(), again.count(Query())) == (0, 7, 7)
    assert audit.index_path.stat().st_mode & 0o777 == 0o600


def test_an_index_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    audit = AuditDirectory(tmp_path)
    audit.index_path.mkdir(parents=True)
    with pytest.raises(UserFacingError, match="Cannot open the index"):
        AuditIndex(audit)


def test_a_line_that_is_no_record_does_not_stop_it(audit: AuditDirectory) -> None:
    with audit.log(ONE).open("ab") as file:
        file.write(b"garbage\n")
    write(audit, TWO, note(T0 + 99, "test", "later"))
    with AuditIndex(audit) as index:
        index.refresh()
        assert index.count(Query()) == 8


def test_two_at_once_share_the_file(audit: AuditDirectory, index: AuditIndex) -> None:
    with AuditIndex(audit) as other:
        assert other.refresh() == 0
        write(audit, ONE, note(T0 + 99, "test", "later"))
        assert (other.refresh(), index.refresh()) == (1, 0)
        assert index.count(Query(text="later")) == 1


def test_one_may_begin_anew_while_another_goes_on(audit: AuditDirectory, index: AuditIndex) -> None:
    with AuditIndex(audit) as other:
        other.rebuild()
        assert other.tally(Facet.HOST) == []
        other.refresh()
    write(audit, ONE, request(T0 + 99, "evil.test", "/again", Decision.DENY))
    index.refresh()
    assert seqs(index.oldest(Query(hosts=("evil.test",)), 10)) == [("1", 2), ("1", 5)]
    assert index.tally(Facet.HOST)[0] == ("api.anthropic.com", 2)


def test_whatever_is_typed_can_be_searched_for(index: AuditIndex) -> None:
    @given(st.text(max_size=30) | st.text('"*():^-+{}~ \\0anNOTAND', max_size=30))
    def asked(text: str) -> None:
        assert index.count(Query(text=text)) <= 7

    asked()


def test_facets_of_other_records() -> None:
    (record,) = [
        parse(link(start(ONE), Entry(time_us=1, mono_us=1, kind="x", summary="s", data={"host": 5, "server": ""}))[0])
    ]
    assert facets(record) == {Facet.SESSION: ONE, Facet.KIND: "x", Facet.DECISION: ""}


entries = st.lists(
    st.builds(
        Entry,
        time_us=st.integers(-5, 30) | st.integers(0, 2**53),
        mono_us=st.just(1),
        kind=st.sampled_from(["a", "a.b", "b"]),
        summary=st.text(max_size=20),
        decision=st.none() | st.sampled_from(Decision),
        data=st.dictionaries(st.sampled_from(["host", "server", "x"]), st.text(max_size=9)),
    ),
    max_size=30,
)


@given(st.lists(entries, max_size=3))
@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=40)
def test_nothing_is_lost_whatever_the_times(tmp_path_factory: pytest.TempPathFactory, logs: list[list[Entry]]) -> None:
    audit = AuditDirectory(tmp_path_factory.mktemp("audit"))
    records = [record for number, log in enumerate(logs) for record in write(audit, f"{number:012x}", *log)]
    with AuditIndex(audit) as index:
        index.refresh()
        hits = index.oldest(Query(), 1000)
        assert {(hit.session, hit.record.seq) for hit in hits if hit.record} == {(r.session, r.seq) for r in records}
        assert index.count(Query(kinds=("a",))) == sum(record.kind.startswith("a") for record in records)
        for decision in Decision:
            assert index.count(Query(decisions=(decision,))) == sum(one.decision == decision for one in records)
