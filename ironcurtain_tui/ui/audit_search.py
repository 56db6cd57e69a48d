"""Searching the audit index from the screen: the language of ``query`` for records, answered in threads."""

from __future__ import annotations

import asyncio
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise

from ironcurtain_tui.audit.directory import AuditDirectory
from ironcurtain_tui.audit.facets import Facet
from ironcurtain_tui.audit.index import TIME_SHIFT, AuditIndex, Hit, Query, decisions_of
from ironcurtain_tui.audit.log import CHECKPOINT
from ironcurtain_tui.events import Decision
from ironcurtain_tui.ui import query
from ironcurtain_tui.ui.query import FilterError, Term

FIELDS = ("kind", "decision", "server", "tool", "host", "session", *query.TIMES)
SYNTAX = (
    ("word", 'A word of the record begins like this; "several words" stand next to each other'),
    ("kind:", "request, tunnel, tool, escalation, session, ... or a part of such a name"),
    ("decision:", "allow, deny, escalate, answer"),
    ("host: server: tool:", "That name contains the value"),
    ("session:", "The session's id begins like this"),
    ("since: until:", "10m, 2h, 3d (ago), 14:30, 2026-01-31, 2026-01-31T14:30"),
    ("!term, -term", "The opposite"),
    ("host:a host:b", "The same field again: either will do"),
)
BUCKETS = 60
FIRST = 200
FEW = 50_000
"""Records that are found anew as a whole in no time."""
LATE = 5_000_000 << TIME_SHIFT
"""How much older than the newest a record may be that is indexed after it: other sessions' come a moment later."""
KNOWN = 10_000
"""Values of a field that a part of one is compared with."""


@dataclass(frozen=True)
class Found:
    """All records that fit, oldest first, and what was decided in them."""

    ids: array[int]
    decisions: dict[str, int]
    series: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """Of each decision, how often it was made in BUCKETS stretches of time from the oldest to the newest record."""


class AuditSearch:
    """Two connections, each with a thread: one searches, the other reads what is in view. ``close`` it."""

    def __init__(self, directory: AuditDirectory) -> None:
        self._directory = directory
        self._searching = ThreadPoolExecutor(1, "audit-search")
        self._reading = ThreadPoolExecutor(1, "audit-read")
        self._indexes: dict[ThreadPoolExecutor, AuditIndex] = {}

    def close(self) -> None:
        """Let go of the index, once what runs is done."""
        for executor in (self._searching, self._reading):
            executor.submit(self._close_index, executor)
            executor.shutdown(wait=False)

    async def newest(self, text: str, now: float) -> Found:
        """The newest FIRST records that fit, at once; raises as ``find``."""
        return await self._run(self._searching, lambda index: _newest(index, text, now))

    async def find(self, text: str, now: float) -> Found:
        """Search. FilterError when the filter cannot be understood, UserFacingError when the index cannot be used."""
        return await self._run(self._searching, lambda index: _find(index, text, now))

    async def more(self, text: str, now: float, found: Found) -> Found:
        """What fits by now, when ``found`` did before: looks at the last seconds only. Raises as ``find``."""
        return await self._run(self._searching, lambda index: _more(index, text, now, found))

    async def read(self, ids: Sequence[int]) -> list[Hit]:
        """The records with these ids. UserFacingError as above."""
        return await self._run(self._reading, lambda index: index.read(ids))

    async def checkpoint_after(self, hit: Hit) -> Hit | None:
        """The checkpoint that signs ``hit``, if there is one by now."""
        wanted = Query(kinds=(CHECKPOINT,), sessions=(hit.session,))

        def look(index: AuditIndex) -> Hit | None:
            found = index.oldest(wanted, 1, after=hit.id - 1)
            return found[0] if found else None

        return await self._run(self._reading, look)

    async def _run[T](self, executor: ThreadPoolExecutor, ask: Callable[[AuditIndex], T]) -> T:
        def work() -> T:
            if executor not in self._indexes:
                self._indexes[executor] = AuditIndex(self._directory)
            return ask(self._indexes[executor])

        return await asyncio.get_running_loop().run_in_executor(executor, work)

    def _close_index(self, executor: ThreadPoolExecutor) -> None:
        if (index := self._indexes.pop(executor, None)) is not None:
            index.close()


