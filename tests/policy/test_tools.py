# ruff: noqa: E501 (tables)
"""Tool calls, by the tables of upstream's policy engine (research/upstream.md 3.3, 3.4, 3.7); where it has gaps, better."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ironcurtain_tui.events import Decision
from ironcurtain_tui.policy.action import ToolCall
from ironcurtain_tui.policy.decide import SEVERITY, PlacedRule, Policy
from ironcurtain_tui.policy.roles import RESOURCES, Role
from ironcurtain_tui.policy.rules import Rule, ToolRule
from ironcurtain_tui.policy.surroundings import Surroundings
from tests.policy.stage import GIT, GITHUB, MAIL, Machine, call, decided

ALLOW, ASK, DENY = Decision.ALLOW, Decision.ESCALATE, Decision.DENY
FREE = "structural: the workspace is free"
OURS = "structural: our own state"

ALLOW_ALL = '[[rule]]\nname = "all"\non = "tool"\nthen = "allow"\n'


def rule(name: str, then: str, more: str = "") -> str:
    return f'[[rule]]\nname = "{name}"\non = "tool"\nthen = "{then}"\n{more}\n'


# --- structure -----------------------------------------------------------------------------------------


def test_the_workspace_is_free_whatever_the_rules_say(machine: Machine) -> None:
    policy = machine.policy(rule("no", "deny"))
    for asked in (
        call("filesystem", "read_file", path="src/a"),
        call("filesystem", "write_file", path="/workspace/new/deep", content="x"),
        call("filesystem", "delete_file", path=str(machine.root / "work/src")),
        call("filesystem", "move_file", source="a", destination="b"),
        call("filesystem", "read_multiple_files", paths=["a", "b"]),
        call("git", "git_commit", repo_path=".", message="-m"),
        call("git", "git_add", repo_path="src", files=["a", "../b"]),
    ):
        assert decided(policy.decide(asked)) == (ALLOW, FREE), asked


def test_our_own_state_is_out_of_reach_whatever_the_rules_say(machine: Machine) -> None:
    (machine.root / "work/link").symlink_to(machine.root / "state")
    policy = machine.policy(ALLOW_ALL)
    state = str(machine.root / "state")
    for asked in (
        call("filesystem", "read_file", path=f"{state}/ca/key.pem"),
        call("filesystem", "read_file", path="link/ca/key.pem"),
        call("filesystem", "read_file", path="../state/policy.toml"),
        call("filesystem", "read_multiple_files", paths=["a", "link/x"]),
        call("filesystem", "move_file", source="a", destination=f"{state}/policy.toml"),
        call("filesystem", "delete_file", path=str(machine.root)),
        call("git", "git_commit", repo_path=str(machine.root), message="x"),
        call("git", "push", repo=".", remote=f"file://{state}", branch="main"),
        call("github", "issue", owner="a", repo="b", body=f"{state}/config.toml"),
        call("github", "issue", owner="a", repo="b", body=f"file://{state}/config.toml"),
        call("github", "whoami", nobody={"knows": [f"{state}/ca"]}),
    ):
        assert decided(policy.decide(asked)) == (DENY, OURS), asked


def test_a_server_that_is_not_local_is_not_free_in_the_workspace(machine: Machine) -> None:
    """Reading is harmless only where what is read stays."""
    assert machine.policy().decide(call("github", "upload", file="src/a")).decision is DENY
    assert machine.shipped().decide(call("github", "upload", file="src/a")).decision is DENY


def test_links_out_of_the_workspace_lead_out_of_it(machine: Machine) -> None:
    (machine.root / "work/out").symlink_to(machine.root / "elsewhere")
    (machine.root / "work/new").symlink_to(machine.root / "elsewhere/not-yet")
    policy = machine.policy()
    for path in ("out/x", "../elsewhere", "new", "~/x", "/workspacefoo", "/workspace/../etc/passwd", "/etc/passwd"):
        assert policy.decide(call("filesystem", "write_file", path=path, content="")).rule == "default-deny", path


def test_a_tool_nothing_is_known_of_is_denied(machine: Machine) -> None:
    policy = machine.policy(ALLOW_ALL)
    for asked in (call("git", "other"), call("none", "git_status", repo_path="."), call("", "")):
        assert decided(policy.decide(asked)) == (DENY, "default-deny")


def test_an_argument_nothing_is_known_of_is_shown_to_a_person(machine: Machine) -> None:
    verdict = machine.policy(ALLOW_ALL).decide(call("github", "whoami", surprise=1))
    assert decided(verdict) == (ASK, "unknown-argument")


@pytest.mark.parametrize("value", [{"a": 1}, [["a"]], True, [{"path": "a"}]])
def test_a_value_its_role_cannot_have_is_denied(machine: Machine, value: object) -> None:
    assert decided(machine.policy(ALLOW_ALL).decide(call("filesystem", "read_file", path=value))) == (
        DENY,
        "unjudgeable-argument",
    )


def test_more_values_than_anybody_judges_are_denied(machine: Machine) -> None:
    for path in ("a", "/a"):
        verdict = machine.policy().decide(call("filesystem", "read_multiple_files", paths=[path] * 1001))
        assert decided(verdict) == (DENY, "unjudgeable-argument")


@pytest.mark.parametrize("path", ["x\0y", "~root/x", "file:///etc/passwd", "https://a.b/"])
def test_a_path_that_leads_nobody_knows_where_is_denied(machine: Machine, path: str) -> None:
    assert machine.policy(ALLOW_ALL).decide(call("filesystem", "read_file", path=path)).decision is DENY


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://localhost:3000/", "http://169.254.169.254/latest/meta-data", "http://[::1]/", "http://2130706433/",
        "http://0x7f.1/", "http://10.0.0.1/", "http://[::ffff:10.0.0.1]/", "http://intranet/", "ftp://example.org/", "-o", "file:///etc/passwd",
    ],
)  # fmt: skip
def test_the_host_itself_is_never_fetched_from(machine: Machine, url: str) -> None:
    assert machine.policy(ALLOW_ALL).decide(call("fetch", "fetch", url=url)).decision is DENY


def test_a_private_network_that_is_named_may_be_fetched_from(machine: Machine) -> None:
    policy = machine.policy('[web]\nprivate_networks = ["10.0.0.0/8"]\n' + ALLOW_ALL)
    assert policy.decide(call("fetch", "fetch", url="http://10.0.0.1/")).decision is ALLOW
    assert policy.decide(call("fetch", "fetch", url="http://192.168.0.1/")).decision is DENY
    assert policy.names_address("10.9.9.9")
    assert not policy.names_address("192.168.0.1")
    assert not policy.names_address("example.org")


@pytest.mark.parametrize(
    ("remote", "branch"), [("--upload-pack=id", "main"), ("ext::sh -c id", "main"), ("origin", "-f")]
)
def test_what_git_would_take_for_a_command_is_denied(machine: Machine, remote: str, branch: str) -> None:
    asked = call("git", "push", repo=".", remote=remote, branch=branch)
    assert machine.policy(ALLOW_ALL).decide(asked).decision is DENY


def test_own_tools_need_no_rule(machine: Machine) -> None:
    assert machine.policy(rule("no", "deny")).decide(call("ironcurtain", "where_am_i")).decision is ALLOW


# --- rules ---------------------------------------------------------------------------------------------


def test_the_first_rule_that_fits_decides(machine: Machine) -> None:
    policy = machine.policy(rule("one", "deny", 'server = "git*"\ntool = ["x", "who*"]') + rule("two", "allow"))
    assert decided(policy.decide(call("github", "whoami"))) == (DENY, "user: one")
    policy = machine.policy(rule("one", "deny", 'server = "git"') + rule("two", "allow"))
    assert decided(policy.decide(call("github", "whoami"))) == (ALLOW, "user: two")


def test_each_value_is_judged_and_the_most_restrictive_wins(machine: Machine) -> None:
    policy = machine.policy(
        rule("docs", "allow", 'where = { read-path = ["~/Documents"] }')
        + rule("downloads", "escalate", 'where = { read-path = ["~/Downloads"] }')
    )
    read = lambda *paths: decided(policy.decide(call("filesystem", "read_multiple_files", paths=list(paths))))  # noqa: E731
    assert read("~/Documents/a", "src/b") == (ALLOW, "user: docs")
    assert read("~/Documents/a", "~/Downloads/b") == (ASK, "user: downloads")
    assert read("~/Downloads/b", "/etc/passwd", "~/Documents/a") == (DENY, "default-deny")


def test_each_role_of_a_value_is_judged(machine: Machine) -> None:
    """move_file reads and deletes its source; edit_file reads and writes."""
    policy = machine.policy(
        rule("read", "allow", 'roles = ["read-path"]') + rule("write", "allow", 'roles = ["write-path"]')
    )
    assert policy.decide(call("filesystem", "move_file", source="~/a", destination="~/b")).decision is DENY
    assert policy.decide(call("filesystem", "edit_file", path="~/a", edits=[])).decision is ALLOW


def test_a_rule_that_names_a_role_says_nothing_of_the_others(machine: Machine) -> None:
    """Upstream's known gap: a rule without a remote in it must not let a push to any remote through."""
    policy = machine.policy(rule("reading", "allow", 'server = "git"\nroles = ["read-path"]'))
    assert decided(policy.decide(call("git", "push", repo="~/p", remote="origin", branch="main"))) == (
        DENY,
        "default-deny",
    )


