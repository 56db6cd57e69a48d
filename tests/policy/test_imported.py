# ruff: noqa: E501 (tables)
"""Taking over what the original wrote. The files are shortened from the ones it ships."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.events import Decision
from ironcurtain_tui.policy.annotations import ServerAnnotations
from ironcurtain_tui.policy.decide import PlacedRule, Policy
from ironcurtain_tui.policy.document import parse_annotations, parse_policy
from ironcurtain_tui.policy.imported import ANNOTATIONS, LISTS, POLICY, Imported, convert
from ironcurtain_tui.policy.load import load_annotations
from ironcurtain_tui.policy.rules import with_lists
from tests.policy.stage import Machine, call, decided

ALLOW, ASK, DENY = Decision.ALLOW, Decision.ESCALATE, Decision.DENY


def rule(name: str, condition: dict[str, object], then: str = "allow", **more: object) -> dict[str, object]:
    return {
        "name": name,
        "description": "d",
        "principle": "p",
        "if": condition,
        "then": then,
        "reason": f"why {name}",
    } | more


RULES = [
    rule("downloads", {"paths": {"roles": ["read-path", "write-path", "delete-path"], "within": "~/Downloads"}}),
    rule("documents", {"paths": {"roles": ["read-path"], "within": "~/Documents"}}),
    rule("no-delete", {"roles": ["delete-path"]}, "deny"),
    rule("writes", {"roles": ["write-path"]}, "escalate"),
    rule("reads", {"roles": ["read-path"]}, "escalate"),
    rule("listing", {"tool": ["list_allowed_directories"], "sideEffects": False}),
    rule("news", {"server": ["fetch"], "domains": {"roles": ["fetch-url"], "allowed": ["@news", "example.org"]}}),
    rule(
        "mine",
        {
            "server": ["github"],
            "lists": [
                {"roles": ["github-owner"], "allowed": ["me"], "matchType": "identifiers"},
                {"roles": ["github-repo"], "allowed": ["tools"], "matchType": "identifiers"},
            ],
        },
    ),
    rule("push", {"server": ["git"], "tool": ["git_push"]}, "escalate"),
]
LIST = {
    "news": {
        "values": ["bbc.co.uk", "*.bbc.co.uk", "gone.example"],
        "manualAdditions": ["x.example"],
        "manualRemovals": ["gone.example"],
    }
}
TOOLS = {
    "github": {
        "inputHash": "0",
        "tools": [
            {"toolName": "issue", "serverName": "github", "comment": "Opens one.", "sideEffects": True,
             "args": {"owner": ["github-owner"], "repo": ["github-repo"], "body": ["none"]}, "inputSchema": {}},
            {"toolName": "branch", "serverName": "github", "comment": "",
             "args": {"path": {"default": ["delete-history"],
                               "when": [{"condition": {"arg": "mode", "equals": "list"}, "roles": ["read-path"]},
                                        {"condition": {"arg": "mode", "in": ["create", "rename"]}, "roles": ["write-history"]},
                                        {"condition": {"arg": "name", "is": "absent"}, "roles": ["read-path"]}]},
                      "mode": ["none"], "name": ["branch-name"]}},
            {"toolName": "odd", "args": {"x": ["no-such-role"]}},
        ],
    },
    "filesystem": {"tools": [{"toolName": "read_file", "args": {"path": ["none"]}}]},
    "../evil": {"tools": []},
}  # fmt: skip


def imported(rules: object = RULES, lists: object = LIST, servers: object = TOOLS) -> Imported:
    files = {
        POLICY: {"generatedAt": "x", "rules": rules},
        LISTS: {"generatedAt": "x", "lists": lists},
        ANNOTATIONS: {"servers": servers},
    }
    return convert(
        {name: json.dumps(each).encode() for name, each in files.items()}, load_annotations(Path("/nonexistent"))
    )


def policy(machine: Machine, taken: Imported) -> Policy:
    document = parse_policy(taken.policy, "policy.toml")
    assert not document.defaults
    placed = [PlacedRule(origin="user", rule=with_lists(each, document.lists)) for each in document.rule]
    tables: dict[str, ServerAnnotations] = load_annotations(Path("/nonexistent"))
    tables |= {name: parse_annotations(text, name) for name, text in taken.annotations.items()}
    return Policy((), placed, annotations=tables, surroundings=machine.surroundings)


@pytest.mark.parametrize(
    ("server", "tool", "arguments", "expected"),
    [
        ("filesystem", "read_file", {"path": "~/Downloads/x"}, (ALLOW, "user: downloads (read-path)")),
        ("filesystem", "delete_file", {"path": "~/Downloads/x"}, (ALLOW, "user: downloads (delete-path)")),
        ("filesystem", "delete_file", {"path": "~/Documents/x"}, (DENY, "user: no-delete")),
        ("filesystem", "read_file", {"path": "~/Documents/x"}, (ALLOW, "user: documents")),
        ("filesystem", "write_file", {"path": "~/Documents/x", "content": ""}, (ASK, "user: writes")),
        ("filesystem", "move_file", {"source": "~/Downloads/x", "destination": "/srv/x"}, (ASK, "user: writes")),
        ("filesystem", "read_multiple_files", {"paths": ["~/Documents/a", "/srv/x"]}, (ASK, "user: reads")),
        ("filesystem", "list_allowed_directories", {}, (ALLOW, "user: listing")),
        ("fetch", "fetch", {"url": "https://www.bbc.co.uk/"}, (ALLOW, "user: news")),
        ("fetch", "fetch", {"url": "https://x.example/"}, (ALLOW, "user: news")),
        ("fetch", "fetch", {"url": "https://gone.example/"}, (DENY, "default-deny")),
        ("github", "issue", {"owner": "Me", "repo": "TOOLS", "body": ""}, (ALLOW, "user: mine")),
        ("github", "issue", {"owner": "me", "repo": "other", "body": ""}, (DENY, "default-deny")),
        ("github", "branch", {"path": "/srv/x", "mode": "list"}, (ASK, "user: reads")),
        ("github", "branch", {"path": "/srv/x", "mode": "create", "name": "b"}, (DENY, "default-deny")),
        ("github", "branch", {"path": "/srv/x"}, (ASK, "user: reads")),
        ("github", "branch", {"path": "/srv/x", "mode": "delete", "name": "b"}, (DENY, "default-deny")),
    ],
)
def test_it_decides_as_the_original_did(
    machine: Machine, server: str, tool: str, arguments: dict[str, object], expected: tuple[Decision, str]
) -> None:
    assert decided(policy(machine, imported()).decide(call(server, tool, **arguments))) == expected


def test_what_could_not_be_taken_over_is_said() -> None:
    notes = "\n".join(imported().notes)
    for words in (
        "rule listing: its condition on side effects",
        "tool github.odd: left out",
        "tool filesystem.read_file: this program's own table is kept",
        "server '../evil'",
    ):
        assert words in notes


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ({"sideEffects": False}, "left out: it allows by side effects"),
        ({"budget": 3}, "left out, its condition budget is not known"),
        ({"paths": {"roles": ["read-path"], "within": "relative"}}, "left out: "),
        ({"roles": ["write-path"], "paths": {"roles": ["read-path"], "within": "/x"}}, "fits nothing"),
        ({"roles": ["no-such-role"]}, "left out: "),
        ({"domains": {"roles": ["fetch-url"], "allowed": ["@missing"]}}, "list missing: not among"),
        ({"tool": ["git_push"]}, "for every remote and URL"),
    ],
)
def test_a_rule_that_means_something_else_here_never_allows_more(condition: dict[str, object], words: str) -> None:
    taken = imported([rule("r", condition)], {}, {})
    assert any(words in note for note in taken.notes), taken.notes
    for each in parse_policy(taken.policy, "x").rule:
        assert getattr(each, "tool", ()) or getattr(each, "where", {})


def test_rules_of_one_name_are_told_apart() -> None:
    taken = imported([rule("a", {"tool": ["x"]}), rule("a", {"tool": ["y"]})], {}, {})
    assert [each.name for each in parse_policy(taken.policy, "x").rule] == ["a", "a (2)"]


@pytest.mark.parametrize("content", [b"", b"[]", b'{"rules": 1}', b"\xff", b'{"rules": ["a"]}'])
def test_a_file_that_is_something_else_is_refused(content: bytes) -> None:
    with pytest.raises(UserFacingError, match="not what its name says"):
        convert({POLICY: content}, {})


def test_nothing_of_ours_is_needed() -> None:
    assert convert({}, {}) == Imported()
