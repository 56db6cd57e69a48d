"""Questions and their answers, from the door to the viewer and back, on real parts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ironcurtain_tui.audit.reader import last_records
from ironcurtain_tui.config import ApprovalSettings
from ironcurtain_tui.control.client import ControlClient
from ironcurtain_tui.control.messages import (
    AlwaysPreview,
    Decide,
    DecisionRefused,
    PreviewAlways,
    Revoke,
    ScopeKind,
    SetDoors,
)
from ironcurtain_tui.escalations import card as cards
from ironcurtain_tui.escalations import digest
from ironcurtain_tui.escalations.haste import STREAK
from ironcurtain_tui.escalations.held_request import HeldRequest
from ironcurtain_tui.events import Decision, DoorState, EscalationState
from ironcurtain_tui.policy.action import HttpRequest, ToolCall, Tunnel, Verdict
from ironcurtain_tui.supervisor.gatehouse.refusals import BURST
from tests.supervisor.gate_stage import SENTINEL, GateStage, answer, fetch, gate_stage
from tests.waiting import PATIENCE, until
from tests.whole_log import verify_file


def get(path: str = "/a/x", method: str = "GET", body: bytes = b"") -> HeldRequest:
    action = HttpRequest(host="files.example.org", port=443, method=method, path=path, content_length=len(body))
    return HeldRequest(action=action, target=path, headers=(("Host", "files.example.org"),), body=body)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[GateStage]:
    async with gate_stage(tmp_path) as made:
        yield made


@pytest.fixture
async def viewer(stage: GateStage) -> AsyncIterator[ControlClient]:
    client = await ControlClient.connect(stage.socket)
    yield client
    await client.close()


async def reply[M](client: ControlClient, kind: type[M]) -> M:
    async with asyncio.timeout(PATIENCE):
        async for message in client:
            if isinstance(message, kind):
                return message
    raise AssertionError("the connection ended")


def start(work: object) -> asyncio.Task[Verdict]:
    return asyncio.get_running_loop().create_task(work)  # type: ignore[arg-type]


async def test_an_approved_call_is_let_through_once_with_the_digest_that_was_shown(
    stage: GateStage, viewer: ControlClient
) -> None:
    waiting = start(stage.gate.admit(fetch()))
    (escalation,) = await stage.raised()
    assert escalation.card.asker == "Shell"
    assert escalation.card.rule == "default: what leaves this machine asks"
    assert escalation.deadline - escalation.raised == 300
    viewer.send(answer(escalation))
    verdict = await asyncio.wait_for(waiting, PATIENCE)
    assert verdict.decision is Decision.ALLOW
    assert verdict.digest == escalation.card.digest == digest.of_call("fetch", "fetch", fetch().arguments)
    assert stage.kinds() == ["escalation.raised", "escalation.decided", "tool"]
    records = last_records(stage.audit.path, 3)
    assert records[1].data["by"] == "the person"
    assert records[1].data["digest"] == escalation.card.digest
    assert isinstance(records[1].data["decision_ms"], int)
    assert records[2].decision is Decision.ALLOW
    assert verify_file(stage.audit.path, "0" * 12).ok
    assert stage.waiting == [1, 0]
    again = start(stage.gate.admit(fetch()))
    await stage.raised()
    again.cancel()


async def test_a_denial_carries_the_sentence(stage: GateStage, viewer: ControlClient) -> None:
    waiting = start(stage.gate.admit(fetch()))
    (escalation,) = await stage.raised()
    viewer.send(answer(escalation, approve=False, sentence="use the mirror"))
    verdict = await asyncio.wait_for(waiting, PATIENCE)
    assert verdict.decision is Decision.DENY
    assert verdict.reason == "the person denied it and says: use the mirror"
    assert not verdict.retry
    assert stage.kinds() == ["escalation.raised", "escalation.decided", "tool"]
    assert last_records(stage.audit.path, 2)[0].data["sentence"] == "use the mirror"


async def test_nobody_answering_denies_and_says_that_later_may_help(
    stage: GateStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage.gatehouse._approvals, "_timeout", 0.05)
    verdict = await asyncio.wait_for(stage.gate.admit(fetch()), PATIENCE)
    assert (verdict.decision, verdict.retry) == (Decision.DENY, True)
    assert "nobody decided within" in verdict.reason
    await asyncio.sleep(0)
    assert [each.state for each in stage.bulletin.keeper.decided] == [EscalationState.EXPIRED]
    assert "escalation.expired" in stage.kinds()


async def test_who_goes_away_takes_the_question_along(stage: GateStage, viewer: ControlClient) -> None:
    waiting = start(stage.gate.admit(fetch()))
    (escalation,) = await stage.raised()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert stage.pending == []
    viewer.send(answer(escalation))
    refused = await reply(viewer, DecisionRefused)
    assert refused.reason == "the agent no longer waits for it"
    assert "tool" not in stage.kinds(), "nothing was carried out"


async def test_a_decision_about_something_else_is_refused(stage: GateStage, viewer: ControlClient) -> None:
    waiting = start(stage.gate.admit(fetch()))
    (escalation,) = await stage.raised()
    viewer.send(Decide(escalation=escalation.id, digest="0" * 64, approve=True))
    assert "something else" in (await reply(viewer, DecisionRefused)).reason
    assert not waiting.done()
    viewer.send(Decide(escalation="e99", digest=escalation.card.digest, approve=True))
    assert (await reply(viewer, DecisionRefused)).reason == "there is no such question"
    waiting.cancel()


async def test_a_streak_of_instant_approvals_asks_for_the_word_whoever_approves(
    stage: GateStage, viewer: ControlClient
) -> None:
    other = await ControlClient.connect(stage.socket)
    for page in range(STREAK):
        quick = start(stage.gate.admit(fetch(str(page))))
        (escalation,) = await stage.raised()
        viewer.send(answer(escalation, hasty=True))
        assert (await asyncio.wait_for(quick, PATIENCE)).decision is Decision.ALLOW
    waiting = start(stage.gate.ask(get(method="POST", body=b"x")))
    (escalation,) = await stage.raised()
    assert escalation.card.risky
    for scope in (ScopeKind.ONCE, ScopeKind.ALWAYS):
        other.send(answer(escalation, scope=scope))
        assert "type yes" in (await reply(other, DecisionRefused)).reason
    assert not waiting.done()
    other.send(answer(escalation, word="yes"))
    assert (await asyncio.wait_for(waiting, PATIENCE)).decision is Decision.ALLOW
    await other.close()


async def test_two_people_answer_once(stage: GateStage, viewer: ControlClient) -> None:
    other = await ControlClient.connect(stage.socket)
    waiting = start(stage.gate.admit(fetch()))
    (escalation,) = await stage.raised()
    viewer.send(answer(escalation, approve=False))
    other.send(answer(escalation, approve=True))
    verdict = await asyncio.wait_for(waiting, PATIENCE)
    loser = other if verdict.decision is Decision.DENY else viewer
    assert "already" in (await reply(loser, DecisionRefused)).reason
    assert stage.kinds().count("escalation.decided") == 1
    await other.close()


async def test_a_viewer_that_was_killed_finds_the_question_with_the_same_countdown(stage: GateStage) -> None:
    first = await ControlClient.connect(stage.socket)
    waiting = start(stage.gate.admit(fetch()))
    (escalation,) = await stage.raised()
    first._writer.transport.abort()
    second = await ControlClient.connect(stage.socket)
    assert [(each.id, each.deadline) for each in second.state.escalations] == [(escalation.id, escalation.deadline)]
    second.send(answer(escalation))
    assert (await asyncio.wait_for(waiting, PATIENCE)).decision is Decision.ALLOW
    await second.close()


async def test_an_answer_that_cannot_be_recorded_denies(stage: GateStage, viewer: ControlClient) -> None:
    waiting = start(stage.gate.admit(fetch()))
    (escalation,) = await stage.raised()
    stage.audit.path.unlink()
    viewer.send(answer(escalation))
    verdict = await asyncio.wait_for(waiting, PATIENCE)
    assert (verdict.decision, verdict.rule) == (Decision.DENY, "audit-first")
    assert stage.audit_failures


async def test_a_question_that_cannot_be_recorded_is_not_asked(stage: GateStage) -> None:
    stage.audit.path.unlink()
    verdict = await asyncio.wait_for(stage.gate.admit(fetch()), PATIENCE)
    assert (verdict.decision, verdict.rule) == (Decision.DENY, "audit-first")
    assert stage.pending == []


async def test_a_grant_that_cannot_be_recorded_is_none(stage: GateStage, viewer: ControlClient) -> None:
    waiting = start(stage.gate.ask(get()))
    (escalation,) = await stage.raised()
    stage.audit.path.unlink()
    viewer.send(answer(escalation, scope=ScopeKind.SESSION))
    assert (await asyncio.wait_for(waiting, PATIENCE)).rule == "audit-first"
    await until(lambda: not stage.pending)
    assert stage.bulletin.keeper.grants == ()


async def test_no_approval_lifts_a_denial_that_came_meanwhile(stage: GateStage, viewer: ControlClient) -> None:
    waiting = start(stage.gate.ask(get()))
    (escalation,) = await stage.raised()
    stage.user_file.write_text('[[rule]]\nname = "never"\non = "request"\nhost = "files.example.org"\nthen = "deny"\n')
    stage.policy.reload()
    viewer.send(answer(escalation))
    verdict = await asyncio.wait_for(waiting, PATIENCE)
    assert (verdict.decision, verdict.rule) == (Decision.DENY, "user: never")


async def test_unattended_as_configured(tmp_path: Path) -> None:
    async with gate_stage(tmp_path, settings=ApprovalSettings(unattended="deny")) as stage:
        stage.watched = False
        verdict = await stage.gate.admit(fetch())
        assert (verdict.decision, verdict.retry) == (Decision.DENY, True)
        assert "nobody is there" in verdict.reason


async def test_unattended_questions_wait_and_unknown_hosts_are_denied(stage: GateStage) -> None:
    stage.watched = False
    waiting = start(stage.gate.admit(fetch()))
    await stage.raised()
    waiting.cancel()
    assert (await stage.gate.admit(get().action)).decision is Decision.DENY
    assert (await stage.gate.admit(Tunnel(host="files.example.org", port=443))).decision is Decision.DENY


async def test_a_request_is_brought_whole_and_its_tunnel_is_opened_for_looking(stage: GateStage) -> None:
    assert (await stage.gate.admit(Tunnel(host="files.example.org", port=443))).decision is Decision.ESCALATE
    request = get(method="POST", body=b"hello")
    assert (await stage.gate.admit(request.action)).decision is Decision.ESCALATE
    waiting = start(stage.gate.ask(request))
    (escalation,) = await stage.raised()
    assert escalation.card.digest == digest.of_request(request)
    assert escalation.card.risky
    waiting.cancel()


# --- grants ------------------------------------------------------------------------------------------


async def approved(stage: GateStage, client: ControlClient, request: HeldRequest, **how: object) -> None:
    waiting = start(stage.gate.ask(request))
    (escalation,) = await stage.raised()
    client.send(answer(escalation, **how))  # type: ignore[arg-type]
    assert (await asyncio.wait_for(waiting, PATIENCE)).decision is Decision.ALLOW


async def test_a_grant_for_the_session_covers_the_same_directory_and_reading(
    stage: GateStage, viewer: ControlClient
) -> None:
    await approved(stage, viewer, get("/a/x"), scope=ScopeKind.SESSION)
    verdict = await stage.gate.admit(get("/a/y").action)
    assert verdict.decision is Decision.ALLOW
    assert verdict.rule.startswith("grant g1")
    assert (await stage.gate.admit(get("/a/b/c", "HEAD").action)).decision is Decision.ALLOW
    for other in (get("/b/x"), get("/a/x", "POST")):
        assert (await stage.gate.admit(other.action)).decision is Decision.ESCALATE


async def test_uses_are_counted_from_the_first(stage: GateStage, viewer: ControlClient) -> None:
    await approved(stage, viewer, get(), scope=ScopeKind.USES, amount=3)
    for left in (2, 1):
        assert [grant.uses_left for grant in stage.bulletin.keeper.grants] == [left]
        assert (await stage.gate.admit(get().action)).decision is Decision.ALLOW
    assert stage.bulletin.keeper.grants == ()
    assert (await stage.gate.admit(get().action)).decision is Decision.ESCALATE


async def test_minutes_end_and_cut_what_rested_on_them(
    stage: GateStage, viewer: ControlClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.hosts.open["files.example.org"] = 2
    await approved(stage, viewer, get(), scope=ScopeKind.MINUTES, amount=5)
    (grant,) = stage.bulletin.keeper.grants
    assert grant.expires is not None
    assert grant.expires - grant.given == 300
    assert grant.connections == 2
    later = time.time() + 301
    monkeypatch.setattr(time, "time", lambda: later)
    assert (await stage.gate.admit(get().action)).decision is Decision.ESCALATE
    stage.gatehouse._leases.refresh()
    assert stage.hosts.ended == ["files.example.org"]


async def test_revoking_cuts_and_the_next_request_is_asked_about(stage: GateStage, viewer: ControlClient) -> None:
    await approved(stage, viewer, get(), scope=ScopeKind.SESSION)
    (grant,) = stage.bulletin.keeper.grants
    viewer.send(Revoke(grant=grant.id))
    await until(lambda: not stage.bulletin.keeper.grants)
    assert stage.hosts.ended == ["files.example.org"]
    assert (await stage.gate.admit(get().action)).decision is Decision.ESCALATE
    await until(lambda: "grant.revoked" in stage.kinds())


async def test_what_waits_and_is_covered_by_a_new_grant_need_not_wait(stage: GateStage, viewer: ControlClient) -> None:
    waiting = [start(stage.gate.ask(get(path))) for path in ("/a/1", "/a/2", "/b/3")]
    first, *_ = await stage.raised(3)
    viewer.send(answer(first, scope=ScopeKind.SESSION))
    verdicts = await asyncio.wait_for(asyncio.gather(*waiting[:2]), PATIENCE)
    assert [verdict.decision for verdict in verdicts] == [Decision.ALLOW] * 2
    assert len(stage.pending) == 1
    waiting[2].cancel()


async def test_no_grant_lifts_a_denial(tmp_path: Path) -> None:
    policy = """