def test_git_remotes_by_name_and_by_url(machine: Machine) -> None:
    mine = 'where = { git-remote-url = ["github.com/me/*", "/srv/bare.git"] }'
    policy = machine.policy(rule("mine", "allow", mine))
    push = lambda remote: policy.decide(call("git", "push", repo=".", remote=remote, branch="b")).decision  # noqa: E731
    for remote in ("origin", "bare", "https://GITHUB.com/me/x", "git@GitHub.com:me/x.git", "/srv/bare.git"):
        assert push(remote) is ALLOW, remote
    for remote in ("evil", "unknown", "https://github.com/you/x", "/srv/other.git", "http://github.com/me/x", "../x"):
        assert push(remote) is DENY, remote


def test_a_remote_nobody_can_tell_is_never_past_a_rule_that_forbids(machine: Machine) -> None:
    policy = machine.policy(rule("no", "deny", 'where = { git-remote-url = ["evil.example"] }') + ALLOW_ALL)
    push = lambda remote: policy.decide(call("git", "push", repo=".", remote=remote, branch="b")).decision  # noqa: E731
    assert push("evil") is DENY
    assert push("unknown") is DENY
    assert push("http://evil.example/x") is DENY
    assert push("origin") is ALLOW


def test_an_unusual_port_is_no_way_around_a_rule(machine: Machine) -> None:
    policy = machine.policy(rule("no", "deny", 'where = { fetch-url = ["*.evil.example"] }') + ALLOW_ALL)
    assert policy.decide(call("fetch", "fetch", url="https://a.evil.example:8443/")).decision is DENY


