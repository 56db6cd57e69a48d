"""The index over all sessions' logs: SQLite with full-text search, built from the logs and never trusted over them.

Only places are kept: every record is read from its log and compared with the hash that was seen when it was
indexed. A record's id is its time (microseconds, shifted by TIME_SHIFT), counted up where it is taken, and in its
lowest bits what was decided: the order of ids is the order in time, and counting over time needs nothing but ids. What
can be filtered by is a word of the full-text index too (``t12`` for the facet with id 12), so any mix of filters and
text is one look at it. The file can be deleted at any time.
"""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import threading
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from ironcurtain_tui.audit.chain import ChainBroken, Record, digest, parse
from ironcurtain_tui.audit.directory import AuditDirectory
from ironcurtain_tui.audit.facets import Facet, body, facets
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.events import Decision, Value

SCHEMA_VERSION = 1
TIME_SHIFT = 11
LATEST_US = (1 << 52) - 1
_DECISIONS = ("", *Decision)
_DECISION_MASK = 7
BATCH = 4096
"""Records a transaction."""
_SCHEMA = """
CREATE TABLE logs(id INTEGER PRIMARY KEY, session TEXT UNIQUE, offset INTEGER, hash TEXT);
CREATE TABLE records(id INTEGER PRIMARY KEY, log INTEGER, offset INTEGER, length INTEGER, hash BLOB);
CREATE TABLE facets(id INTEGER PRIMARY KEY, name TEXT, value TEXT, records INTEGER DEFAULT 0, UNIQUE(name, value));
CREATE VIRTUAL TABLE search USING fts5(body, tags, content='', columnsize=0,
    tokenize="unicode61 remove_diacritics 2 tokenchars '_'");
"""


class Query(Value, frozen=True):
    """What to look for; what is left empty does not limit."""

    text: str = ""
    """Words that must all occur, each also as the beginning of one; ``"in quotes"`` next to each other."""
    kinds: tuple[str, ...] = ()
    """``request``, or a whole family: ``escalation`` is also ``escalation.raised``."""
    decisions: tuple[Decision, ...] = ()
    servers: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    """``server.tool``"""
    hosts: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    since_us: int | None = None
    until_us: int | None = None
    """Exclusive."""


class Hit(Value, frozen=True):
    """A record that was found."""

    id: int
    """Its place in the order of time; pages begin before or after one."""
    session: str
    record: Record | None
    problem: str = ""
    """Why there is no record: the log does not hold any more what was indexed."""


def time_of(identity: int) -> float:
    """The time of the record with this id, in seconds since the epoch."""
    return (identity >> TIME_SHIFT) / 1e6


def decisions_of(ids: Iterable[int]) -> dict[str, int]:
    """How many of the records with these ids have each decision; an empty one where nothing was decided."""
    counts = Counter(map(_DECISION_MASK.__and__, ids))
    return {_DECISIONS[number]: count for number, count in counts.items()}


