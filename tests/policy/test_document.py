# ruff: noqa: E501 (tables)
from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.events import Decision
from ironcurtain_tui.policy.document import PolicyFile, parse_annotations, parse_policy, render_rule, toml
from ironcurtain_tui.policy.load import DEFAULT, SHIPPED_ANNOTATIONS, load_annotations, load_policy
from ironcurtain_tui.policy.roles import Role
from ironcurtain_tui.policy.rules import RequestRule, ToolRule

GOOD = """
# mine
[[rule]]
name = "first"
on = "tool"
then = "allow"

# about the second
[[rule]]
name = "second"
on = "tool"
then = "escalate"
"""


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a = = 1", 1, "line 1"),
        (GOOD.replace('"escalate"', '"maybe"'), 12, "rule `second`: then: Invalid enum value 'maybe'"),
        (GOOD.replace('"escalate"', '"answer"'), 12, "rule `second`: then must be allow, deny or escalate"),
        (GOOD + 'thn = "x"\n', 13, "rule `second`: unknown setting `thn`"),
        (GOOD.replace('name = "second"', ""), 9, "missing `name`"),
        (GOOD.replace('on = "tool"\nthen = "escalate"', 'then = "escalate"'), 9, "rule `second`"),
        (GOOD.replace("second", "first"), 10, "rule `first`: another rule has this name already"),
        (GOOD + 'where = { read-path = ["docs"] }\n', 13, "rule `second`: read-path must be a directory"),
        (GOOD + 'where = { read-pth = ["/docs"] }\n', 13, "rule `second`: where: Invalid enum value 'read-pth'"),
        (GOOD + 'where = { fetch-url = ["1.2.3.4"] }\n', 13, "fetch-url must be a host name"),
        (GOOD + 'where = { fetch-url = ["@news"] }\n', 10, "there is no list called `news`"),
        (GOOD + 'where = { fetch-url = ["@news"] }\n[lists]\nnews = ["1.2.3.4"]\n', 15, "must be a host name"),
        (GOOD + "[wb]\n", 13, "unknown setting `wb`"),
        (GOOD + '[web]\nunknown_hosts = "ask"\n', 14, "unknown_hosts"),
        (GOOD + '[web]\nprivate_networks = ["x"]\n', 14, "'x' does not appear to be an IPv4 or IPv6 network"),
        (GOOD + '[[rule]]\nname = "r"\non = "request"\nhost = "10.0.0.1"\nthen = "allow"\n', 16, "rule `r`: host must be"),
        (GOOD + '[[rule]]\nname = "r"\non = "request"\nhost = "a.b"\nmax_size = "9"\nthen = "allow"\n', 17, "max_size must"),
    ],
)  # fmt: skip
def test_errors_name_file_line_and_rule(text: str, line: int, words: str) -> None:
    with pytest.raises(UserFacingError) as caught:
        parse_policy(text, "/x/policy.toml")
    assert caught.value.message.startswith("/x/policy.toml")
    assert f"line {line}" in caught.value.message
    assert words in caught.value.message


def test_what_comes_with_the_program_is_valid() -> None:
    parse_policy(DEFAULT.read_text("utf-8"), "default.toml")
    assert {"git", "fetch", "filesystem", "proxy"} <= set(load_annotations(Path("/nonexistent")))
    for path in SHIPPED_ANNOTATIONS.glob("*.toml"):
        parse_annotations(path.read_text("utf-8"), path.name)


def test_annotations_of_a_user_come_over_the_shipped_ones_tool_by_tool(tmp_path: Path) -> None:
    (tmp_path / "git.toml").write_text('[tools.git_status.arguments]\nrepo_path = "write-path"\n')
    (tmp_path / "mine.toml").write_text('[tools]\nx = { arguments = { a = ["read-path", "write-path"] } }\n')
    tables = load_annotations(tmp_path)
    assert tables["git"].local
    assert tables["git"].tools["git_status"].arguments == {"repo_path": Role.WRITE_PATH}
    assert "git_commit" in tables["git"].tools
    assert not tables["mine"].local
    (tmp_path / "git.toml").write_text("local = false\n")
    assert not load_annotations(tmp_path)["git"].local
    (tmp_path / "mine.toml").write_text('[tools]\nx = { arguments = { a = "read-pth" } }\n')
    with pytest.raises(UserFacingError, match=r"mine\.toml, line 2"):
        load_annotations(tmp_path)