def test_identifiers_and_addresses_have_no_case(machine: Machine) -> None:
    policy = machine.policy(
        '[lists]\nfriends = ["Ann@Example.org", "*@work.example"]\n'
        + rule("mine", "allow", 'where = { github-owner = ["Me"], github-repo = ["x*"] }')
        + rule("mail", "allow", 'where = { email-address = ["@friends"] }')
    )
    assert policy.decide(call("github", "issue", owner="ME", repo="Xylophone", body="")).decision is ALLOW
    assert policy.decide(call("github", "issue", owner="me2", repo="x", body="")).decision is DENY
    assert policy.decide(call("mail", "send", to=["ann@example.ORG", "Bo@WORK.example"], text="hi")).decision is ALLOW
    assert policy.decide(call("mail", "send", to=["ann@example.org", "eve@evil.example"], text="hi")).decision is DENY


def test_an_allowing_rule_on_several_roles_holds_only_together(machine: Machine) -> None:
    """Two approved pairs of repository and remote do not make four."""
    policy = machine.policy(
        rule("secret", "allow", 'where = { read-path = ["~/secret"], git-remote-url = ["intern.example"] }')
        + rule("public", "allow", 'where = { read-path = ["~/public"], git-remote-url = ["github.com"] }')
    )
    push = lambda repo, remote: policy.decide(call("git", "push", repo=repo, remote=remote, branch="b")).decision  # noqa: E731
    assert push("~/secret", "https://intern.example/a/b") is ALLOW
    assert push("~/public", "https://github.com/a/b") is ALLOW
    assert push("~/secret", "https://github.com/a/b") is DENY
    assert push("~/public", "https://intern.example/a/b") is DENY