def to_query(terms: Sequence[Term], known: Callable[[Facet], Sequence[str]], now: float) -> Query:
    """What to ask the index; ``known`` are the values there are of a field. FilterError when a term means nothing."""
    text, since, until = [], None, None
    values: dict[str, list[str]] = {}
    for term in terms:
        match term.field:
            case query.TEXT:
                text.append(f'"{term.value}"' if " " in term.value else term.value)
            case "since":
                since = int(query.moment(term.value, now) * 1e6)
            case "until":
                until = int(query.end_of(term.value, now) * 1e6)
            case name:
                values.setdefault(name, []).extend(_fitting(Facet(name), term.value, known))
    return Query(
        text=" ".join(text),
        kinds=tuple(values.get("kind", ())),
        decisions=tuple(Decision(value) for value in values.get("decision", ())),
        servers=tuple(values.get("server", ())),
        tools=tuple(values.get("tool", ())),
        hosts=tuple(values.get("host", ())),
        sessions=tuple(values.get("session", ())),
        since_us=since,
        until_us=until,
    )


def _fitting(facet: Facet, value: str, known: Callable[[Facet], Sequence[str]]) -> list[str]:
    """The values of a field that ``value`` stands for: itself if there are none, which then finds nothing."""
    if facet is Facet.DECISION:
        if value not in {*Decision}:
            raise FilterError(f"{value} is no decision: write {', '.join(Decision)}")
        return [value]
    if facet is Facet.SESSION:
        return [one for one in known(facet) if one.startswith(value)] or [value]
    return [one for one in known(facet) if value in one.casefold()] or [value]


def _newest(index: AuditIndex, text: str, now: float) -> Found:
    terms = query.terms(text, FIELDS)
    if any(term.negated for term in terms):
        return _find(index, text, now)
    hits = index.newest(to_query(terms, _known(index), now), FIRST)
    return Found(array("q", (hit.id for hit in reversed(hits))), {})


def _known(index: AuditIndex) -> Callable[[Facet], Sequence[str]]:
    return lambda facet: [value for value, _ in index.tally(facet, most=KNOWN)]


def _find(index: AuditIndex, text: str, now: float) -> Found:
    terms, known = query.terms(text, FIELDS), _known(index)
    ids = index.ids(to_query([term for term in terms if not term.negated], known, now))
    for term in terms:
        if term.negated:
            unwanted = set(index.ids(to_query([term], known, now)))
            ids = array("q", (one for one in ids if one not in unwanted))
    series = _series(ids)
    return Found(ids, {name: sum(counts) for name, counts in series.items()}, series)


def _more(index: AuditIndex, text: str, now: float, found: Found) -> Found:
    terms = query.terms(text, FIELDS)
    if len(found.ids) < FEW or any(term.negated for term in terms):
        return _find(index, text, now)
    begin = found.ids[-1] - LATE
    place = bisect_right(found.ids, begin)
    newer = index.ids(to_query(terms, _known(index), now), begin)
    before, after = decisions_of(found.ids[place:]), decisions_of(newer)
    counts = {one: found.decisions.get(one, 0) - before.get(one, 0) + after.get(one, 0) for one in ("", *Decision)}
    return Found(found.ids[:place] + newer, counts, found.series)


def _series(ids: array[int]) -> dict[str, tuple[int, ...]]:
    if not ids:
        return {}
    first, last = ids[0], ids[-1] + 1
    edges = [bisect_left(ids, first + (last - first) * number // BUCKETS) for number in range(BUCKETS)] + [len(ids)]
    view = memoryview(ids)
    counts = [decisions_of(view[begin:end]) for begin, end in pairwise(edges)]
    return {name: tuple(one.get(name, 0) for one in counts) for name in ("", *Decision)}
