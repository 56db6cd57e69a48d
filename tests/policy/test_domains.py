# ruff: noqa: E501 (tables)
from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ironcurtain_tui.policy.address import is_public
from ironcurtain_tui.policy.domains import address_of, is_pattern, matches, remote_path, remote_subject, url_host


@pytest.mark.parametrize(
    ("pattern", "subject"),
    [
        ("*", "example.org"), ("*.example.org", "example.org"), ("*.example.org", "a.b.example.org"), ("Example.ORG", "example.org"),
        ("github.com", "github.com/owner/repo"), ("github.com/owner/repo", "github.com/owner/repo"), ("github.com/owner/*", "github.com/owner/repo"),
    ],
)  # fmt: skip
def test_a_pattern_fits(pattern: str, subject: str) -> None:
    assert is_pattern(pattern, paths=True)
    assert matches(pattern, subject)


@pytest.mark.parametrize(
    ("pattern", "subject"),
    [
        ("*", "127.0.0.1"), ("*", "[::1]"), ("*", "2130706433"), ("*", "0x7f.1"), ("*", "localhost"), ("*", "example.org:8443"), ("*", ""),
        ("*.example.org", "notexample.org"), ("*.example.org", "example.org.evil.com"), ("example.org", "a.example.org"), ("example.org", "example.com"),
        ("github.com/owner/repo", "github.com/owner/repo2"), ("github.com/owner/repo", "github.com"), ("github.com/owner/*", "github.com/owner/a/b"),
        ("github.com/owner/repo", "github.com/other/repo"), ("1.2.3.4", "1.2.3.4"),
    ],
)  # fmt: skip
def test_a_pattern_does_not_fit(pattern: str, subject: str) -> None:
    assert not matches(pattern, subject)


@pytest.mark.parametrize(
    "pattern",
    ["", "127.0.0.1", "[::1]", "a b.org", "*.*.org", "ex*mple.org", "localhost", "http://a.b", "a.b/c?d", "a.b:443"],
)
def test_no_pattern(pattern: str) -> None:
    assert not is_pattern(pattern, paths=True)


def test_a_path_only_where_there_are_paths() -> None:
    assert not is_pattern("github.com/owner")


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Example.ORG/a?b#c", "example.org"), ("http://example.org.", "example.org"), ("https://example.org:443/", "example.org"),
        ("https://example.org:8443/", "example.org:8443"), ("https://user:pw@example.org/", "example.org"), ("https://good.org@evil.org/", "evil.org"),
        ("https://[::1]/", "[::1]"), ("http://127.0.0.1:80/", "127.0.0.1"),
        ("ftp://example.org/", None), ("file:///etc/passwd", None), ("example.org", None), ("https://", None), ("https:///x", None), ("https://a.b\\@c.d/", None),
        ("https://a.b/ x", None), ("https://b\xfccher.example/", None), ("https://a.b:99999/", None), ("https://a%2eb/", None), ("javascript:alert(1)", None),
    ],
)  # fmt: skip
def test_the_host_of_a_url(url: str, host: str | None) -> None:
    assert url_host(url) == host


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1"), ("127.1", "127.0.0.1"), ("2130706433", "127.0.0.1"), ("0x7f000001", "127.0.0.1"), ("017700000001", "127.0.0.1"), ("0x7f.1", "127.0.0.1"),
        ("[::1]", "::1"), ("[::ffff:10.0.0.1]", "::ffff:a00:1"), ("localhost", "127.0.0.1"), ("x.localhost", "127.0.0.1"), ("127.0.0.1:8080", "127.0.0.1"), ("[::1]:8080", "::1"),
        ("example.org", None), ("1.2.3.4.5", None), ("256.1.1.1", None), ("1.2.3.example", None), ("", None),
    ],
)  # fmt: skip
def test_addresses_in_every_notation(host: str, address: str | None) -> None:
    found = address_of(host)
    assert (found and ip_address(found)) == (address and ip_address(address)), "however this Python writes it"
    assert found is None or not is_public(found)


@pytest.mark.parametrize(
    "url",
    ["https://github.com/owner/repo.git", "https://GitHub.com/owner/repo", "git@github.com:owner/repo.git", "github.com:owner/repo", "ssh://git@github.com/owner/repo.git",
     "ssh://git@github.com:22/owner/repo", "https://token@github.com/owner/repo/"],
)  # fmt: skip
def test_every_form_of_a_git_url_is_one_subject(url: str) -> None:
    assert remote_subject(url) == "github.com/owner/repo"


@pytest.mark.parametrize(
    "url",
    ["http://github.com/owner/repo", "git://github.com/owner/repo", "https://github.com:8443/owner/repo", "https://127.0.0.1/owner/repo", "https://github.com/owner/../evil",
     "https://github.com/%6fwner/repo", "ext::sh -c id", "ext::sh", "origin", "/srv/repo.git", "git@localhost:repo", "https://github.com/a?b", "git@github.com:a b", ""],
)  # fmt: skip
def test_no_subject(url: str) -> None:
    assert remote_subject(url) is None


def test_remotes_on_this_machine() -> None:
    assert remote_path("file:///srv/a.git") == "/srv/a.git"
    assert remote_path("../a.git") == "../a.git"
    assert remote_path("git@github.com:a/b") is None


@given(st.text(max_size=40), st.sampled_from(["*", "*.example.org", "example.org", "github.com/owner/*"]))
def test_nothing_but_a_host_name_fits_any_pattern(subject: str, pattern: str) -> None:
    if matches(pattern, subject):
        assert address_of(subject.partition("/")[0]) is None