def test_what_goes_along_needs_no_rule_but_can_be_forbidden(machine: Machine) -> None:
    allow = rule("mine", "allow", 'roles = ["git-remote-url"]')
    asked = call("git", "push", repo=".", remote="origin", branch="main")
    assert machine.policy(allow).decide(asked).decision is ALLOW
    forbidding = rule("not main", "deny", 'where = { branch-name = ["main", "release/*"] }') + allow
    assert decided(machine.policy(forbidding).decide(asked)) == (DENY, "user: not main")


# --- what comes with the program -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "decision"),
    [
        (call("filesystem", "list_allowed_directories"), ALLOW),
        (call("filesystem", "read_file", path="src/a"), ALLOW),
        (call("filesystem", "read_file", path="/usr/include/stdio.h"), ALLOW),
        (call("filesystem", "write_file", path="src/a", content="x"), ALLOW),
        (call("git", "git_status", repo_path="."), ALLOW),
        (call("git", "git_commit", repo_path=".", message="x"), ALLOW),
        (call("filesystem", "read_file", path="/etc/passwd"), ASK),
        (call("filesystem", "write_file", path="/tmp/x", content="x"), ASK),
        (call("filesystem", "delete_file", path="/tmp/x"), ASK),
        (call("fetch", "fetch", url="https://example.org/"), ASK),
        (call("fetch", "fetch", url="http://169.254.169.254/"), DENY),
        (call("proxy", "request_domain", host="example.org", reason="x"), ASK),
        (call("proxy", "request_domain", host="10.0.0.1", reason="x"), DENY),
        (call("anything", "resources/read", uri="x://y"), ASK),
        (call("anything", "else"), DENY),
    ],
)  # fmt: skip
def test_the_shipped_policy(machine: Machine, asked: ToolCall, decision: Decision) -> None:
    assert machine.shipped().decide(asked).decision is decision


def test_a_users_rule_comes_before_the_shipped_ones(machine: Machine) -> None:
    user = rule("read etc", "allow", 'where = { read-path = ["/etc"] }')
    asked = call("filesystem", "read_file", path="/etc/hosts")
    assert decided(machine.shipped(user).decide(asked)) == (ALLOW, "user: read etc")
    assert decided(machine.shipped("defaults = false\n").decide(asked)) == (DENY, "default-deny")


# --- drafts ----------------------------------------------------------------------------------------------


def drafted(policy: Policy, asked: ToolCall) -> Rule:
    made = policy.draft(asked)
    assert made is not None
    return made


def test_a_draft_covers_the_same_again_and_nothing_else(machine: Machine) -> None:
    policy = machine.policy(rule("ask", "escalate"))
    made = drafted(policy, call("git", "push", repo=".", remote="origin", branch="main"))
    assert policy.covers(
        made, call("git", "push", repo="/workspace", remote="git@github.com:me/project", branch="main")
    )
    for other in (
        call("git", "push", repo="~/x", remote="origin", branch="main"),
        call("git", "push", repo=".", remote="evil", branch="main"),
        call("git", "push", repo=".", remote="origin", branch="other"),
        call("git", "push", repo=".", remote="origin"),
        call("git", "push", repo=".", remote="origin", branch="main", force=True),
        call("git", "git_commit", repo_path="~/x", message="x"),
    ):
        assert not policy.covers(made, other), other


def test_a_draft_of_a_call_without_a_branch_is_of_no_branch(machine: Machine) -> None:
    policy = machine.policy(rule("ask", "escalate"))
    made = drafted(policy, call("git", "push", repo=".", remote="origin"))
    assert policy.covers(made, call("git", "push", repo="/workspace", remote="origin"))
    assert not policy.covers(made, call("git", "push", repo=".", remote="origin", branch="main"))


def test_a_grant_never_lifts_a_denial(machine: Machine) -> None:
    policy = machine.policy(rule("no", "deny", 'where = { fetch-url = ["evil.example"] }') + rule("ask", "escalate"))
    everything = ToolRule(name="x", then=ALLOW)
    assert policy.covers(everything, call("fetch", "fetch", url="https://good.example/"))
    assert not policy.covers(everything, call("fetch", "fetch", url="https://evil.example/"))
    assert not policy.covers(everything, call("filesystem", "read_file", path=str(machine.root / "state")))
    assert not policy.covers(everything, call("github", "whoami", unknown=1))