[[rule]]
name = "never there"
on = "request"
host = "files.example.org"
path = "/a/secret"
then = "deny"
"""
    async with gate_stage(tmp_path, policy=policy) as stage:
        client = await ControlClient.connect(stage.socket)
        await approved(stage, client, get("/a/x"), scope=ScopeKind.SESSION)
        assert (await stage.gate.admit(get("/a/y").action)).decision is Decision.ALLOW
        assert (await stage.gate.admit(get("/a/secret").action)).decision is Decision.DENY
        await client.close()


# --- asking for a host ---------------------------------------------------------------------------------


def ask_for(host: str, *methods: str) -> ToolCall:
    arguments: dict[str, object] = {"host": host, "reason": "docs"}
    if methods:
        arguments["methods"] = list(methods)
    return ToolCall(server="proxy", tool="request_domain", arguments=arguments)


async def test_asking_for_a_host_opens_it_for_reading(stage: GateStage, viewer: ControlClient) -> None:
    waiting = start(stage.gate.admit(ask_for("files.example.org")))
    (escalation,) = await stage.raised()
    viewer.send(answer(escalation, scope=ScopeKind.MINUTES, amount=10))
    assert (await asyncio.wait_for(waiting, PATIENCE)).decision is Decision.ALLOW
    assert (await stage.gate.admit(get("/any/where").action)).decision is Decision.ALLOW
    assert (await stage.gate.admit(get("/any/where", "POST").action)).decision is Decision.ESCALATE
    assert stage.gatehouse.open_hosts == ("GET, HEAD https://files.example.org/",)


@pytest.mark.parametrize("host", ["10.0.0.1", "localhost", "169.254.169.254", "metadata", "[::1]"])
async def test_addresses_and_local_names_are_never_asked_about(stage: GateStage, host: str) -> None:
    assert (await stage.gate.admit(ask_for(host))).decision is Decision.DENY


# --- always --------------------------------------------------------------------------------------------


async def test_always_is_previewed_and_then_written(stage: GateStage, viewer: ControlClient) -> None:
    await approved(stage, viewer, get("/a/old"))
    waiting = start(stage.gate.ask(get("/a/x")))
    (escalation,) = await stage.raised()
    viewer.send(PreviewAlways(request=7, escalation=escalation.id))
    preview = await reply(viewer, AlwaysPreview)
    assert preview.request == 7
    assert 'host = "files.example.org"' in preview.rule
    assert preview.effects[0] == "1 × escalate → allow: GET files.example.org/a/old"
    assert not stage.user_file.read_text()
    viewer.send(answer(escalation, scope=ScopeKind.ALWAYS))
    assert (await asyncio.wait_for(waiting, PATIENCE)).decision is Decision.ALLOW
    assert stage.user_file.read_text() == preview.rule
    assert (await stage.gate.admit(get("/a/z").action)).rule.startswith("user: ")
    assert "policy.rule" in stage.kinds()


async def test_always_that_cannot_be_written_decides_nothing(stage: GateStage, viewer: ControlClient) -> None:
    waiting = start(stage.gate.ask(get()))
    (escalation,) = await stage.raised()
    stage.user_file.write_text("broken [")
    viewer.send(answer(escalation, scope=ScopeKind.ALWAYS))
    assert "policy.toml" in (await reply(viewer, DecisionRefused)).reason
    assert not waiting.done()
    waiting.cancel()


# --- doors ---------------------------------------------------------------------------------------------


async def until_doors(stage: GateStage, state: DoorState) -> None:
    await until(lambda: stage.bulletin.keeper.doors is state)


async def test_paused_doors_hold_everything_and_open_again(stage: GateStage, viewer: ControlClient) -> None:
    allowed = ToolCall(server="ironcurtain", tool="where_am_i", arguments={})
    asked = start(stage.gate.ask(get()))
    (escalation,) = await stage.raised()
    viewer.send(SetDoors(doors=DoorState.PAUSED))
    await until_doors(stage, DoorState.PAUSED)
    harmless = start(stage.gate.admit(allowed))
    viewer.send(answer(escalation))
    await until(lambda: not stage.pending)
    await asyncio.sleep(0.05)
    assert not harmless.done()
    assert not asked.done(), "an approval does not pass a paused door"
    viewer.send(SetDoors(doors=DoorState.OPEN))
    verdicts = await asyncio.wait_for(asyncio.gather(harmless, asked), PATIENCE)
    assert [verdict.decision for verdict in verdicts] == [Decision.ALLOW] * 2
    assert stage.kinds().count("doors") == 2


async def test_clocks_stand_still_while_the_doors_are_paused(stage: GateStage, monkeypatch: pytest.MonkeyPatch) -> None:
    approvals, now = stage.gatehouse._approvals, time.time
    held = start(stage.gate.ask(get()))
    (escalation,) = await stage.raised()
    await stage.gatehouse._desk.set_doors(SetDoors(doors=DoorState.PAUSED))
    (frozen,) = stage.pending
    assert frozen.frozen is not None
    assert 0 < frozen.frozen <= 300
    with monkeypatch.context() as later:
        later.setattr(time, "time", lambda: now() + 3600)
        assert stage.pending[0].left(time.time()) == frozen.frozen
        approvals._expire()
        assert [each.id for each in stage.pending] == [escalation.id]
        assert approvals.check(escalation.id, escalation.card.digest).id == escalation.id
        await stage.gatehouse._desk.set_doors(SetDoors(doors=DoorState.OPEN))
        (running,) = stage.pending
        assert (running.frozen, running.deadline) == (None, pytest.approx(time.time() + frozen.frozen, abs=30))
        later.setattr(time, "time", lambda: now() + 3600 + 400)
        approvals._expire()
    verdict = await asyncio.wait_for(held, PATIENCE)
    assert "nobody decided" in verdict.reason


async def test_what_is_asked_while_they_are_paused_has_all_its_time(
    stage: GateStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    approvals = stage.gatehouse._approvals
    monkeypatch.setattr(approvals, "_timeout", 0.05)
    approvals.stand_still(True)
    request = get()
    asked = start(
        approvals.ask(request.action, cards.of_request(request, Verdict(decision=Decision.ESCALATE), asker="a"))
    )
    (escalation,) = await stage.raised()
    await until(lambda: time.time() > escalation.deadline)
    assert stage.pending == [escalation]
    approvals.stand_still(False)
    ended: object = await asyncio.wait_for(asked, PATIENCE)
    assert ended.state is EscalationState.EXPIRED  # type: ignore[attr-defined]


async def test_cutting_does_not_wait_for_its_record(stage: GateStage, monkeypatch: pytest.MonkeyPatch) -> None:
    cut: list[bool] = []

    async def record(*_: object) -> None:
        cut.append(stage.doors_cut)

    monkeypatch.setattr(stage.gatehouse._desk, "_record", record)
    await stage.gatehouse._desk.set_doors(SetDoors(doors=DoorState.CUT))
    assert cut == [True]


async def test_cut_doors_deny_what_waits_and_stay_cut(stage: GateStage, viewer: ControlClient) -> None:
    stage.hosts.open["api.example.com"] = 1
    asked = start(stage.gate.ask(get()))
    await stage.raised()
    viewer.send(SetDoors(doors=DoorState.CUT))
    verdict = await asyncio.wait_for(asked, PATIENCE)
    assert verdict.decision is Decision.DENY
    await until(lambda: stage.doors_cut)
    assert stage.hosts.ended == ["api.example.com"]
    viewer.send(SetDoors(doors=DoorState.OPEN))
    assert (await stage.gate.admit(fetch())).rule == "cut"
    assert stage.bulletin.keeper.doors is DoorState.CUT


async def test_a_tripwire_is_recorded_and_shown(stage: GateStage) -> None:
    await stage.gate.tripped(get().action, "a placeholder key was about to be sent")
    assert last_records(stage.audit.path, 1)[0].data["rule"] == "tripwire"
    assert "placeholder key" in stage.bulletin.keeper.notices[-1].text


async def test_no_flood_swallows_a_tripwire(stage: GateStage) -> None:
    stage.gate._refusals._clock = stage.gate._alarms._clock = lambda: 0.0  # no time passes for them
    stage.gate._refusals._then = stage.gate._alarms._then = 0.0
    while stage.gate._refusals.may_be_recorded("something forbidden"):
        pass
    await stage.gate.tripped(get().action, "a placeholder key was about to be sent")
    assert last_records(stage.audit.path, 1)[0].data["rule"] == "tripwire"
    assert "placeholder key was about to be sent" in stage.bulletin.keeper.notices[-1].text
    for _ in range(BURST + 9):
        await stage.gate.tripped(get().action, "a placeholder key was about to be sent")
    await stage.gatehouse.close()
    assert "10 more alarms within 1 s" in stage.bulletin.keeper.notices[-1].text, "as many as were not told one by one"


async def test_what_the_self_test_asks_at_the_door_is_not_the_agents_question(stage: GateStage) -> None:
    stage.gate.self_test_host = "0123.self-test.invalid"
    verdict = await stage.gate.admit(Tunnel(host="0123.self-test.invalid", port=443))
    assert (verdict.decision, verdict.rule) == (Decision.ESCALATE, "self-test"), "it may look, and shows up nowhere"
    (record,) = last_records(stage.audit.path, 1)
    assert (record.kind, record.decision) == ("self-test.door", None)
    await stage.gate.refused(Tunnel(host="0123.self-test.invalid", port=443), "the token is missing or wrong")
    (record,) = last_records(stage.audit.path, 1)
    assert (record.kind, record.decision) == ("self-test.door", None)
    for host in ("4567.self-test.invalid", ""):
        await stage.gate.refused(Tunnel(host=host, port=443), "this host is not known")
        assert last_records(stage.audit.path, 1)[0].kind == "tunnel"
    stage.gate.self_test_host = ""
    await stage.gate.refused(Tunnel(host="", port=443), "no host")
    assert last_records(stage.audit.path, 1)[0].kind == "tunnel"


async def test_a_placeholder_key_in_a_call_is_a_tripwire(stage: GateStage) -> None:
    call = ToolCall(server="fetch", tool="fetch", arguments={"url": [f"https://example.org/?k={SENTINEL}"]})
    assert (await stage.gate.admit(call)).rule == "tripwire"
    assert stage.kinds() == ["tool"]
    assert "placeholder key" in stage.bulletin.keeper.notices[-1].text


# --- many ----------------------------------------------------------------------------------------------


async def test_a_thousand_questions_stay_usable_and_cost_nothing_while_they_wait(
    stage: GateStage, viewer: ControlClient
) -> None:
    calls = [start(stage.gate.admit(fetch(str(number)))) for number in range(1_000)]
    pending = await stage.raised(1_000)
    wasted = 1.0
    while wasted > 0.2:  # once the last of them has been told
        before = time.process_time()
        await asyncio.sleep(1.0)
        wasted = time.process_time() - before
    late = await ControlClient.connect(stage.socket)
    assert len(late.state.escalations) == 1_000
    await late.close()
    began = time.process_time()
    viewer.send(answer(pending[700], approve=False))
    # Which call it was nobody knows: evidence is gathered in threads, so they queue up in any order.
    done, _ = await asyncio.wait(calls, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
    assert [call.result().decision for call in done] == [Decision.DENY]
    assert time.process_time() - began < 1.0
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    assert stage.pending == []
