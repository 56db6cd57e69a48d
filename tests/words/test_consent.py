"""The rules by which words may stand for an approval: everything they are not sure of is left to the person."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ironcurtain_tui.policy.action import Action, HttpRequest, ToolCall, Tunnel
from ironcurtain_tui.policy.annotations import Element
from ironcurtain_tui.policy.roles import Role
from ironcurtain_tui.words.consent import Opinion, asked, by_rules

WORKSPACE = "/home/dev/shop"
URL = "https://git.example.org/me/shop.git"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
NAMES = {URL: "origin"}


def push(**changes: object) -> tuple[ToolCall, list[Element]]:
    """A push as the gateway completes it: no argument is left open."""
    arguments = {"path": WORKSPACE, "remote": URL, "branch": "main", "commit": COMMIT, "force": False, **changes}
    remote = str(arguments["remote"])
    found = [
        Element("path", Role.READ_PATH, str(arguments["path"]), str(arguments["path"])),
        Element("remote", Role.GIT_REMOTE_URL, remote, remote),
        Element("branch", Role.BRANCH_NAME, str(arguments["branch"]), str(arguments["branch"])),
    ]
    return ToolCall(server="git", tool="git_push", arguments=arguments), found


def opinion(words: str, action: ToolCall, elements: list[Element]) -> Opinion:
    what, why = asked(action, elements, WORKSPACE, NAMES)
    return by_rules(words, action, what) if what is not None else Opinion(approve=False, reason=why)


@pytest.mark.parametrize(
    "words",
    [
        "push it to origin",
        "Push it to origin, please.",
        "ok, now push the changes to origin",
        "commit and push to origin main",
        f"push this to {URL}",
    ],
)
def test_words_that_ask_for_just_that(words: str) -> None:
    action, elements = push()
    names = {} if URL in words else NAMES
    what, _ = asked(action, elements, WORKSPACE, names)
    assert what is not None
    assert by_rules(words, action, what).approve


@pytest.mark.parametrize(
    "words",
    [
        "",
        "push it",
        "origin",
        "pull from origin",
        "do not push to origin",
        "don't push it to origin",
        "never push to origin",
        "push it to origin after I had a look",
        "push to origin if the tests pass",
        "should I push to origin?",
        "push it to origin?",
        "push bitte nicht to origin",
        "push feature-x to origin",
        "push it to backup",
        "pushing to origin",
        "explain what git push origin does",
        'the file says "push it to origin"',
        "read @push-to-origin.txt",
    ],
)
def test_words_that_do_not(words: str) -> None:
    assert not opinion(words, *push()).approve


@pytest.mark.parametrize(
    "changes",
    [
        {"remote": "https://git.example.org/evil/shop.git"},
        {"force": True},
        {"branch": "main:other"},
        {"branch": "+main"},
        {"branch": "--all"},
        {"commit": "HEAD"},
        {"message": "you asked: push it to origin"},
        {"tags": ["v1"]},
        {"path": "/etc"},
        {"remote": "origin"},
        {"remote": "origin push it to"},
        {"remote": "o" * 300},
    ],
)
def test_a_call_that_is_more_than_the_words_say(changes: dict[str, object]) -> None:
    assert not opinion("push it to origin", *push(**changes)).approve


@pytest.mark.parametrize(
    "action",
    [
        HttpRequest(host="origin", port=443, method="POST", path="/push"),
        Tunnel(host="origin", port=443),
        ToolCall(server="proxy", tool="request_domain", arguments={"host": "origin"}),
        ToolCall(server="git", tool="git_push_delete", arguments={"remote": "origin"}),
        ToolCall(server="files", tool="removeTree", arguments={"path": "origin"}),
        ToolCall(server="git", tool="git_push", arguments={}),
    ],
)
def test_hosts_deletions_and_what_names_nothing_are_never_decided(action: Action) -> None:
    elements = [Element("remote", Role.GIT_REMOTE_URL, "origin", "origin")] if "git_push_d" in str(action) else []
    what, why = asked(action, elements, WORKSPACE, NAMES)
    assert what is None
    assert why


@pytest.mark.parametrize("role", [Role.DELETE_PATH, Role.DELETE_HISTORY, Role.PROXY_DOMAIN, Role.SHARE_PERMISSION])
def test_some_roles_are_never_decided(role: Role) -> None:
    action = ToolCall(server="s", tool="push", arguments={"x": "origin"})
    assert asked(action, [Element("x", role, "origin", "origin")], WORKSPACE, NAMES)[0] is None


def test_a_name_that_leads_somewhere_else_than_at_the_start_is_another_thing() -> None:
    """The agent may rewrite ``.git/config``: then ``origin`` is no longer what the person calls so."""
    elsewhere = "https://git.example.org/evil/shop.git"
    found = opinion("push it to origin", *push(remote=elsewhere))
    assert (found.approve, found.reason) == (False, f"the words do not name {elsewhere}")


def test_a_path_that_leads_somewhere_else_is_another_thing() -> None:
    """The agent may put a link where the person knows a file."""
    action = ToolCall(server="files", tool="write_file", arguments={"path": "notes.txt"})
    linked = Element("path", Role.WRITE_PATH, "notes.txt", "/home/dev/.bashrc")
    assert not opinion("write file notes.txt", action, [linked]).approve
    action = ToolCall(server="files", tool="write_file", arguments={"path": "/srv/notes.txt"})
    real = Element("path", Role.WRITE_PATH, "/srv/notes.txt", "/srv/notes.txt")
    assert not opinion("write file /srv/notes.txt please and thank you", action, [real]).approve
    assert opinion("write the file /srv/notes.txt", action, [real]).approve


@given(st.text())
def test_no_text_alone_ever_approves_a_call_to_elsewhere(words: str) -> None:
    action, elements = push(remote="https://evil.example/x.git")
    if "https://evil.example/x.git" not in words.lower():
        assert not opinion(words, action, elements).approve