def test_the_agents_words_in_a_draft_are_no_patterns(machine: Machine) -> None:
    policy = machine.policy(rule("ask", "escalate"))
    made = drafted(policy, call("github", "issue", owner="*", repo="@list", body=""))
    assert policy.covers(made, call("github", "issue", owner="*", repo="@list", body="other"))
    assert not policy.covers(made, call("github", "issue", owner="me", repo="mine", body=""))


def test_another_case_is_no_way_around_a_denial_and_no_way_in(machine: Machine) -> None:
    for then, expected in ((DENY, DENY), (ALLOW, ASK)):
        policy = machine.policy(
            rule("repository", then, 'where = { git-remote-url = ["github.com/Me/Prod.git"] }')
            + rule("papers", then, 'where = { read-path = ["~/Documents"] }')
            + rule("ask", "escalate")
        )
        assert (
            policy.decide(call("git", "push", repo=".", remote="git@github.com:me/prod", branch="x")).decision
            is expected
        )
        assert policy.decide(call("filesystem", "read_file", path="~/documents/x")).decision is expected
        assert (
            policy.decide(call("git", "push", repo=".", remote="https://github.com/Me/Prod.git", branch="x")).decision
            is then
        )


def test_there_is_no_draft_of_what_cannot_be_told(machine: Machine) -> None:
    policy = machine.policy(rule("ask", "escalate"))
    asked = call("git", "push", repo=".", remote="unknown", branch="main")
    assert policy.draft(asked) is None


# --- for arbitrary rules -----------------------------------------------------------------------------------

PLACES = Surroundings(workspace="/work", protected=("/state",), home="/home", realpath=lambda path: path)
PATHS = st.sampled_from(["/a", "/a/b", "/b", "/state", "/work/x", "/home/x", "~/x", "relative"])
OWNERS = st.sampled_from(["me", "you", "*", "m*"])
WHERE = st.dictionaries(
    st.sampled_from([Role.READ_PATH, Role.WRITE_PATH, Role.DELETE_PATH]),
    st.tuples(st.sampled_from(["/a", "/a/b", "/"])),
)
OWNED = st.dictionaries(st.sampled_from([Role.GITHUB_OWNER, Role.GITHUB_REPO]), st.tuples(OWNERS))
RULES = st.lists(
    st.builds(
        lambda then, server, roles, where: ToolRule(name="r", then=then, server=server, roles=roles, where=where),
        st.sampled_from([ALLOW, ASK, DENY]),
        st.sampled_from(["", "filesystem", "git*"]).map(lambda name: (name,) if name else ()),
        st.lists(st.sampled_from(sorted(RESOURCES)), max_size=2).map(tuple),
        st.one_of(WHERE, OWNED),
    ),
    max_size=6,
)
CALLS = st.one_of(
    st.builds(lambda paths: call("filesystem", "read_multiple_files", paths=paths), st.lists(PATHS, min_size=1, max_size=4)),
    st.builds(lambda a, b: call("filesystem", "move_file", source=a, destination=b), PATHS, PATHS),
    st.builds(lambda a, b: call("github", "issue", owner=a, repo=b, body=""), OWNERS, OWNERS),
    st.builds(lambda: call("github", "whoami")),
)  # fmt: skip


def arbitrary(rules: list[Any]) -> Policy:
    from ironcurtain_tui.policy.load import load_annotations

    placed = [PlacedRule(origin="user", rule=each) for each in rules]
    tables = {**load_annotations(Path("/nonexistent")), "git": GIT, "github": GITHUB, "mail": MAIL}
    return Policy((), placed, annotations=tables, surroundings=PLACES)


@given(RULES, CALLS)
def test_the_most_restrictive_wins(rules: list[ToolRule], asked: ToolCall) -> None:
    explanation = arbitrary(rules).explain(asked)
    worst = max(SEVERITY[step.verdict.decision] for step in explanation.steps)
    assert SEVERITY[explanation.verdict.decision] == worst


