"""Flows as curl commands and HAR."""

from __future__ import annotations

import base64
import json
import shlex
import subprocess
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mitmproxy.io.har import request_to_flow

from ironcurtain_tui.audit.redact import MARK
from ironcurtain_tui.events import Flow
from ironcurtain_tui.traffic.kept import Body, KeptFlow, Message
from ironcurtain_tui.ui.flow_export import NOT_KEPT, curl, har

from .scripted_session import FLOWS, flow, refused

KEY = "x-api-key: $ANTHROPIC_API_KEY"
TEXT = '{"prompt": "it\'s\n\\n \x1b[31mäöü\u202e €"}'


def kept(one: Flow, **changes: Any) -> KeptFlow:
    request = Message(
        headers=(
            ("Host", "api.anthropic.com"),
            ("content-type", "application/json"),
            ("X-Api-Key", MARK),
            ("x-empty", ""),
            ("content-length", "18400"),
        ),
        body=Body(size=len(TEXT.encode()), text=TEXT),
    )
    response = Message(headers=(("content-type", "text/plain"),), body=Body(size=2, text="ok"))
    whole = {"target": "/v1/messages?beta=true&x=", "request": request, "response": response, **changes}
    return KeptFlow(flow=one, mono_us=1, **whole)


def words(command: str) -> list[str]:
    return shlex.split(command, comments=True)


def sent(command: str) -> list[str]:
    """The arguments that a real shell makes of a command, curl being no curl."""
    script = f'curl() {{ printf "%s\\0" "$@"; }}; ANTHROPIC_API_KEY=fake; {command}'
    run = subprocess.run(["bash", "-c", script], capture_output=True, check=True)
    return run.stdout.decode().split("\0")[:-1]


def test_curl_without_what_is_kept_says_what_is_missing() -> None:
    command = curl(flow(1))
    assert f'"{KEY}"' in command  # in double quotes: the shell puts it in
    assert words(command)[-1] == "https://api.anthropic.com/v1/messages"
    assert "not kept: headers, query string, 18,400 bytes of body" in command


def test_curl_repeats_the_request_with_the_fake_key() -> None:
    command = curl(flow(1), kept(flow(1)))
    assert command.rstrip("\n").isprintable()
    assert command.isascii()
    assert sent(command) == [
        *("--silent", "--show-error", "--request", "POST"),
        *("--header", "x-api-key: fake", "--header", "content-type: application/json", "--header", "x-empty;"),
        *("--data-binary", TEXT, "https://api.anthropic.com/v1/messages?beta=true&x="),
    ]
    assert command.endswith("# not kept: the credential in X-Api-Key\n")


def test_curl_takes_bytes_and_says_what_was_cut() -> None:
    raw = bytes(range(256))
    binary = Message(body=Body(size=9000, data=base64.b64encode(raw).decode(), cut=True))
    command = curl(flow(1), kept(flow(1), request=binary))
    script = command.replace("curl ", "cat #", 1)
    assert subprocess.run(["bash", "-c", script], capture_output=True, check=True).stdout == raw
    assert "# not kept: the body's end, 9,000 bytes in all" in command
    missing = Message(body=Body(size=9, missing="too much"))
    assert "--data-binary @body" in curl(flow(1), kept(flow(1), request=missing))


def test_curl_gives_no_key_to_other_hosts() -> None:
    assert "KEY" not in curl(refused(1, "api.anthropic.com.example.org", "/", "GET"))


@given(st.text(max_size=40), st.text(max_size=40), st.text(min_size=1, max_size=10))
def test_whatever_the_agent_wrote_stays_one_word(host: str, path: str, method: str) -> None:
    command = curl(flow(1, host=host, path=path, method=method, bytes_up=0))
    assert command.count("\n") == 1
    assert command.endswith("\n")
    assert command.isascii()
    assert len([word for word in words(command) if word != KEY and word != "--header"]) == 6


SHELL_TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=40)


@settings(max_examples=40, deadline=None)
@given(SHELL_TEXT, SHELL_TEXT.filter(bool), SHELL_TEXT.filter(bool))
def test_whatever_was_sent_reaches_the_server_as_it_was(target: str, body: str, value: str) -> None:
    request = Message(headers=(("x-one", value),), body=Body(size=len(body.encode()), text=body))
    one = flow(1, host="web.example.org")
    command = curl(one, kept(one, target=f"/{target}", request=request))
    assert command.count("\n") == 1
    assert command.isascii()
    assert sent(command)[4:8] == ["--header", f"x-one: {value}", "--data-binary", body]


def written(*flows: tuple[Flow, KeptFlow | None]) -> Any:
    return json.loads(b"".join(har(flows)))["log"]


def test_har_is_version_1_2_with_all_that_the_format_requires() -> None:
    log = written(*((one, kept(one)) for one in FLOWS))
    assert (log["version"], log["comment"]) == ("1.2", NOT_KEPT)
    assert len(log["entries"]) == len(FLOWS)
    for entry, one in zip(log["entries"], FLOWS, strict=True):
        assert {"startedDateTime", "time", "request", "response", "cache", "timings"} <= entry.keys()
        request = {"method", "url", "httpVersion", "cookies", "headers", "queryString", "headersSize", "bodySize"}
        response = {"status", "statusText", "httpVersion", "cookies", "headers", "content", "redirectURL"}
        assert request <= entry["request"].keys()
        assert {"mimeType", "text", "params"} <= entry["request"]["postData"].keys()
        assert response | {"headersSize", "bodySize"} <= entry["response"].keys()
        assert entry["time"] == sum(entry["timings"].values())
        assert urlsplit(entry["request"]["url"]).hostname == one.host
    assert log["entries"][0]["startedDateTime"] == "2026-01-01T11:58:01.000+00:00"
    assert log["entries"][1]["timings"] == {"send": 0, "wait": 412.0, "receive": 1898.0}
    assert written() == {**log, "entries": []}


def test_a_stranger_reads_our_har() -> None:
    one = flow(1, status=200)
    raw = b"\xff\x00\x01"
    answer = Message(headers=(("content-type", "image/png"),), body=Body(size=3, data=base64.b64encode(raw).decode()))
    (entry,) = written((one, kept(one, response=answer)))["entries"]
    read = request_to_flow(entry)
    assert read.response is not None
    assert (read.request.method, read.request.pretty_url) == (
        "POST",
        "https://api.anthropic.com/v1/messages?beta=true&x=",
    )
    assert read.request.headers["content-type"] == "application/json"
    assert read.request.headers["x-api-key"] == MARK
    assert read.request.get_text() == TEXT
    assert (read.response.status_code, read.response.reason) == (200, "OK")
    assert read.response.content == raw
    assert list(read.request.query.items(multi=True)) == [("beta", "true"), ("x", "")]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (Body(size=9, missing="too much"), "not kept: too much"),
        (Body(size=9000, text="x", cut=True), "only the beginning is kept, of 9,000 bytes"),
    ],
)
def test_har_says_what_is_missing(body: Body, said: str) -> None:
    one = flow(1)
    (entry,) = written((one, kept(one, request=Message(body=body), response=Message(body=body))))["entries"]
    assert entry["response"]["content"]["comment"] == said
    assert entry["request"]["postData"]["comment"] == said


def test_har_takes_what_is_no_unicode() -> None:
    assert written((flow(1, content_type="\ud800"), None))
