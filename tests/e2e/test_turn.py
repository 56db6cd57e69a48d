"""The main job, end to end: a task typed to real Claude Code, done in the workspace, seen, recorded, no key leaked."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from asciinema.asciicast import open_from_url

from ironcurtain_tui.audit.redact import MARK
from ironcurtain_tui.containers.container import AgentContainer
from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.paths import SessionPaths
from ironcurtain_tui.terminal.recording import parts
from ironcurtain_tui.terminal.replay import Replay
from ironcurtain_tui.traffic.reader import TrafficReader
from ironcurtain_tui.ui import flow_export
from tests.e2e.conftest import CANARY, Installation
from tests.e2e.search import assert_no_key_inside
from tests.e2e.tmux import Tmux
from tests.whole_log import verify_file

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]


def test_a_task_from_prompt_to_proof(engine: Engine, with_key: Installation, terminal: Tmux) -> None:
    with_key.open(terminal, "run", "--workspace", str(with_key.workspace))
    terminal.wait_for("bypass permissions on")
    header = terminal.wait_for(r"^(?=.*no-egress)(?=.*chain)").splitlines()[0]
    assert "REHEARSAL" not in header

    terminal.submit("RUN: echo made-by-$((40+2)) > proof.txt && cat proof.txt")
    terminal.wait_for(r"made-by-42")
    terminal.wait_for(r"POST .*/v1/messages +✓ 200 +[\d.]+k +[\d.]+m?s +[\d.]+k")  # bytes, time, tokens
    assert (with_key.workspace / "proof.txt").read_text() == "made-by-42\n"
    if os.geteuid() == 0:
        assert (with_key.workspace / "proof.txt").stat().st_uid == 1000
    (session,) = with_key.sessions()
    owned = next(item for item in engine.find_owned() if item.session_id == session.session_id)
    container = AgentContainer(engine.client, engine.address, owned.id, owned.name)
    _, environment = container.exec(["sh", "-c", "echo $ANTHROPIC_API_KEY"])
    sentinel = environment.decode().strip()
    assert sentinel.startswith("sk-ant-")
    assert sentinel != CANARY
    assert_no_key_inside(engine, container, sentinel)
    inspected = str(engine.client.inspect_container(owned.id))
    assert CANARY not in inspected

    terminal.press("C-a")
    terminal.wait_for("KEYS")
    terminal.press("q")
    terminal.wait_for(r"keeps running in session.*")
    terminal.wait_for("EXIT 0")

    with_key.run("stop")
    assert verify_file(session.audit_log, session.session_id).ok
    log = session.audit_log.read_text()
    for kind in ("session.start", "self-test", "tunnel", "request", "request.end", "session.end"):
        assert f'"kind":"{kind}"' in log, f"{kind} is not in the audit log"
    kept = [path for path in session.kept.rglob("*") if path.is_file()]
    assert {"audit.jsonl", "recording.cast.gz", "session.json", "supervisor.log"} <= {path.name for path in kept}
    for path in kept:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        assert CANARY.encode() not in content, f"the real key is in {path.name}"
        assert sentinel.encode() not in content or path.suffix not in (".gz", ".jsonl"), f"its stand-in: {path.name}"
    assert_traffic_is_kept(session)
    assert "made-by-42" in "".join(event.data for event in Replay.load(session.recording).events)
    assert_others_can_read_it(with_key, session)


def assert_traffic_is_kept(session: SessionPaths) -> None:
    """What the agent asked and what it was answered, in words, without its key."""
    reader = TrafficReader(session.traffic)
    flows = [reader.read(flow.id) for flow, _ in reader.poll()]
    asked = [kept for kept in flows if kept is not None and "made-by-" in kept.request.body.text]
    assert asked
    assert MARK in (asked[0].request.header("x-api-key"), asked[0].request.header("authorization"))
    assert asked[0].target.startswith("/v1/messages")
    assert any("event: message_start" in kept.response.body.text for kept in asked)
    har = b"".join(flow_export.har((kept.flow, kept) for kept in flows if kept is not None))
    assert len(json.loads(har)["log"]["entries"]) == len(flows)
    assert CANARY.encode() not in har


def assert_others_can_read_it(installation: Installation, session: SessionPaths) -> None:
    """Verified and exported by our command; verified, decoded and played by nothing of ours."""
    verified = installation.run("audit", "verify", session.session_id).stdout
    assert f"✓ {session.session_id}: " in verified
    anchor = verified.rsplit("Anchor: ", 1)[1].strip()
    audit = session.root / "audit"
    vouching = ["--ledger", audit / "ledger.jsonl", "--key", audit / "signing-key.pub.pem", "--anchor", anchor]
    script = Path(__file__).parents[2] / "docs" / "verify_audit.py"
    command = [sys.executable, "-I", script, session.audit_log, *vouching]
    stranger = subprocess.run(command, capture_output=True, text=True, check=True)
    count = len(session.audit_log.read_bytes().splitlines())
    assert f"{count} records chained, signed to {count}, in the ledger to {count}" in stranger.stdout
    for form in ("jsonl", "csv", "ocsf"):
        exported = installation.run("audit", "export", session.session_id, "--format", form).stdout
        assert "api.anthropic.com" in exported
        assert CANARY not in exported
    assert json.loads(installation.run("audit", "report", session.session_id, "--json").stdout)["input_tokens"] > 0
    found = installation.run("audit", "search", "anthropic", "--kind", "request", "--json").stdout.splitlines()
    assert json.loads(found[0])["session"] == session.session_id
    cast = installation.home.parent / "recording.cast"
    cast.write_bytes(gzip.decompress(parts(session.recording)[-1].read_bytes()))
    with open_from_url(str(cast)) as played:
        assert "made-by-42" in "".join(event[2] for event in played.events())


def test_without_a_key_it_is_a_rehearsal_and_says_so(installation: Installation, terminal: Tmux) -> None:
    installation.open(terminal, "run", "--workspace", str(installation.workspace))
    terminal.wait_for("bypass permissions on")
    terminal.wait_for("^.*REHEARSAL.*no-egress")  # the header
    terminal.submit("write")
    terminal.wait_for("rehearsal.txt now lies in your project")
    assert (installation.workspace / "rehearsal.txt").exists()