@given(RULES, CALLS)
def test_what_no_rule_allows_is_denied(rules: list[ToolRule], asked: ToolCall) -> None:
    """Every allowing step names a rule that allows, or the structure; without allowing rules only structure allows."""
    explanation = arbitrary(rules).explain(asked)
    for step in explanation.steps:
        if step.verdict.decision is ALLOW and step.verdict.rule != FREE:
            assert any(each.then is ALLOW for each in rules)
    if not rules:
        assert explanation.verdict.decision is DENY or {step.verdict.rule for step in explanation.steps} == {FREE}


@given(RULES, CALLS, st.integers(0, 6))
def test_a_denial_more_never_allows_more(rules: list[ToolRule], asked: ToolCall, place: int) -> None:
    denial = ToolRule(name="d", then=DENY)
    before = arbitrary(rules).decide(asked).decision
    after = arbitrary([*rules[:place], denial, *rules[place:]]).decide(asked).decision
    assert SEVERITY[after] >= SEVERITY[before] or before is DENY


@given(RULES, CALLS)
def test_our_state_stays_ours_for_arbitrary_rules(rules: list[ToolRule], asked: ToolCall) -> None:
    texts = [text for value in asked.arguments.values() for text in (value if isinstance(value, list) else [value])]
    if asked.server == "filesystem" and "/state" in texts:
        assert arbitrary(rules).decide(asked).rule == OURS


@given(RULES, CALLS)
def test_a_draft_covers_what_it_was_made_of(rules: list[ToolRule], asked: ToolCall) -> None:
    policy = arbitrary(rules)
    made = policy.draft(asked)
    if made is not None and policy.decide(asked).decision is ASK:
        assert policy.covers(made, asked)


# --- the servers that come with the program ------------------------------------------------------------------


def test_switches_can_be_named_and_a_draft_holds_them(machine: Machine) -> None:
    policy = machine.policy(rule("no force", "deny", "arguments = { force = true }") + rule("ask", "escalate"))
    push = call("git", "git_push", path=".", remote="origin", branch="main", commit="a" * 40, force=False)
    forced = call("git", "git_push", path=".", remote="origin", branch="main", commit="a" * 40, force=True)
    assert policy.decide(push).decision is ASK
    assert decided(policy.decide(forced)) == (DENY, "user: no force")
    asking = machine.policy(rule("ask", "escalate"))
    made = drafted(asking, push)
    assert asking.covers(made, call("git", "git_push", path=".", remote="origin", branch="main", commit="b" * 40))
    assert not asking.covers(made, forced)


def test_a_push_that_names_no_remote_is_judged_by_where_it_goes(machine: Machine) -> None:
    mine = rule("mine", "allow", 'where = { git-remote-url = ["github.com/me/*"] }')
    assert machine.policy(mine).decide(call("git", "git_push")).decision is ALLOW
    assert machine.policy().decide(call("git", "git_push")).decision is DENY
    assert machine.shipped().decide(call("git", "git_push")).decision is ASK


async def test_every_tool_of_our_servers_is_described_with_all_its_arguments() -> None:
    from ironcurtain_tui.gateway.domain_requests import DomainRequests
    from ironcurtain_tui.gateway.servers import fetch, filesystem, git
    from ironcurtain_tui.policy.load import load_annotations

    tables = load_annotations(Path("/nonexistent"))
    described = {server.name: await server.list_tools() for server in (fetch.server, filesystem.server, git.server)}
    described["proxy"] = [tool for tool in await DomainRequests(tuple).tools() if tool.name != "list_domains"]
    for name, tools in described.items():
        for tool in tools:
            if not tool.name.startswith("complete_"):
                assert set(tool.inputSchema["properties"]) <= set(tables[name].tools[tool.name].arguments), tool.name


def test_paths_that_count_from_the_workspace_are_named(machine: Machine) -> None:
    policy = machine.policy()
    assert policy.path_arguments(call("filesystem", "move_file", source="a", destination="b")) == {
        "source",
        "destination",
    }
    assert policy.path_arguments(call("git", "git_add", repo_path="a", files=["b"])) == {"repo_path"}
    assert policy.path_arguments(call("git", "git_push", remote="x")) == {"path"}
    assert policy.path_arguments(call("fetch", "http_fetch", url="x")) == set()
    assert policy.path_arguments(call("no", "tool")) == set()