class AuditIndex:
    """Open it, ``refresh`` it until there is nothing new, ask. Close it. Safe to use from several threads."""

    def __init__(self, directory: AuditDirectory) -> None:
        """Open or create the index; UserFacingError when that is impossible."""
        self._directory = directory
        self._lock = threading.RLock()
        self._facet_ids: dict[tuple[str, str], int] = {}
        directory.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            try:
                self._db = _connect(directory.index_path)
            except sqlite3.DatabaseError:
                for suffix in ("", "-wal", "-shm"):
                    Path(f"{directory.index_path}{suffix}").unlink(missing_ok=True)
                self._db = _connect(directory.index_path)
        except (sqlite3.Error, OSError) as error:
            raise UserFacingError(
                f"Cannot open the index {directory.index_path}: {error}.", "Free space, or remove the file."
            ) from error

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._db.close()

    def __enter__(self) -> AuditIndex:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- building ------------------------------------------------------------------------------------

    def refresh(self, limit: int | None = None) -> int:
        """Take in what the logs hold by now, at most about ``limit`` records; how many were taken in.

        A log that is gone, shorter, or does not go on from where it was makes the index begin anew.
        """
        done = 0
        with self._lock, self._failures():
            present = dict(self._directory.logs())
            if self._outdated(present):
                self.rebuild()
            for session, path in present.items():
                while limit is None or done < limit:
                    added = self._take_in(session, path)
                    done += added
                    if added < BATCH:
                        break
        return done

    def rebuild(self) -> None:
        """Forget everything; ``refresh`` reads it from the logs again."""
        with self._lock, self._failures(), self._transaction():
            self._db.execute("INSERT INTO search(search) VALUES('delete-all')")
            self._db.execute("DELETE FROM records")
            self._db.execute("DELETE FROM logs")
            self._db.execute("UPDATE facets SET records = 0")  # their ids stay: other programs remember them

    def optimise(self) -> None:
        """Merge the full-text index into one piece, after a lot was added."""
        with self._lock, self._failures(), self._transaction():
            self._db.execute("INSERT INTO search(search) VALUES('optimize')")

    def _outdated(self, present: Mapping[str, Path]) -> bool:
        """Whether a log that was indexed is gone, shorter, or goes on otherwise than from where it was."""
        for session, offset, last in self._db.execute("SELECT session, offset, hash FROM logs"):
            if session not in present:
                return True
            try:
                if present[session].stat().st_size == offset:
                    continue
                with present[session].open("rb") as file:
                    file.seek(max(0, offset - len(end := f'{last}"}}\n'.encode())))
                    if last and file.read(len(end)) != end:
                        return True
            except OSError:
                return True
        return False

    def _take_in(self, session: str, path: Path) -> int:
        """Index up to BATCH new records of one log; how many lines that were."""
        with self._transaction():
            row = self._db.execute("SELECT id, offset, hash FROM logs WHERE session = ?", (session,)).fetchone()
            log, offset, last = row or (None, 0, "")
            try:
                lines = _read_lines(path, offset)
            except OSError:
                return 0
            if not lines:
                return 0
            if log is None:
                log = self._db.execute("INSERT INTO logs(session) VALUES(?)", (session,)).lastrowid
            seen: Counter[int] = Counter()
            for line in lines:
                if (record := _record(line)) is not None:
                    seen.update(self._add(int(log or 0), record, offset, line))
                last = record.hash if record else ""
                offset += len(line)
            more = [(count, facet) for facet, count in seen.items()]
            self._db.executemany("UPDATE facets SET records = records + ? WHERE id = ?", more)
            self._db.execute("UPDATE logs SET offset = ?, hash = ? WHERE id = ?", (offset, last, log))
            return len(lines)

    def _add(self, log: int, record: Record, offset: int, line: bytes) -> list[int]:
        number = min(max(record.time_us, 0), LATEST_US) << TIME_SHIFT | _DECISIONS.index(record.decision or "")
        insert = "INSERT OR IGNORE INTO records(id, log, offset, length, hash) VALUES(?, ?, ?, ?, ?)"
        seen = bytes.fromhex(digest(line))
        while not self._db.execute(insert, (number, log, offset, len(line), seen)).rowcount:
            number += _DECISION_MASK + 1
        ids = [self._facet_id(facet, value) for facet, value in facets(record).items()]
        tags = " ".join(f"t{one}" for one in ids)
        self._db.execute("INSERT INTO search(rowid, body, tags) VALUES(?, ?, ?)", (number, body(record), tags))
        return ids

    def _facet_id(self, facet: Facet, value: str) -> int:
        known = self._facet_ids.get((facet, value))
        if known is None:
            self._db.execute("INSERT OR IGNORE INTO facets(name, value) VALUES(?, ?)", (facet, value))
            wanted = "SELECT id FROM facets WHERE name = ? AND value = ?"
            known = int(self._db.execute(wanted, (facet, value)).fetchone()[0])
            self._facet_ids[facet, value] = known
        return known

    # --- asking --------------------------------------------------------------------------------------

    def newest(self, query: Query, limit: int, before: int | None = None) -> list[Hit]:
        """The newest records that fit, newest first; ``before`` the one with this id, for the next page."""
        return self._page(query, limit, "DESC", None, before)

    def oldest(self, query: Query, limit: int, after: int | None = None) -> list[Hit]:
        """The oldest records that fit, oldest first, ``after`` the one with this id: what came in since."""
        return self._page(query, limit, "ASC", after, None)

    def count(self, query: Query) -> int:
        """How many records fit."""
        source = self._source(query)
        if source is None:
            return 0
        with self._lock, self._failures():
            where, values = source
            return int(self._db.execute(f"SELECT count(*) {where}", values).fetchone()[0])

    def tally(self, facet: Facet, query: Query | None = None, most: int = 50) -> list[tuple[str, int]]:
        """The most frequent values of ``facet`` and how many records (that fit) have each, most first."""
        with self._lock, self._failures():
            rows = self._db.execute(
                "SELECT value, records FROM facets WHERE name = ? AND records > 0 ORDER BY records DESC, value LIMIT ?",
                (facet, most),
            ).fetchall()
            if query is None or query == Query():
                return [(value, count) for value, count in rows]
            counts = [(value, self._count_with(query, facet, value)) for value, _ in rows]
        return sorted((one for one in counts if one[1]), key=lambda one: (-one[1], one[0]))

    def ids(self, query: Query, after: int | None = None) -> array[int]:
        """Of all records that fit (``after`` the one with this id) the ids, oldest first: a list to page through."""
        return array("q", self._ids(query, -1, "ASC", after, None))

    def read(self, ids: Sequence[int]) -> list[Hit]:
        """The records with these ids."""
        with self._lock, self._failures():
            return self._read(ids)

    def at(self, identity: int) -> Hit | None:
        """The record with this id."""
        hits = self._read([identity])
        return hits[0] if hits else None

    def _page(self, query: Query, limit: int, order: str, after: int | None, before: int | None) -> list[Hit]:
        with self._lock, self._failures():
            return self._read(self._ids(query, limit, order, after, before))

    def _ids(self, query: Query, limit: int, order: str, after: int | None, before: int | None) -> list[int]:
        source = self._source(query)
        if source is None:
            return []
        where, values = source
        if after is not None:
            where, values = f"{where} AND rowid > ?", (*values, after)
        if before is not None:
            where, values = f"{where} AND rowid < ?", (*values, before)
        with self._lock, self._failures():
            asked = f"SELECT rowid {where} ORDER BY rowid {order} LIMIT ?"
            return [row[0] for row in self._db.execute(asked, (*values, limit))]

    def _read(self, ids: Sequence[int]) -> list[Hit]:
        """Read records from their logs, as they stand there now."""
        found = []
        with contextlib.ExitStack() as stack:
            files: dict[str, int | None] = {}
            for identity in ids:
                row = self._db.execute(
                    "SELECT session, records.offset, length, records.hash FROM records JOIN logs ON logs.id = log "
                    "WHERE records.id = ?",
                    (identity,),
                ).fetchone()
                if row is None:
                    continue
                session, offset, length, expected = row
                if session not in files:
                    files[session] = _open(self._directory.log(session), stack)
                file = files[session]
                line = b"" if file is None else os.pread(file, length, offset)
                found.append(_hit(identity, session, line, expected.hex()))
        return found

    def _count_with(self, query: Query, facet: Facet, value: str) -> int:
        source = self._source(query, (facet, value))
        if source is None:
            return 0
        where, values = source
        return int(self._db.execute(f"SELECT count(*) {where}", values).fetchone()[0])

    def _source(self, query: Query, also: tuple[Facet, str] | None = None) -> tuple[str, tuple[object, ...]] | None:
        """FROM and WHERE of ``query``; None when nothing can fit."""
        terms = [f'body : "{term}" *' for term in _terms(query.text)]
        wanted: Mapping[Facet, Sequence[str]] = {
            Facet.KIND: query.kinds,
            Facet.DECISION: query.decisions,
            Facet.SERVER: query.servers,
            Facet.TOOL: query.tools,
            Facet.HOST: query.hosts,
            Facet.SESSION: query.sessions,
        }
        groups = [(facet, values) for facet, values in wanted.items() if values]
        if also is not None:
            groups.append((also[0], (also[1],)))
        for facet, values in groups:
            tags = [f"t{one}" for one in self._tags(facet, values)]
            if not tags:
                return None
            terms.append(f"tags : ({' OR '.join(tags)})")
        begin = -1 if query.since_us is None else max(query.since_us, 0) << TIME_SHIFT
        end = (LATEST_US + 1 if query.until_us is None else min(query.until_us, LATEST_US + 1)) << TIME_SHIFT
        between = "rowid >= ? AND rowid < ?"
        end = min(end, (1 << 63) - 1)
        if not terms:
            return f"FROM records WHERE {between}", (begin, end)
        return f"FROM search WHERE search MATCH ? AND {between}", (" AND ".join(terms), begin, end)

    def _tags(self, facet: Facet, values: Sequence[str]) -> Iterator[int]:
        exactly = "SELECT id FROM facets WHERE name = ? AND value = ?"
        family = "SELECT id FROM facets WHERE name = ? AND value >= ? AND value < ?"
        for value in values:
            yield from (row[0] for row in self._db.execute(exactly, (facet, value)))
            if facet is Facet.KIND:
                yield from (row[0] for row in self._db.execute(family, (facet, f"{value}.", f"{value}/")))

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            self._facet_ids.clear()
            raise
        self._db.execute("COMMIT")

    @contextlib.contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise UserFacingError(
                f"The index {self._directory.index_path} cannot be used: {error}.",
                "Remove the file: it is built anew from the logs.",
            ) from error


