"""Logs in forms other programs read: JSON Lines as they are, CSV, and events of the Open Cybersecurity Schema
Framework (OCSF 1.3, schema.ocsf.io)."""

from __future__ import annotations

import csv
import datetime
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping

from ironcurtain_tui import __version__
from ironcurtain_tui.audit.chain import Record, canonical
from ironcurtain_tui.audit.facets import Facet, facets
from ironcurtain_tui.events import Decision

CSV_COLUMNS = (
    "session",
    "seq",
    "time",
    "kind",
    "decision",
    "host",
    "server",
    "tool",
    "summary",
    "reason",
    "rule",
    "hash",
    "data",
)
_OCSF_VERSION = "1.3.0"
_METHODS = {"CONNECT": 1, "DELETE": 2, "GET": 3, "HEAD": 4, "OPTIONS": 5, "POST": 6, "PUT": 7, "TRACE": 8}
"""activity_id of HTTP Activity; 99 is Other."""


def to_jsonl(records: Iterable[Record]) -> Iterator[str]:
    """One JSON document a record, with every member (the chained bytes themselves are in the log)."""
    for record in records:
        members = {name: getattr(record, name) for name in record.__struct_fields__}
        yield canonical({name: value for name, value in members.items() if value is not None}).decode() + "\n"


def to_csv(records: Iterable[Record]) -> Iterator[str]:
    """RFC 4180 with a header; cells are printable and none is taken for a formula by a spreadsheet."""
    yield _row(CSV_COLUMNS)
    for record in records:
        about = facets(record)
        yield _row(
            _cell(value)
            for value in (
                record.session,
                str(record.seq),
                _iso(record.time_us),
                record.kind,
                record.decision or "",
                about.get(Facet.HOST, ""),
                about.get(Facet.SERVER, ""),
                about.get(Facet.TOOL, ""),
                record.summary,
                str(record.data.get("reason", "")),
                str(record.data.get("rule", "")),
                record.hash,
                json.dumps(record.data, sort_keys=True),
            )
        )


def to_ocsf(records: Iterable[Record]) -> Iterator[str]:
    """One OCSF event a line: HTTP Activity, API Activity (tool calls), or Application Lifecycle."""
    for record in records:
        yield json.dumps(_ocsf(record), separators=(",", ":")) + "\n"


FORMATS: Mapping[str, Callable[[Iterable[Record]], Iterator[str]]] = {
    "jsonl": to_jsonl,
    "csv": to_csv,
    "ocsf": to_ocsf,
}


def _ocsf(record: Record) -> dict[str, object]:
    about = facets(record)
    action = record.data.get("action")
    asked = action if isinstance(action, Mapping) else record.data
    if Facet.HOST in about:
        method = str(asked.get("method", "CONNECT"))
        number, category, activity = 4002, 4, _METHODS.get(method, 99)
        path = str(asked.get("path", ""))
        special: dict[str, object] = {
            "http_request": {
                "http_method": method,
                "url": {"scheme": "https", "hostname": about[Facet.HOST], "port": asked.get("port"), "path": path},
            },
            "dst_endpoint": {"hostname": about[Facet.HOST], "port": asked.get("port")},
        }
        if isinstance(status := record.data.get("status"), int):
            special["http_response"] = {"code": status}
    elif Facet.TOOL in about:
        number, category, activity = 6003, 6, 99
        special = {
            "api": {"operation": about[Facet.TOOL], "service": {"name": about[Facet.SERVER]}},
            "src_endpoint": {"name": record.session},
        }
    else:
        number, category, activity = 6002, 6, {"session.start": 3, "session.end": 4}.get(record.kind, 99)
        special = {"app": {"name": "ironcurtain-tui", "vendor_name": "IronCurtain", "version": __version__}}
    allowed = record.decision in {Decision.ALLOW, Decision.ANSWER}
    denied = record.decision is Decision.DENY
    return {
        "activity_id": activity,
        "category_uid": category,
        "class_uid": number,
        "type_uid": number * 100 + activity,
        "time": record.time_us // 1000,
        "severity_id": 3 if denied else 1,
        "status_id": 2 if denied else 1 if allowed else 0,
        "message": record.summary,
        "actor": {"app_name": "agent", "session": {"uid": record.session}},
        **({"action_id": 1 if allowed else 2, "disposition_id": 1 if allowed else 2} if allowed or denied else {}),
        **special,
        "metadata": {
            "version": _OCSF_VERSION,
            "product": {"name": "ironcurtain-tui", "vendor_name": "IronCurtain", "version": __version__},
            "uid": f"{record.session}-{record.seq}",
            "correlation_uid": record.session,
            "sequence": record.seq,
            "log_name": "audit",
            "event_code": record.kind,
            "profiles": ["security_control"],
        },
        "unmapped": {"hash": record.hash, "prev": record.prev, "mono_us": record.mono_us, "data": record.data},
    }


def _row(cells: Iterable[str]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(list(cells))
    return text.getvalue()


def _cell(text: str) -> str:
    printable = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
    return f"'{printable}" if printable.startswith(("=", "+", "-", "@")) else printable


def _iso(time_us: int) -> str:
    moment = datetime.datetime.fromtimestamp(0, datetime.UTC) + datetime.timedelta(microseconds=time_us)
    return moment.isoformat(timespec="microseconds")
