"""Flows as curl commands and HAR."""

from __future__ import annotations

import json
import shlex
from urllib.parse import urlsplit

from hypothesis import given
from hypothesis import strategies as st

from ironcurtain_tui.ui.flow_export import NOT_KEPT, curl, har

from .scripted_session import FLOWS, flow, refused

KEY = "x-api-key: $ANTHROPIC_API_KEY"


def words(command: str) -> list[str]:
    return shlex.split(command, comments=True)


def test_curl_has_the_fake_keys_variable_and_says_what_is_missing() -> None:
    command = curl(flow(1))
    assert '"x-api-key: $ANTHROPIC_API_KEY"' in command  # in double quotes: the shell puts it in
    assert words(command)[-1] == "https://api.anthropic.com/v1/messages"
    assert "not kept: 18,400 bytes of body, headers, query string" in command


def test_curl_gives_no_key_to_other_hosts() -> None:
    assert "KEY" not in curl(refused(1, "api.anthropic.com.example.org", "/", "GET"))


@given(st.text(max_size=40), st.text(max_size=40), st.text(min_size=1, max_size=10))
def test_whatever_the_agent_wrote_stays_one_word(host: str, path: str, method: str) -> None:
    command = curl(flow(1, host=host, path=path, method=method, bytes_up=0))
    assert command.count("\n") == 1
    assert command.endswith("\n")
    assert command.isascii()
    assert len([word for word in words(command) if word != KEY and word != "--header"]) == 6


def test_har_is_version_1_2_with_all_that_the_format_requires() -> None:
    log = json.loads(har(FLOWS))["log"]
    assert (log["version"], log["comment"]) == ("1.2", NOT_KEPT)
    assert len(log["entries"]) == len(FLOWS)
    for entry, one in zip(log["entries"], FLOWS, strict=True):
        assert {"startedDateTime", "time", "request", "response", "cache", "timings"} <= entry.keys()
        request = {"method", "url", "httpVersion", "cookies", "headers", "queryString", "headersSize", "bodySize"}
        response = {"status", "statusText", "httpVersion", "cookies", "headers", "content", "redirectURL"}
        assert request <= entry["request"].keys()
        assert response | {"headersSize", "bodySize"} <= entry["response"].keys()
        assert entry["time"] == sum(entry["timings"].values())
        assert urlsplit(entry["request"]["url"]).hostname == one.host
    assert log["entries"][0]["startedDateTime"] == "2026-01-01T11:58:01.000+00:00"
    assert log["entries"][1]["timings"] == {"send": 0, "wait": 412.0, "receive": 1898.0}


def test_har_takes_what_is_no_unicode() -> None:
    assert json.loads(har([flow(1, content_type="\ud800")]))