def _connect(path: Path) -> sqlite3.Connection:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    os.close(descriptor)
    db = sqlite3.connect(path, timeout=30.0, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = OFF")  # what a crash spoils is built anew
    db.execute("PRAGMA cache_size = -65536")
    db.execute("BEGIN IMMEDIATE")
    with db:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, SCHEMA_VERSION):
            raise sqlite3.DatabaseError("it is of another version")
        if version == 0:
            for statement in _SCHEMA.split(";\n"):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    return db


def _read_lines(path: Path, offset: int) -> list[bytes]:
    lines = []
    with path.open("rb") as file:
        file.seek(offset)
        for line in file:
            if not line.endswith(b"\n"):
                break
            lines.append(line)
            if len(lines) == BATCH:
                break
    return lines


def _record(line: bytes) -> Record | None:
    """None for a line that is no record: verifying tells."""
    try:
        return parse(line)
    except ChainBroken:
        return None


def _open(path: Path, stack: contextlib.ExitStack) -> int | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    stack.callback(os.close, descriptor)
    return descriptor


def _hit(identity: int, session: str, line: bytes, expected: str) -> Hit:
    if not line:
        return Hit(id=identity, session=session, record=None, problem="the log is gone or shorter")
    if digest(line) != expected:
        return Hit(id=identity, session=session, record=None, problem="the log was changed here since it was indexed")
    try:
        return Hit(id=identity, session=session, record=parse(line))
    except ChainBroken as error:
        return Hit(id=identity, session=session, record=None, problem=str(error))


def _terms(text: str) -> list[str]:
    """Words and quoted phrases of what a person typed, without what cannot be searched for."""
    found = re.findall(r'"([^"]*)"?|(\S+)', text)
    words = [re.sub('["\\0]', " ", quoted or word) for quoted, word in found]
    return [word for word in words if re.search(r"\w", word)]
