"""``ironcurtain-tui audit``: follow, search, show, verify, export and sum up the logs of all sessions."""

from __future__ import annotations

import argparse
import datetime
import json
import re
import sys
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import msgspec

from ironcurtain_tui import config
from ironcurtain_tui.audit.chain import ChainBroken, Record
from ironcurtain_tui.audit.directory import AuditDirectory
from ironcurtain_tui.audit.export import FORMATS, to_jsonl
from ironcurtain_tui.audit.index import AuditIndex, Hit, Query
from ironcurtain_tui.audit.reader import AuditReader, find_record
from ironcurtain_tui.audit.redact import Redactor
from ironcurtain_tui.audit.retention import finish, plan, remove
from ironcurtain_tui.audit.verify import HOLDS, LIMITS, Proof, missing_sessions, verify_log
from ironcurtain_tui.commands.report import report
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.events import Decision
from ironcurtain_tui.ui.neutralise import neutralise

POLL_SECONDS = 0.25
MANY_RECORDS = 20_000
"""After so many newly indexed records it is said how far the indexing is."""
_AGO = re.compile(r"(\d+)([smhd])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def run(options: argparse.Namespace) -> int:
    """Carry out the command; the exit code. 0 done, 1 not verified, or nothing found by ``search``."""
    directory = AuditDirectory()
    match options.audit_command:
        case "tail":
            return _tail(directory, _wanted(directory, options.session), options.lines, follow=options.follow)
        case "search":
            return _search(directory, options)
        case "show":
            return _show(directory, directory.find(options.session), options.number)
        case "verify":
            return _verify(directory, options.session, options.anchor)
        case "export":
            return _export(directory, _wanted(directory, options.session), options.format, options.output)
        case "report":
            return _report(directory, options.session, everything=options.all, as_json=options.json)
        case "retention":
            return _retention(directory, dry_run=options.dry_run)
        case "redact":
            return _redact()
        case _:
            return _index(directory)


def _wanted(directory: AuditDirectory, session: str) -> str:
    """The session that was named, or the newest one."""
    if session:
        return directory.find(session)
    newest = max(directory.logs(), key=lambda one: one[1].stat().st_mtime, default=None)
    if newest is None:
        raise UserFacingError("There is no audit log yet.", "Start a session with `ironcurtain-tui run`.")
    return newest[0]


# --- reading -----------------------------------------------------------------------------------------


def _tail(directory: AuditDirectory, session: str, lines: int, *, follow: bool) -> int:
    reader = AuditReader(directory.log(session))
    for record in deque(_records(reader), max(0, lines)):
        _say(_line(record))
    while follow:
        for record in _records(reader):
            _say(_line(record))
        sys.stdout.flush()
        time.sleep(POLL_SECONDS)
    return 0


def _search(directory: AuditDirectory, options: argparse.Namespace) -> int:
    try:
        decisions = tuple(Decision(one) for one in options.decision)
    except ValueError as error:
        raise UserFacingError(f"{error}.", f"Known: {', '.join(Decision)}.") from error
    query = Query(
        text=" ".join(options.text),
        kinds=tuple(options.kind),
        decisions=decisions,
        servers=tuple(options.server),
        tools=tuple(options.tool),
        hosts=tuple(host.lower() for host in options.host),
        sessions=tuple(directory.find(one) for one in options.session),
        since_us=_time(options.since),
        until_us=_time(options.until),
    )
    with AuditIndex(directory) as index:
        _refresh(index)
        if options.count:
            count = index.count(query)
            _say(str(count))
            return int(not count)
        hits = index.newest(query, max(0, options.lines))
    for hit in hits:
        if options.json:
            _write(to_jsonl([hit.record] if hit.record else []))
        else:
            _say(_hit(hit))
    if not hits and not options.json:
        print("No record fits.", file=sys.stderr)
    return int(not hits)


def _show(directory: AuditDirectory, session: str, number: int) -> int:
    try:
        record = find_record(directory.log(session), number)
    except ChainBroken as error:
        raise UserFacingError(
            f"The log cannot be read there: {error}.", "Run `ironcurtain-tui audit verify`."
        ) from error
    if record is None:
        raise UserFacingError(f"Session {session} has no record {number}.", "`audit tail` shows the newest.")
    _say(json.dumps(msgspec.to_builtins(record), indent=2, ensure_ascii=True))
    proof = verify_log(directory, session)
    _say("")
    for mark, text in _standing(proof, record):
        _say(f"{mark} {text}")
    return int(not proof.ok)


def _standing(proof: Proof, record: Record) -> Iterator[tuple[str, str]]:
    """What vouches for one record of a log that was checked."""
    if proof.broken_at is not None and record.seq >= proof.broken_at:
        yield "✗", f"Not proven: {proof.verdict}"
        return
    yield "✓", f"Record {record.seq:,} of {proof.records:,}; it follows from the one before and the next from it."
    signed = record.seq <= proof.signed
    yield (("✓", "Its content is signed.") if signed else ("!", "No checkpoint has signed it yet."))
    attested = record.seq <= proof.attested
    yield (("✓", "The ledger vouches for it.") if attested else ("!", "The ledger does not vouch for it yet."))
    if not proof.ok:
        yield "✗", f"The log is broken behind it: {proof.verdict}"


def _line(record: Record) -> str:
    decision = record.decision or "·"
    return f"{record.seq:>7}  {_clock(record.time_us)}  {decision:<8}  {record.kind:<20}  {record.summary}"


def _hit(hit: Hit) -> str:
    return f"{hit.session}  {_line(hit.record)}" if hit.record else f"{hit.session}  ✗ {hit.problem}"


def _records(reader: AuditReader) -> Iterator[Record]:
    """What can be read; a line that is no record is said."""
    while True:
        try:
            yield from reader.poll()
            return
        except ChainBroken as error:
            print(f"✗ {neutralise(str(error))}", file=sys.stderr)
        except OSError as error:
            raise UserFacingError(f"Cannot read {reader.path}: {error.strerror}.", "") from error


# --- proving -----------------------------------------------------------------------------------------


def _verify(directory: AuditDirectory, wanted: str, anchor: str) -> int:
    ledger = directory.ledger()
    good = ledger.ok
    if ledger.ok:
        _say(f"✓ ledger: {ledger.lines:,} lines, chained and signed.")
    else:
        _say(f"✗ ledger: line {ledger.broken_at}: {ledger.reason}")
    if anchor:
        number, _, digest = anchor.partition(":")
        found = next((line for lines in ledger.entries.values() for line in lines if str(line.seq) == number), None)
        if found is not None and digest and found.hash.startswith(digest):
            _say(f"✓ anchor: line {number} is the one that was noted down.")
        else:
            good = False
            _say(f"✗ anchor: line {number} is not the one that was noted down: the ledger was rolled back or replaced.")
    gone = missing_sessions(directory)
    missing = {head.session: head for head in gone}
    chosen = (
        [directory.find(wanted)] if wanted and wanted not in missing else [wanted] if wanted else directory.sessions()
    )
    for session in chosen:
        proof = verify_log(directory, session)
        good = good and proof.ok
        _say(_verdict(proof))
        for note in proof.notes:
            _say(f"    {note}")
    for head in gone if not wanted else ():
        good = False
        _say(f"✗ {head.session}: the log is missing; it had {head.seq:,} records.")
    if good:
        _say(f"\nHolds: {HOLDS}")
    _say("\nWhat a local attacker could still do:")
    for limit in LIMITS:
        _say(f"  - {limit}")
    _say(f"\nAnchor: {ledger.head.seq}:{ledger.head.hash}")
    return int(not good)


def _verdict(proof: Proof) -> str:
    if not proof.ok:
        return f"✗ {proof.session}: {proof.verdict}"
    return (
        f"✓ {proof.session}: {proof.records:,} records chained, signed to #{proof.signed:,} by {proof.checkpoints:,} "
        f"checkpoints, the ledger agrees to #{proof.attested:,}."
    )


# --- handing out -------------------------------------------------------------------------------------


def _export(directory: AuditDirectory, session: str, form: str, output: Path | None) -> int:
    lines = FORMATS[form](_records(AuditReader(directory.log(session))))
    if output is None:
        _write(lines)
        return 0
    try:
        with output.open("w", encoding="utf-8", newline="") as file:
            file.writelines(lines)
    except OSError as error:
        raise UserFacingError(f"Cannot write {output}: {error.strerror}.", "Choose another file.") from error
    return 0


def _report(directory: AuditDirectory, session: str, *, everything: bool, as_json: bool) -> int:
    chosen = directory.sessions() if everything else [_wanted(directory, session)]
    records = (record for one in chosen for record in _records(AuditReader(directory.log(one))))
    title = f"{len(chosen):,} sessions" if everything else f"Session {chosen[0]}"
    for line in report(title, records, as_json=as_json):
        _say(line)
    return 0


def _retention(directory: AuditDirectory, *, dry_run: bool) -> int:
    settings = config.load().retention
    if not (settings.max_age_days or settings.max_bytes):
        _say("No limit is set: nothing is ever removed. Set max_age_days or max_size under [retention] in config.toml.")
        return 0
    candidates = plan(directory, settings, time.time_ns() // 1000)
    notary = None if dry_run else directory.notary()
    if notary is not None:
        for session in finish(directory):
            _say(f"removed what was left of {session}")
    for one in candidates:
        what = f"{one.session}  {_moment(one.last_us)}  {one.records:>8,} records  {one.size:>12,} bytes: {one.reason}"
        if one.goes and notary is not None:
            try:
                remove(directory, notary, one)
            except OSError as error:
                raise UserFacingError(f"Cannot delete {one.session}: {error}.", "Run it again.") from error
        _say(f"{'stays  ' if not one.goes else 'would go' if dry_run else 'removed'}  {what}")
    if not candidates:
        _say("Nothing is due.")
    return 0


def _redact() -> int:
    redactor = Redactor.configured(config.load().redaction)
    sys.stdout.write(redactor.text(sys.stdin.read()))
    return 0


def _index(directory: AuditDirectory) -> int:
    with AuditIndex(directory) as index:
        index.rebuild()
        began = time.perf_counter()
        count = _refresh(index)
        index.optimise()
        _say(f"{count:,} records indexed in {time.perf_counter() - began:,.1f} s.")
    return 0


def _refresh(index: AuditIndex) -> int:
    done = 0
    while added := index.refresh(MANY_RECORDS):
        done += added
        if done > MANY_RECORDS and sys.stderr.isatty():
            print(f"\r{done:,} records indexed ", end="", file=sys.stderr, flush=True)
    return done


def _time(text: str) -> int | None:
    """Microseconds since the epoch of what a person wrote; None for nothing."""
    if not text:
        return None
    if ago := _AGO.fullmatch(text):
        return int((time.time() - int(ago[1]) * _UNITS[ago[2]]) * 1e6)
    try:
        if re.fullmatch(r"\d\d?:\d\d(:\d\d)?", text):
            clock = datetime.time.fromisoformat(text.zfill(5))
            moment = datetime.datetime.combine(datetime.date.today(), clock)  # noqa: DTZ011 -- the person's own day
        else:
            moment = datetime.datetime.fromisoformat(text)
    except ValueError as error:
        raise UserFacingError(f"{text!r} is no time.", "Write 2026-11-21T14:00, 14:00, or 30m, 2h, 7d ago.") from error
    return int(moment.timestamp() * 1e6)


def _moment(time_us: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(time_us / 1e6))


def _clock(time_us: int) -> str:
    return time.strftime("%m-%d %H:%M:%S", time.localtime(time_us / 1e6))


def _say(text: str) -> None:
    """Print what may hold the agent's words."""
    print("\n".join(neutralise(line) for line in text.split("\n")))


def _write(lines: Iterator[str]) -> None:
    for line in lines:
        sys.stdout.write(line)
