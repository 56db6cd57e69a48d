from __future__ import annotations

import base64
import json
from itertools import pairwise
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ironcurtain_tui.proxy.scrubber import Scrubber
from ironcurtain_tui.proxy.secret_forms import SecretForms, forms

SECRET = "sk-ant-api03-REAL_key/with+every.kind~of=character-0123456789"
OTHER = "sk-ant-oat01-another-0123456789abcdefghij"
FORMS = SecretForms([SECRET, OTHER], "sentinel")
EVERY = [SECRET.encode(), OTHER.encode(), *forms(SECRET.encode()), *forms(OTHER.encode())]
LONGEST = max(map(len, EVERY))

SPELLINGS = {
    "plain": SECRET,
    "in a sentence": f"invalid x-api-key: {SECRET}.",
    "JSON with slashes escaped": json.dumps(SECRET).replace("/", "\\/"),
    "JSON, every character": "".join(f"\\u{ord(each):04x}" for each in SECRET),
    "JSON, every character, capitals": "".join(f"\\u{ord(each):04X}" for each in SECRET),
    "JSON, what is no letter": "".join(each if each.isalnum() else f"\\u{ord(each):04x}" for each in SECRET),
    "URL": quote(SECRET, safe=""),
    "URL, lower case": quote(SECRET, safe="").replace("%2B", "%2b").replace("%2F", "%2f").replace("%3D", "%3d"),
    "URL, all but letters": "".join(each if each.isalnum() else f"%{ord(each):02X}" for each in SECRET),
    "URL, every character": "".join(f"%{ord(each):02x}" for each in SECRET),
    "HTML": "".join(each if each.isalnum() else f"&#{ord(each)};" for each in SECRET),
    "hex": SECRET.encode().hex(),
    "hex, capitals": SECRET.encode().hex().upper(),
    "reversed": SECRET[::-1],
    **{f"base64, {n} before": base64.b64encode(b"Basic, a:"[:n] + SECRET.encode() + b":x").decode() for n in range(6)},
    **{f"base64url, {n} before": base64.urlsafe_b64encode(b"?" * n + SECRET.encode()).decode() for n in range(3)},
}


def scrub(pieces: list[bytes], secret_forms: SecretForms = FORMS) -> bytes:
    scrubber = Scrubber(secret_forms)
    return b"".join([*(scrubber.feed(piece) for piece in pieces), scrubber.end()])


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(each % (len(data) + 1) for each in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


def readable(text: str) -> bool:
    """Whether the heart of the secret can still be read off ``text`` in the spelling it was written in."""
    heart = SECRET[8:-8]
    ways = {
        text,
        text[::-1],
        text.replace("\\/", "/"),
        quote(text),
    }
    return any(heart in way for way in ways)


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_every_spelling_is_masked_at_every_cut(spelling: str) -> None:
    data = f'{{"error": "{spelling}"}}'.encode()
    whole = Scrubber(FORMS).whole(data)
    assert whole != data
    assert len(whole) == len(data)
    assert not readable(whole.decode())
    for at in range(len(data) + 1):
        assert scrub([data[:at], data[at:]]) == whole
    assert scrub([data[at : at + 1] for at in range(len(data))]) == whole


def test_what_decodes_to_the_secret_no_longer_does() -> None:
    for n in range(6):
        clean = Scrubber(FORMS).whole(base64.b64encode(b"x" * n + SECRET.encode() + b"yz"))
        assert SECRET[4:-4].encode() not in base64.b64decode(clean)
    assert SECRET.encode() not in bytes.fromhex(Scrubber(FORMS).whole(SECRET.encode().hex().encode()).decode())
    escaped = "".join(f"\\u{ord(each):04x}" for each in SECRET)
    assert SECRET not in json.loads(Scrubber(FORMS).whole(f'"{escaped}"'.encode()))


PIECES = st.lists(
    st.one_of(st.sampled_from(EVERY), st.binary(max_size=20), st.sampled_from(EVERY).map(lambda f: f[:9]))
)
CUTS = st.lists(st.integers(0, 5000), max_size=30)


@given(PIECES, CUTS)
def test_however_it_is_cut_no_form_passes(pieces: list[bytes], cuts: list[int]) -> None:
    data = b"".join(pieces)
    clean = scrub(cut(data, cuts))
    assert len(clean) == len(data)
    assert not any(form in clean for form in EVERY)


@given(st.binary(max_size=300), CUTS)
def test_what_holds_no_secret_is_not_changed(data: bytes, cuts: list[int]) -> None:
    if not any(form in data for form in EVERY):
        assert scrub(cut(data, cuts)) == data


@given(PIECES, CUTS)
def test_no_more_is_held_back_than_may_begin_a_form(pieces: list[bytes], cuts: list[int]) -> None:
    scrubber, sent, got = Scrubber(FORMS), b"", 0
    for piece in cut(b"".join(pieces), cuts):
        sent += piece
        got += len(scrubber.feed(piece))
        held = sent[got:]
        assert len(held) < LONGEST
        assert not held or any(form.startswith(held) for form in EVERY)


def test_lengths_stay() -> None:
    for sentinel in ("short", "much-longer-than-the-secret" * 9):
        clean = scrub([b"a " + SECRET.encode() + b" b"], SecretForms([SECRET], sentinel))
        assert len(clean) == len(SECRET) + 4
        assert clean[2:-2].startswith(sentinel.encode()[: len(SECRET)])


def test_an_older_key_is_masked_too() -> None:
    assert OTHER.encode() not in scrub([OTHER.encode()])
