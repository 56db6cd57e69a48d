"""Verifies IronCurtain TUI audit logs with public tools only: Python and the `cryptography` package.

Usage: verify_audit.py LOG [--ledger LEDGER] [--key PUBLIC_KEY_PEM] [--anchor N:HASH]

Written from docs/audit-format.md alone; it imports nothing of the program that wrote the log. Exit code 0: all that
was given fits together. 1: it does not, and the place is named.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

TRAILER = len(',"hash":""}') + 64


def fail(path: Path, number: int, why: str) -> NoReturn:
    """Name the place and give up."""
    print(f"BROKEN {path.name} record {number}: {why}")
    sys.exit(1)


def chained(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a log or ledger, each checked against the one before it."""
    previous, session = "", ""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                print(f"note: {len(line)} bytes of an unfinished record at the end of {path.name}")
                return
            line = line[:-1]
            try:
                record = json.loads(line)
                claimed = record["hash"]
            except (ValueError, KeyError, TypeError):
                fail(path, number, "not a record")
            if hashlib.sha256(line[:-TRAILER] + b"}").hexdigest() != claimed or not line.endswith(
                f',"hash":"{claimed}"}}'.encode()
            ):
                fail(path, number, "its content does not match its hash")
            if number == 1:
                session = record["session"]
                previous = hashlib.sha256(f"ironcurtain-tui audit v1\n{session}".encode()).hexdigest()
            if record["v"] != 1 or record["session"] != session or record["seq"] != number:
                fail(path, number, "it does not belong at this place")
            if record["prev"] != previous:
                fail(path, number, "it does not follow from the record before")
            previous = claimed
            yield record


def signed(key: Ed25519PublicKey, record: dict[str, Any], text: str) -> bool:
    """Whether the record's ``data`` holds a signature of ``text``."""
    try:
        key.verify(base64.b64decode(record["data"]["signature"], validate=True), text.encode())
    except (InvalidSignature, ValueError, KeyError):
        return False
    return True


def read_ledger(path: Path, key: Ed25519PublicKey | None, anchor: str) -> dict[str, list[dict[str, Any]]]:
    """The ledger's lines by session, after checking every signature."""
    lines: dict[str, list[dict[str, Any]]] = {}
    wanted, _, digest = anchor.partition(":")
    found = not anchor
    for line in chained(path):
        data = line["data"]
        words = ("ironcurtain-tui ledger v1", line["seq"], line["prev"], line["kind"])
        text = "".join(f"{word}\n" for word in (*words, data["session"], data["seq"], data["hash"]))
        if key is not None and not signed(key, line, text):
            fail(path, line["seq"], "its signature is not right")
        found = found or (str(line["seq"]) == wanted and bool(digest) and line["hash"].startswith(digest))
        lines.setdefault(data["session"], []).append(line)
    if not found:
        fail(path, int(wanted), "the anchor is not there: the ledger was rolled back or replaced")
    return lines


def main() -> int:
    """Check what is given on the command line."""
    parser = argparse.ArgumentParser(description="Verify an IronCurtain TUI audit log.")
    parser.add_argument("log", type=Path)
    parser.add_argument("--ledger", type=Path, help="ledger.jsonl of the installation")
    parser.add_argument("--key", type=Path, help="signing-key.pub.pem of the installation")
    parser.add_argument("--anchor", default="", help="N:HASH of a ledger line that was noted down")
    options = parser.parse_args()
    key = None
    if options.key:
        loaded = load_pem_public_key(options.key.read_bytes())
        if not isinstance(loaded, Ed25519PublicKey):
            parser.error("not an Ed25519 key")
        key = loaded
    ledger = read_ledger(options.ledger, key, options.anchor) if options.ledger else {}

    count = last_signed = attested = 0
    hashes: dict[int, str] = {}
    session = ""
    expected: dict[int, str] = {}
    for record in chained(options.log):
        count = record["seq"]
        if count == 1:
            session = record["session"]
            expected = {line["data"]["seq"]: line["data"]["hash"] for line in ledger.get(session, [])}
        if record["kind"] == "audit.checkpoint":
            text = f"ironcurtain-tui checkpoint v1\n{session}\n{count - 1}\n{record['prev']}\n"
            if key is not None and not signed(key, record, text):
                fail(options.log, count, "the signature of this checkpoint is not right")
            last_signed = count
            hashes[count] = record["hash"]
        if count in expected:
            if expected[count] != record["hash"]:
                fail(options.log, count, "the ledger remembers another record here")
            attested = count
    if options.ledger:
        entries = ledger.get(session, [])
        if not entries:
            fail(options.log, 1, "the ledger does not know this session")
        known = entries[-1]["data"]["seq"]
        if known > count:
            fail(options.log, count + 1, f"the ledger says that there were {known} records")
        if entries[-1]["kind"] == "ended" and count > known:
            fail(options.log, known + 1, f"the log had ended with record {known}")
        unknown = [seq for seq in hashes if seq > known]
        if len(unknown) > 1:
            fail(options.log, unknown[0], "the ledger does not know this checkpoint")
    print(f"OK session {session}: {count} records chained", end="")
    print(f", signed to {last_signed}" if key is not None else ", signatures not checked", end="")
    print(f", in the ledger to {attested}" if options.ledger else ", ledger not checked")
    return 0


if __name__ == "__main__":
    sys.exit(main())
