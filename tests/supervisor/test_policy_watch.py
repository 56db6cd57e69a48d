from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from ironcurtain_tui.events import BadgeState, Decision
from ironcurtain_tui.policy.action import HttpRequest, Tunnel
from ironcurtain_tui.policy.rules import PolicyDocument
from ironcurtain_tui.supervisor.gatehouse import live_policy
from ironcurtain_tui.supervisor.gatehouse.policy_watch import PolicyWatch
from tests.supervisor.gate_stage import GateStage, gate_stage

RULE = '[[rule]]\nname = "{}"\non = "request"\nhost = "files.example.org"\nthen = "{}"\n'
ASKED = HttpRequest(host="files.example.org", port=443, method="GET", path="/")


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[GateStage]:
    async with gate_stage(tmp_path) as stage:
        yield stage


def watch(stage: GateStage) -> PolicyWatch:
    files = [stage.user_file, stage.root / "state/annotations"]
    return PolicyWatch(stage.policy, files, stage.bulletin, stage._record, stage.gatehouse.cut)


def notices(stage: GateStage) -> list[tuple[BadgeState, str]]:
    return [(notice.level, notice.text) for notice in stage.bulletin.keeper.notices]


async def test_a_changed_file_is_in_force_and_recorded(stage: GateStage) -> None:
    watched = watch(stage)
    assert stage.policy.decide(ASKED).decision is Decision.ESCALATE
    stage.user_file.write_text(RULE.format("a", "deny"))
    await watched.look()
    assert stage.policy.decide(ASKED).decision is Decision.DENY
    assert [level for level, _ in notices(stage)] == [BadgeState.OK]
    assert stage.kinds()[-1] == "policy.loaded"
    stage.user_file.unlink()
    await watched.look()
    await watched.look()
    assert stage.policy.decide(ASKED).decision is Decision.ESCALATE


@pytest.mark.parametrize("gone", [True, False], ids=["gone", "empty"])
async def test_a_file_that_is_about_to_be_written_loses_no_rule_meanwhile(stage: GateStage, gone: bool) -> None:
    stage.user_file.write_text(RULE.format("a", "deny"))
    stage.policy.reload()
    watched = watch(stage)
    stage.user_file.unlink() if gone else stage.user_file.write_text("")
    await watched.look()
    assert stage.policy.decide(ASKED).decision is Decision.DENY, "an editor may be at work"
    stage.user_file.write_text(RULE.format("another", "deny"))
    await watched.look()
    assert stage.policy.decide(ASKED).rule == "user: another"
    stage.user_file.unlink() if gone else stage.user_file.write_text("")
    await watched.look()
    await watched.look()
    assert stage.policy.decide(ASKED).decision is Decision.ESCALATE, "it stayed so"


async def test_a_file_that_is_emptied_while_it_is_read_changes_nothing(
    stage: GateStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.user_file.write_text(RULE.format("a", "deny"))
    stage.policy.reload()
    watched = watch(stage)
    stage.user_file.write_text(RULE.format("another", "deny"))
    read = live_policy.read_documents

    def emptied_first(paths: Mapping[str, Path]) -> Mapping[str, PolicyDocument]:
        stage.user_file.write_text("")
        return read(paths)

    monkeypatch.setattr(live_policy, "read_documents", emptied_first)
    await watched.look()
    assert stage.policy.decide(ASKED).rule == "user: a"


async def test_a_broken_file_changes_nothing_and_is_told_once(stage: GateStage) -> None:
    stage.user_file.write_text(RULE.format("a", "deny"))
    stage.policy.reload()
    watched = watch(stage)
    stage.user_file.write_text(RULE.format("a", "allw"))
    await watched.look()
    await watched.look()
    assert stage.policy.decide(ASKED).decision is Decision.DENY
    ((level, text),) = notices(stage)
    assert level is BadgeState.FAIL
    assert "line 5: rule `a`" in text
    assert "from before stays" in text
    assert stage.kinds()[-1] == "policy.refused"


async def test_a_file_that_was_only_touched_is_not_told(stage: GateStage) -> None:
    stage.user_file.write_text(RULE.format("a", "deny"))
    stage.policy.reload()
    watched = watch(stage)
    os.utime(stage.user_file, (1, 1))
    await watched.look()
    assert notices(stage) == []


async def test_what_passed_unread_is_cut_when_it_may_no_longer(stage: GateStage) -> None:
    places = [f"{name}.example.org" for name in ("files", "other", "third")]
    blind = "[web]\nblind = [" + ", ".join(f'"{each}:22"' for each in places) + "]\n"
    stage.user_file.write_text(blind)
    stage.policy.reload()
    watched = watch(stage)
    stage.user_file.write_text(blind.replace('"other.example.org:22", ', "") + RULE.format("a", "deny") + "port = 22\n")
    await watched.look()
    assert stage.hosts.ended == places[:2]


async def test_annotations_are_watched_too(stage: GateStage) -> None:
    watched = watch(stage)
    tables = stage.root / "state/annotations"
    tables.mkdir(parents=True)
    (tables / "mine.toml").write_text('[tools]\nx = { arguments = { a = "read-pth" } }\n')
    await watched.look()
    assert "mine.toml, line 2" in notices(stage)[0][1]


async def test_a_grant_holds_also_when_nobody_watches(stage: GateStage) -> None:
    rule = stage.policy.draft(ASKED)
    assert rule is not None
    stage.watched = False
    assert (await stage.gate.admit(Tunnel(host="files.example.org", port=443))).decision is Decision.DENY
    stage.gatehouse._leases.give(rule)
    assert (await stage.gate.admit(Tunnel(host="files.example.org", port=443))).decision is Decision.ESCALATE
    assert (await stage.gate.admit(ASKED)).decision is Decision.ALLOW
    assert (await stage.gate.admit(Tunnel(host="other.example.org", port=443))).decision is Decision.DENY
