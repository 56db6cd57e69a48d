"""What looks like a secret goes; times, counters, digests and identifiers stay."""

import base64
import json
import time
import uuid

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ironcurtain_tui.audit.patterns import SHAPES, redact
from ironcurtain_tui.audit.redact import MARK, Redactor
from ironcurtain_tui.config import RedactionSettings

ALNUM = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
SLUG = ALNUM + "_-"


def alike(prefix: str, alphabet: str, length: int, longest: int | None = None) -> st.SearchStrategy[str]:
    return st.text(alphabet, min_size=length, max_size=longest or length).map(lambda tail: prefix + tail)


def b64(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def with_luhn(digits: str) -> str:
    total = sum(int(d) if n % 2 else sum(divmod(2 * int(d), 10)) for n, d in enumerate(reversed(digits)))
    return digits + str(-total % 10)


SECRETS = {
    "anthropic": alike("sk-ant-api03-", SLUG, 80, 95) | alike("sk-ant-oat01-", SLUG, 80, 95),
    "openai": alike("sk-proj-", SLUG, 40, 160) | alike("sk-svcacct-", SLUG, 40, 160) | alike("sk-", ALNUM, 48),
    "github": st.sampled_from(["ghp_", "gho_", "ghu_", "ghs_", "ghr_"]).flatmap(lambda p: alike(p, ALNUM, 36))
    | alike("github_pat_", ALNUM + "_", 82),
    "aws": st.sampled_from(["AKIA", "ASIA"]).flatmap(lambda p: alike(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)),
    "google": alike("AIza", SLUG, 35) | alike("ya29.a0", SLUG, 60, 200) | alike("GOCSPX-", SLUG, 28),
    "slack": alike("xoxb-123456789012-", ALNUM, 24) | alike("xapp-1-A012-", ALNUM, 30),
    "jwt": st.dictionaries(st.text(ALNUM, min_size=3), st.text(ALNUM), min_size=1).map(
        lambda claims: ".".join([b64({"alg": "HS256", "typ": "JWT"}), b64(claims), "c2lnbmF0dXJl"])
    ),
    "private key": st.binary(min_size=30, max_size=200).map(
        lambda key: (
            f"-----BEGIN OPENSSH PRIVATE KEY-----\n{base64.encodebytes(key).decode()}-----END OPENSSH PRIVATE KEY-----"
        )
    ),
    "card": st.sampled_from(["4111111", "5500000", "2221000", "6011000", "3530111"]).flatmap(
        lambda head: st.integers(0, 99_999_999).map(lambda tail: with_luhn(f"{head}{tail:08}"))
    ),
    "ssn": st.tuples(st.integers(1, 665), st.integers(1, 99), st.integers(1, 9999)).map("%03d-%02d-%04d".__mod__),
}


@pytest.mark.parametrize("kind", SECRETS)
def test_every_kind_is_found_in_the_middle_of_text(kind: str) -> None:
    @given(SECRETS[kind], st.sampled_from(["", "key=", '{"a": "', "see ", "\n", "https://x.test/?k="]))
    def found(secret: str, before: str) -> None:
        cleaned = redact(f'{before}{secret} and "more', SHAPES)
        assert cleaned == f'{before}[redacted {kind}] and "more'

    found()


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("Authorization: Basic dXNlcjpwYXNz\r\nHost: x", "Authorization: [redacted authorization]\r\nHost: x"),
        ("curl -H 'authorization: Bearer abc' x", "curl -H 'authorization: [redacted authorization]' x"),
        ('{"Authorization": "token abcdef"}', '{"Authorization": "[redacted authorization]"}'),
        ("Proxy-Authorization: Digest a=1, b=2", "Proxy-Authorization: [redacted authorization]"),
        ("x-api-key: 0123456789abcdef", "x-api-key: [redacted credential]"),
        ("Cookie: session=0123456789; a=b\nNext", "Cookie: [redacted credential]\nNext"),
        ("sent bearer abcdefghijklmnop1234", "sent bearer [redacted bearer]"),
        ("aws_secret_access_key = " + "a/B+" * 10, "aws_secret_access_key = [redacted aws]"),
        ("https://hooks.slack.com/services/T00000000/B00000000/abcdefghijklmnop", None),
        ("4111 1111 1111 1111.", "[redacted card]."),
        ("card 3782-822463-10005,", "card [redacted card],"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE cut off here", "[redacted private key]"),
    ],
)
def test_shapes_with_context(text: str, cleaned: str | None) -> None:
    expected = cleaned or "https://hooks.slack.com/services/[redacted slack]"
    assert redact(text, SHAPES) == expected