NAMES = st.text(min_size=1, max_size=30).filter(lambda name: name.strip() and name.isprintable())
PATTERNS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20).filter(lambda text: not text.startswith("@"))


@given(NAMES, st.sampled_from([Decision.ALLOW, Decision.DENY]), PATTERNS, PATTERNS, st.sampled_from(list(Role)))
def test_a_rendered_rule_reads_as_it_was(name: str, then: Decision, reason: str, pattern: str, role: Role) -> None:
    where = {Role.BRANCH_NAME: (pattern,), Role.READ_PATH: (f"/{pattern}",)}
    for rule in (
        ToolRule(name=name, then=then, reason=reason, server=pattern, tool=(pattern, "x"), roles=(role,), where=where),
        RequestRule(name=name, then=then, host="*.example.org", path=f"/{pattern}", method=("GET", pattern)),
    ):
        text = render_rule(rule)
        assert text.isprintable() or set(text) - {"\n"} == set("".join(text.split("\n")))
        (read,) = parse_policy(text, "x").rule
        assert render_rule(read) == text
        if isinstance(rule, ToolRule):
            assert isinstance(read, ToolRule)
            assert (read.name, read.then, read.reason, read.roles, read.where) == (name, then, reason, (role,), where)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_nothing_unprintable_gets_into_a_file(text: str) -> None:
    assert toml(text).isprintable()


RULE = ToolRule(name="first", then=Decision.ALLOW, server="git")


def test_a_rule_is_added_before_the_one_it_lifts_and_the_rest_stays(tmp_path: Path) -> None:
    file = PolicyFile(tmp_path / "policy.toml")
    file.path.write_text(GOOD)
    file.add(RULE, before="second")
    text = file.path.read_text()
    assert [rule.name for rule in parse_policy(text, "x").rule] == ["first", "first (2)", "second"]
    assert text.replace(render_rule(parse_policy(text, "x").rule[1]) + "\n", "") == GOOD
    assert text.index("# about the second") > text.index("first (2)")
    assert file.path.stat().st_mode & 0o777 == 0o600


def test_a_rule_is_added_to_the_end_of_a_file_that_need_not_exist(tmp_path: Path) -> None:
    file = PolicyFile(tmp_path / "new" / "policy.toml")
    file.add(RULE)
    file.add(RULE)
    assert [rule.name for rule in parse_policy(file.read(), "x").rule] == ["first", "first (2)"]
    assert os.listdir(file.path.parent) == ["policy.toml"]  # noqa: PTH208


def test_a_broken_file_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text('[[rule]]\non = "tool"\nname = 1\n')
    with pytest.raises(UserFacingError, match="line 3"):
        PolicyFile(path).add(RULE)
    assert path.read_text() == '[[rule]]\non = "tool"\nname = 1\n'


def test_a_file_in_which_headers_cannot_be_told_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    text = GOOD.replace('name = "first"', 'name = "first"\nreason = """\n[[rule]]\n"""')
    path.write_text(text)
    with pytest.raises(UserFacingError, match="by hand"):
        PolicyFile(path).add(RULE, before="second")
    assert path.read_text() == text


def test_a_link_to_a_policy_file_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    (tmp_path / "policy.toml").symlink_to("dotfiles/mine.toml")
    PolicyFile(tmp_path / "policy.toml").add(RULE)
    assert (tmp_path / "policy.toml").is_symlink()
    assert "first" in (tmp_path / "dotfiles/mine.toml").read_text()


def test_a_file_that_everybody_may_write_to_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(GOOD)
    path.chmod(0o666)
    with pytest.raises(UserFacingError, match="chmod o-w"):
        load_policy({"user": path}, (), tmp_path, tmp_path)


def test_the_sessions_rules_come_first(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text('[[rule]]\nname = "s"\non = "tool"\nthen = "deny"\n')
    (tmp_path / "u.toml").write_text('[[rule]]\nname = "u"\non = "tool"\nthen = "allow"\n')
    policy = load_policy({"session": tmp_path / "s.toml", "user": tmp_path / "u.toml"}, (), tmp_path, tmp_path)
    assert [placed.label for placed in policy.rules][:2] == ["session: s", "user: u"]
    assert policy.rules[-1].origin == "default"
