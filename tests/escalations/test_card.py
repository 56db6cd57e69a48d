from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ironcurtain_tui.escalations import card as cards
from ironcurtain_tui.escalations import digest
from ironcurtain_tui.escalations.card import Evidence, FileChange, Lead
from ironcurtain_tui.escalations.held_request import HeldRequest
from ironcurtain_tui.events import Card, CardField, Decision, FieldKind
from ironcurtain_tui.policy.action import HttpRequest, ToolCall, Verdict
from ironcurtain_tui.policy.roles import Role

WHY = Verdict(decision=Decision.ESCALATE, reason="it talks to another machine", rule="default: asks")


def of_call(arguments: dict[str, object], evidence: Evidence | None = None) -> Card:
    return cards.of_call(
        ToolCall(server="git", tool="push", arguments=arguments), WHY, evidence or Evidence(), asker="A"
    )


def of_request(body: bytes = b"", *headers: tuple[str, str], method: str = "POST") -> Card:
    action = HttpRequest(host="x.example.org", port=443, method=method, path="/p")
    return cards.of_request(HeldRequest(action=action, target="/p?q=1", headers=headers, body=body), WHY, asker="A")


def field(card: Card, label: str) -> CardField:
    (found,) = [each for each in card.fields if each.label == label]
    return found


def test_every_argument_is_there_whole() -> None:
    card = of_call({"remote": "origin", "long": "y" * 100_000, "list": [1, {"a": None}], "lines": "a\nb"})
    assert field(card, "long").value == "y" * 100_000
    assert json.loads(field(card, "list").value) == [1, {"a": None}]
    assert field(card, "lines").kind is FieldKind.CODE
    assert card.title.startswith("git.push origin")
    assert (card.reason, card.rule, card.asker) == (WHY.reason, WHY.rule, "A")


def test_what_nobody_would_read_is_named_not_cut() -> None:
    card = of_call({"huge": "y" * (cards.LONGEST + 1)})
    huge = field(card, "huge")
    assert huge.kind is FieldKind.UNINSPECTABLE
    assert "262,145 bytes, SHA-256 " in huge.value


def test_a_write_shows_what_changes() -> None:
    change = FileChange(path="/w/a.txt", before="one\ntwo\n", after="one\nthree")
    shown = field(of_call({"path": "/w/a.txt"}, Evidence(changes=(change,))), "Change to /w/a.txt")
    assert shown.kind is FieldKind.DIFF
    assert "-two\n" in shown.value
    assert "+three\n\\ No newline at end of file\n" in shown.value


def test_a_new_file_and_one_that_stays() -> None:
    new = FileChange(path="/n", before=None, after="x\n")
    assert "--- /dev/null" in field(of_call({}, Evidence(changes=(new,))), "Change to /n").value
    same = FileChange(path="/n", before="x\n", after="x\n")
    assert field(of_call({}, Evidence(changes=(same,))), "Change to /n").value == "no change"


def test_commits_and_where_things_lead_stand_first() -> None:
    evidence = Evidence(
        leads=(Lead(argument="path", role=Role.READ_PATH, subject="/real"),), commits="abc one\ndef two"
    )
    labels = [each.label for each in of_call({"path": "/w"}, evidence).fields]
    assert labels == ["Commits that would go", "path (is read) leads to", "path (is read)"]


def test_an_argument_that_leads_to_itself_is_there_once() -> None:
    leads = (
        Lead(argument="path", role=Role.READ_PATH, subject="/w"),
        Lead(argument="branch", role=Role.BRANCH_NAME, subject="main"),
    )
    card = of_call({"path": "/w", "branch": "main"}, Evidence(leads=leads))
    assert [each.label for each in card.fields] == ["path (is read)", "branch"]


def test_the_title_begins_with_where_it_goes() -> None:
    leads = (
        Lead(argument="path", role=Role.READ_PATH, subject="/w"),
        Lead(argument="remote", role=Role.GIT_REMOTE_URL, subject="/o.git"),
    )
    arguments = {"path": "/w", "remote": "/o.git", "branch": "main", "commit": "e589" * 10, "force": False}
    assert of_call(arguments, Evidence(leads=leads)).title == "git.push /o.git main e589e589e589 /w"
    assert of_call({**arguments, "force": True}).title.endswith(" main e589e589e589 force")


def test_a_request_shows_what_will_be_sent() -> None:
    card = of_request(b'{"a": 1}', ("Host", "x.example.org"), ("Content-Type", "application/json"))
    assert card.title == "POST https://x.example.org/p?q=1"
    assert field(card, "Headers").value == "Host: x.example.org\nContent-Type: application/json"
    assert field(card, "Body (application/json)").value == '{"a": 1}'
    assert card.risky
    assert not of_request(method="GET").risky


@pytest.mark.parametrize(
    ("body", "headers"),
    [(b"\xff\xfe", ()), (b"a\0b", ()), (b"plain", (("Content-Encoding", "br"),))],
)
def test_what_cannot_be_decoded_is_called_uninspectable(body: bytes, headers: tuple[tuple[str, str], ...]) -> None:
    shown = field(of_request(body, *headers), "Body")
    assert shown.kind is FieldKind.UNINSPECTABLE
    assert shown.size == len(body)


def test_the_history_keeps_what_a_long_field_was() -> None:
    card = cards.remembered(of_call({"long": "y" * 5_000, "short": "z"}))
    assert field(card, "short").value == "z"
    assert field(card, "long").value.startswith("5,000 bytes, SHA-256 ")
    assert card.digest == of_call({"long": "y" * 5_000, "short": "z"}).digest


@given(st.dictionaries(st.text(max_size=5), st.text(st.characters(), max_size=20), max_size=4))
def test_any_arguments_make_a_card_that_can_be_sent(arguments: dict[str, str]) -> None:
    card = of_call(dict(arguments))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(card), type=Card) == card
    assert card.digest == digest.of_call("git", "push", arguments)
    assert "\n" not in card.title
    assert len(card.fields) == len(arguments)