INNOCENT = st.one_of(
    st.integers(946_684_800_000, 1_999_999_999_999).map(str),  # epoch in milliseconds, 2000 to 2033
    st.integers(946_684_800_000_000, 1_999_999_999_999_999).map(str),  # microseconds
    st.integers(1_000_000_000_000_000_000, 1_999_999_999_999_999_999).map(str),  # nanoseconds
    st.uuids().map(str),
    st.uuids().map(lambda one: one.hex),
    st.binary(min_size=16, max_size=64).map(bytes.hex),
    st.integers(0, 9_999_999_999).map(str),
    st.floats(allow_nan=False).map(repr),
    st.datetimes().map(lambda one: one.isoformat()),
    st.dates().map(str),
    st.ip_addresses().map(str),
)


@given(INNOCENT, st.sampled_from(["", " ", '"', ":", "=", "/", ","]), st.sampled_from(["", " ", '"', ",", "/", "}"]))
@example("44444444-4444-4444-4444-444444444448", " ", " ")
@example("4111111111111111" * 4, "", "")
@example(str(time.time_ns()), "=", ",")
def test_times_and_identifiers_are_left_alone(value: str, before: str, after: str) -> None:
    assert redact(f"{before}{value}{after}", SHAPES) == f"{before}{value}{after}"


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111112",  # Luhn's digit is wrong
        "1234567812345670",  # no issuer
        "0.4111111111111111",
        "id-4111111111111111",
        "000-12-3456",
        "666-12-3456",
        "900-12-3456",
        "2026-11-21T20:00:00.123456Z",
        "sk-short and task-force-one-two-three-four-five-six",
        "the ask-proj-abcdefghijklmnopqrstuvwxyz",
        "Basic internationalization, bearer of good tidings",
        "eyJust a word.eyJ",
        "npm install @types/node@20.11.5",
        "authorization is required",
        "cookies are baked",
    ],
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert redact(text, SHAPES) == text


@given(st.text())
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    once = redact(text, SHAPES)
    assert redact(once, SHAPES) == once


def test_values_under_the_name_of_a_secret_go_whole() -> None:
    redactor = Redactor.configured(RedactionSettings())
    cleaned = redactor.value({"headers": {"Authorization": "abc", "Cookie": ["a=b"], "Accept": "text/html"}})
    assert cleaned == {"headers": {"Authorization": MARK, "Cookie": MARK, "Accept": "text/html"}}


def test_a_card_number_is_found_as_a_number_and_a_time_is_not() -> None:
    redactor = Redactor.configured(RedactionSettings())
    now = time.time_ns()
    assert redactor.value({"n": 4111111111111111, "t": [now, now // 1000, now // 10**6], "id": str(uuid.uuid4())})[
        "n"
    ] == ("[redacted card]")  # type: ignore[index]
    assert redactor.value([now, now // 1000, now // 10**6]) == [now, now // 1000, now // 10**6]


def test_settings_switch_kinds_off_and_add_others() -> None:
    secret = "ghp_" + "a" * 36
    text = f"{secret} 4111111111111111 ticket-1234567"
    without = Redactor.configured(RedactionSettings(off=("card",), extra={"ticket": r"ticket-\d+"}))
    assert without.text(text) == "[redacted github] 4111111111111111 [redacted ticket]"
    disabled = Redactor.configured(RedactionSettings(enabled=False), ["known-secret"])
    assert disabled.text(f"{text} known-secret") == f"{text} {MARK}"
    for wrong in ({"x": "("}, {"x": "a*"}):
        with pytest.raises(ValueError, match="extra has for x"):
            RedactionSettings(extra=wrong)
