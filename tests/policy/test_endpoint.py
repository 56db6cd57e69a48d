# ruff: noqa: E501 (tables)
from __future__ import annotations

import posixpath
import string
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ironcurtain_tui.policy.endpoint import Endpoint, is_canonical_path, is_host_name

MESSAGES = Endpoint(method="POST", path="/v1/messages", query=("beta",))
GENERATE = Endpoint(method="POST", path="/v1beta/models/*:generateContent")

ODD = st.text(alphabet=string.ascii_lowercase + "./%;\\?#:*2ef \x00\xe9", max_size=30)


@pytest.mark.parametrize("path", ["/v1beta/models/gemini-3:generateContent", "/v1beta/models/a:b:generateContent"])
def test_a_star_stands_for_part_of_a_segment(path: str) -> None:
    assert GENERATE.matches("POST", path)


@pytest.mark.parametrize(
    "path",
    [
        "/v1beta/models/:generateContent",
        "/v1beta/models/a/b:generateContent",
        "/v1beta/models/a%2fb:generateContent",
        "/v1beta/models/../x:generateContent",
        "/v1beta/models/a:generateContent/",
        "/v1beta/models/a:generateContentX",
        "/v1beta/models/a:generateContent\n",
        "/v1beta/models/a;b:generateContent",
    ],
)
def test_and_for_nothing_else(path: str) -> None:
    assert not GENERATE.matches("POST", path)


@pytest.mark.parametrize("method", ["post", "GET", "POST ", "", "POSTX"])
def test_methods_are_compared_as_they_are(method: str) -> None:
    assert not MESSAGES.matches(method, "/v1/messages")


@given(ODD)
def test_a_canonical_path_has_one_reading(rest: str) -> None:
    path = "/" + rest
    if is_canonical_path(path):
        assert unquote(path) == path
        assert posixpath.normpath(path) == path
        assert path.isascii()
        assert not set(path) & set("?#;\\% ")


@given(ODD, ODD)
def test_only_the_path_itself_matches_a_plain_endpoint(before: str, after: str) -> None:
    path = before + "/v1/messages" + after
    assert MESSAGES.matches("POST", path) == (path == "/v1/messages")


@given(st.text(alphabet=string.ascii_letters + string.digits + "-._~", min_size=1, max_size=20))
def test_ordinary_segments_are_canonical(segment: str) -> None:
    assert is_canonical_path(f"/v1/{segment}") == (segment not in (".", ".."))


@pytest.mark.parametrize("query", ["", "beta=true", "beta", "beta="])
def test_known_queries(query: str) -> None:
    assert MESSAGES.allows_query(query)


@pytest.mark.parametrize(
    "query",
    ["x=1", "beta=true&x", "beta=1&beta=2", "Beta=true", "beta=%41", "beta=a b", "&beta=1", "beta=1&", "=", "beta=a=b"],
)
def test_unknown_queries(query: str) -> None:
    assert not MESSAGES.allows_query(query)


@pytest.mark.parametrize("host", ["api.anthropic.com", "a.b", "x-1.example.org", "xn--bcher-kva.example"])
def test_host_names(host: str) -> None:
    assert is_host_name(host)


@pytest.mark.parametrize(
    "host",
    [
        "", ".", "localhost", "API.anthropic.com", "a..b", ".a.b", "a.b.", "-a.b", "a-.b", "a_b.c", "a.b:443", "a.b/c", "a@b.c",
        "127.0.0.1", "1.2.3.4", "::1", "[::1]", "0x7f.0.0.1", "a.b\n", "b\xfccher.example", "a" * 64 + ".b", "a." * 127 + "bc",
    ],
)  # fmt: skip
def test_no_host_names(host: str) -> None:
    assert not is_host_name(host)
