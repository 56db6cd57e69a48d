"""The parsers we own, each with what must hold for any input. Only what a target's parser documents may be raised."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise

from ironcurtain_tui.audit import chain
from ironcurtain_tui.audit.patterns import SHAPES
from ironcurtain_tui.audit.redact import Redactor
from ironcurtain_tui.credentials import login
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.packages import cargo, debian, npm, pypi
from ironcurtain_tui.packages.package import Document, Kind, Registry, UnreadableError
from ironcurtain_tui.packages.rules import PackageRules, Screening
from ironcurtain_tui.policy.document import parse_policy
from ironcurtain_tui.policy.endpoint import is_canonical_path, is_host_name
from ironcurtain_tui.providers.base import WireFormat
from ironcurtain_tui.providers.body import BodyRefused, Findings, Malformed, ServerTools, parse, serialise
from ironcurtain_tui.providers.chat_completions import CHAT_COMPLETIONS
from ironcurtain_tui.providers.generate_content import GENERATE_CONTENT
from ironcurtain_tui.providers.messages import MESSAGES
from ironcurtain_tui.providers.responses import RESPONSES
from ironcurtain_tui.proxy.scrubber import Scrubber
from ironcurtain_tui.proxy.secret_forms import SecretForms, forms
from ironcurtain_tui.ui.flow_filter import flow_test
from ironcurtain_tui.ui.neutralise import neutralise
from ironcurtain_tui.ui.query import FilterError
from ironcurtain_tui.words.dialects import DIALECTS
from ironcurtain_tui.words.reconstruct import Sent, messages
from tests.whole_log import verify

SECRET = b"sk-ant-api03-key-of-a-test/+0123456789"
NOW = 1.8e9


@dataclass(frozen=True)
class Target:
    """One parser."""

    check: Callable[[bytes], None]
    words: tuple[bytes, ...] = ()
    """What its inputs are made of."""


def _body(speaks: WireFormat) -> Callable[[bytes], None]:
    def check(data: bytes) -> None:
        """What was stripped is gone for good, and what is sent reads like what was looked at."""
        with suppress(BodyRefused):
            document = parse(data)
            findings = Findings()
            speaks.look_through(document, findings)
            findings.settle(ServerTools.STRIP)
            sent = serialise(document)
            again, more = parse(sent), Findings()
            assert again == document
            try:
                speaks.look_through(again, more)
            except Malformed:
                return  # refused the first time round too, by the provider
            assert not more.all, [finding.what for finding in more.all]

    return check


def _usage(speaks: WireFormat, content_type: str) -> Callable[[bytes], None]:
    def check(data: bytes) -> None:
        """The count is the same however the stream is cut; the first byte says how."""
        whole, cut = speaks.usage_tap(content_type), speaks.usage_tap(content_type)
        assert whole is not None
        assert cut is not None
        step, stream = 1 + data[:1][0] % 50 if data else 1, data[1:]
        whole.feed(stream)
        for start, end in pairwise([*range(0, len(stream), step), len(stream)]):
            cut.feed(stream[start:end])
        whole.end()
        cut.end()
        assert whole.usage == cut.usage

    return check


def _login(data: bytes) -> None:
    for each in (login.CLAUDE, login.ANTHROPIC_CLI, login.CODEX):
        if (found := login.parse(data, each)) is not None:
            document, known = found
            renewed = each.renew(document, login.Tokens(known.access, known.refresh, 1e9))
            again = each.read(renewed)
            assert again is not None
            assert again.access.reveal() == known.access.reveal()


def _scrubber(data: bytes) -> None:
    scrubber = Scrubber(_FORMS)
    step = 1 + data[:1][0] % 40 if data else 1
    clean = b"".join(scrubber.feed(data[at : at + step]) for at in range(0, len(data), step)) + scrubber.end()
    assert len(clean) == len(data)
    assert not any(form in clean for form in _EVERY)


def _names(data: bytes) -> None:
    text = data.decode("latin-1")
    if is_host_name(text):
        assert text == text.strip().lower()
        assert text.isascii()
    if is_canonical_path(text):
        assert text.startswith("/")
        assert "//" not in text
        assert not {".", ".."} & set(text.split("/"))
    for kind in Kind:
        with suppress(ValueError):
            assert Registry.parse(kind, text).prefix.endswith("/")


def _packages(data: bytes) -> None:
    path, _, body = data.partition(b"\n")
    target = path.decode("latin-1")
    for read in (lambda: npm.read(target, npm.ABBREVIATED), lambda: cargo.read(target), lambda: debian.read(target)):
        read()
    pypi.read(target, "")
    pypi.read_file(target)
    screening = Screening(rules=PackageRules(), registry=Kind.NPM, name="thing", now=NOW)
    with suppress(UnreadableError):
        npm.Packument(body).answer(Document(name="thing", form=npm.ABBREVIATED, version=""), screening)
    with suppress(UnreadableError):
        pypi.ProjectDocument("thing", body).answer(screening)
    with suppress(UnreadableError):
        cargo.IndexFile("thing", body, cargo.Downloads(b'{"dl":"https://x.example.org/dl"}')).answer(
            Document(name="thing", form="", version=""), screening
        )
    with suppress(UnreadableError):
        cargo.Downloads(body)


def _policy(data: bytes) -> None:
    with suppress(UserFacingError):
        parse_policy(data.decode("utf-8", "replace"), "fuzz")


def _record(data: bytes) -> None:
    """No line but the one that was written continues the chain."""
    with suppress(chain.ChainBroken):
        chain.parse(data)
    with suppress(chain.ChainBroken):
        chain.advance(chain.start("s"), data)
        assert data.rstrip(b"\n") == _LINE.rstrip(b"\n")
    verified = verify(data.splitlines(keepends=True), "s")
    assert not verified.records or data.startswith(_LINE)


def _redaction(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    clean = _REDACTOR.text(text)
    assert SECRET.decode() not in clean
    assert _REDACTOR.text(clean) == clean


def _filter(data: bytes) -> None:
    with suppress(FilterError):
        flow_test(data.decode("utf-8", "replace"), NOW)


def _neutral(data: bytes) -> None:
    shown = neutralise(data.decode("utf-8", "replace"))
    assert shown.isprintable() or all(char.isprintable() or char in "\n\t" for char in shown), shown
    assert "\x1b" not in shown


def _words(data: bytes) -> None:
    for dialect in DIALECTS:
        messages(dialect, [Sent(0.0, data[:7], 80), Sent(0.1, data[7:], 80)])


_ENTRY = chain.Entry(kind="request", summary="a", time_us=1, mono_us=1, data={"x": [1, "\u20ac"]})
_LINE, _ = chain.link(chain.start("s"), _ENTRY)
_EVERY = (SECRET, *forms(SECRET))
_FORMS = SecretForms([SECRET.decode()], "sentinel")
_REDACTOR = Redactor([SECRET.decode()], SHAPES)
_TYPES = tuple(
    word.encode()
    for word in (
        '"type":"',
        '"tools":[',
        '"messages":[',
        '"content":[',
        '"input":[',
        '"contents":[',
        '"parts":[',
        '"source":{',
        '"url":"https://x"',
        '"role":"user"',
        '"text":"',
        '"model":"m"',
        "web_search",
        "mcp_servers",
        "code_execution",
        "image_url",
        "input_file",
        "file_id",
        "googleSearch",
        "urlContext",
        "fileData",
        "function",
        "custom",
        "computer_use",
        '"usage":{',
        '"input_tokens":1',
        '"usageMetadata":{',
        '"previous_response_id":"r"',
        '"store":true',
        '"background":true',
        '"plugins":[',
        '"container":"c"',
        "document",
        "image",
        "url",
    )
)
_EVENTS = (
    b"data: ",
    b"\n\n",
    b"\r\n\r\n",
    b"event: message_delta\n",
    b"[DONE]",
    b":\n",
    b"message_start",
    b"response.completed",
    *_TYPES,
)

TARGETS = {
    "body-messages": Target(_body(MESSAGES), _TYPES),
    "body-chat-completions": Target(_body(CHAT_COMPLETIONS), _TYPES),
    "body-responses": Target(_body(RESPONSES), _TYPES),
    "body-generate-content": Target(_body(GENERATE_CONTENT), _TYPES),
    "usage-messages": Target(_usage(MESSAGES, "text/event-stream"), _EVENTS),
    "usage-chat-completions": Target(_usage(CHAT_COMPLETIONS, "text/event-stream"), _EVENTS),
    "usage-responses": Target(_usage(RESPONSES, "text/event-stream"), _EVENTS),
    "usage-generate-content": Target(_usage(GENERATE_CONTENT, "text/event-stream"), _EVENTS),
    "usage-document": Target(_usage(MESSAGES, "application/json"), _EVENTS),
    "login": Target(
        _login, (b'"claudeAiOauth":{', b'"accessToken":"', b'"tokens":{', b'"access_token":"', b'"expiresAt":')
    ),
    "scrubber": Target(_scrubber, (*_EVERY, *(form[:9] for form in _EVERY), *(form[-9:] for form in _EVERY))),
    "names": Target(_names, (b"https://", b"sparse+", b"xn--", b".example.org", b":443", b"[::1]", b"/./")),
    "packages": Target(
        _packages,
        (b'"versions":{', b'"time":{', b'"dist-tags":{', b'"releases":{', b'"upload_time_iso_8601":"', b'"1.0.0"'),
    ),
    "policy": Target(
        _policy,
        (
            b"[[rule]]\n",
            b'on = "tool"\n',
            b'on = "request"\n',
            b'then = "allow"\n',
            b"host = ",
            b'name = "n"\n',
            b"[lists]\n",
        ),
    ),
    "record": Target(_record, (b'"seq":', b'"hash":"', b'"prev":"', b'"kind":"', b'"time":')),
    "redaction": Target(
        _redaction,
        (SECRET, SECRET[:9], b"ghp_" + b"a" * 36, b"-----BEGIN PRIVATE KEY-----", b"password=", b"4111111111111111"),
    ),
    "filter": Target(
        _filter,
        (b"~u ", b"~m ", b"~c ", b"~bq ", b"!", b"(", b")", b" & ", b" | ", b"host:", b"status:4xx", b"after:2h"),
    ),
    "neutralise": Target(
        _neutral, ("\u200b".encode(), "\u202e".encode(), "\ufe0f".encode(), "\U000e0041".encode(), b"\x9b", b"[red]")
    ),
    "words": Target(
        _words, (b"\x1b[200~", b"\x1b[201~", b"\x7f", b"\x17", b"\r", b"\x1b[A", b"\x1b[1;5D", b"\x1b[27u", b"\\\r")
    ),
}
