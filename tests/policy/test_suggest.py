"""Rules that the past suggests."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ironcurtain_tui.events import Decision
from ironcurtain_tui.policy.action import Action, HttpRequest, ToolCall, Tunnel
from ironcurtain_tui.policy.decide import PlacedRule, Policy
from ironcurtain_tui.policy.rules import RequestRule, Web
from ironcurtain_tui.policy.suggest import Decided, suggest
from tests.policy.stage import Machine, call

ALLOW, DENY = Decision.ALLOW, Decision.DENY
WEB = Policy((), web=Web())
ASK = '[[rule]]\nname = "ask"\non = "tool"\nthen = "escalate"\n'


def get(path: str, host: str = "docs.example.org", method: str = "GET") -> HttpRequest:
    return HttpRequest(host=host, port=443, method=method, path=path, content_length=0)


def approved(*actions: Action) -> list[Decided]:
    return [Decided(action=action, decision=ALLOW, asked=True) for action in actions]


def denied(*actions: Action) -> list[Decided]:
    return [Decided(action=action, decision=DENY) for action in actions]


def test_the_rule_that_saves_most_comes_first_and_no_question_counts_twice() -> None:
    past = approved(
        *(get(f"/a/{n}") for n in range(3)),
        get("/b/c/1"),
        get("/x/1", host="other.example.org", method="POST"),
        get("/x/2", host="other.example.org", method="POST"),
    )
    first, second = suggest(past, WEB)
    assert isinstance(first.rule, RequestRule)
    assert (first.rule.host, first.rule.path, first.saves) == ("docs.example.org", "/**", 4)
    assert (second.rule.name, second.saves) == ("POST other.example.org/x/**", 2)
    assert set(first.examples) <= {decided.action for decided in past}


def test_nothing_that_was_denied_would_be_allowed() -> None:
    past = approved(*(get(f"/a/{n}") for n in range(3)), get("/b/1"))
    (narrow,) = suggest([*past, *denied(get("/secret/1"))], WEB)
    assert isinstance(narrow.rule, RequestRule)
    assert (narrow.rule.path, narrow.saves) == ("/a/**", 3)
    assert suggest([*past, *denied(get("/a/9"), get("/secret/1"))], WEB) == []


def test_what_is_allowed_by_now_or_was_asked_once_is_no_suggestion() -> None:
    rule = RequestRule(name="docs", then=ALLOW, host="docs.example.org")
    policy = Policy((), [PlacedRule(origin="user", rule=rule)], web=Web())
    assert suggest(approved(get("/a/1"), get("/a/2")), policy) == []
    assert suggest(approved(get("/a/1")), WEB) == []
    assert suggest([Decided(action=get("/a/1"), decision=ALLOW)] * 5, WEB) == []


def test_a_tunnel_alone_says_nothing() -> None:
    tunnel = Tunnel(host="docs.example.org", port=443)
    assert len(suggest([*approved(get("/a/1"), get("/a/2")), *denied(tunnel)], WEB)) == 1


def test_files_beside_each_other_are_one_rule(machine: Machine) -> None:
    policy = machine.policy(ASK)
    notes = machine.root / "home" / "notes"

    def read(name: str) -> ToolCall:
        return call("filesystem", "read_file", path=str(notes / name))

    (found,) = suggest(approved(read("a"), read("b"), read("c")), policy)
    assert found.saves == 3
    assert policy.covers(found.rule, read("d"))
    assert not policy.covers(found.rule, call("filesystem", "read_file", path=str(notes.parent / "Documents/x")))
    assert not policy.covers(found.rule, call("filesystem", "delete_file", path=str(notes / "a")))
    assert suggest([*approved(read("a"), read("b"), read("c")), *denied(read("passwords"))], policy) == []


def test_a_denial_of_the_policy_is_lifted_by_no_suggestion(machine: Machine) -> None:
    policy = machine.policy(ASK.replace("escalate", "deny"))
    asked = call("fetch", "fetch", url="https://good.example/")
    assert suggest(approved(asked, asked), policy) == []


PATHS = st.sampled_from(["/", "/a", "/a/1", "/a/2", "/a/b/1", "/c/1", "/c//1", "/c/%2e"])
REQUESTS = st.builds(get, PATHS, st.sampled_from(["one.example", "two.example"]), st.sampled_from(["GET", "POST"]))


@given(st.lists(st.tuples(REQUESTS, st.booleans()), max_size=12))
def test_for_any_past_no_denied_request_is_covered(past: list[tuple[HttpRequest, bool]]) -> None:
    decisions = [Decided(action=action, decision=ALLOW if good else DENY, asked=good) for action, good in past]
    refused = [action for action, good in past if not good]
    found = suggest(decisions, WEB)
    assert not [each for each in found for action in refused if WEB.covers(each.rule, action)]
    assert sum(each.saves for each in found) <= sum(good for _, good in past)
    for each in found:
        assert all(WEB.covers(each.rule, action) for action in each.examples)
