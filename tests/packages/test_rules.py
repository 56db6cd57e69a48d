from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ironcurtain_tui.events import Decision
from ironcurtain_tui.packages.package import Artifact, Kind, Listing, Package, Registry
from ironcurtain_tui.packages.rules import DAY, PackageRules, Screening

kinds = st.sampled_from([Kind.NPM, Kind.PYPI, Kind.CARGO])


def of(name: str = "thing", version: str = "1.0", age: float | None = 10 * DAY, kind: Kind = Kind.NPM) -> Package:
    return Package(registry=kind, name=name, version=version, file="thing.tgz", age=age)


@pytest.mark.parametrize(
    ("age", "decision"),
    [
        (2 * DAY, Decision.ALLOW),
        (2 * DAY - 1, Decision.DENY),
        (0, Decision.DENY),
        (-5, Decision.DENY),
        (None, Decision.DENY),
    ],
)
def test_two_days_are_two_days(age: float | None, decision: Decision) -> None:
    assert PackageRules().judge(of(age=age)).decision is decision


def test_the_reason_says_what_may_be_had_instead() -> None:
    package = Package(registry=Kind.NPM, name="left-pad", version="1.3.0", file="x", age=3 * 3600, alternative="1.2.0")
    assert PackageRules().judge(package).reason == (
        "npm left-pad 1.3.0 was published 3 hours ago, and packages must be 2 days old; use 1.2.0"
    )
    assert "does not tell when it was published" in PackageRules().judge(of(age=None)).reason


@pytest.mark.parametrize(
    ("pattern", "package", "fits"),
    [
        ("thing", of(), True),
        ("thing", of("Thing"), True),
        ("thing", of("things"), False),
        ("thing*", of("things"), True),
        ("npm:thing", of(), True),
        ("pypi:thing", of(), False),
        ("thing@1.0", of(), True),
        ("thing@1.*", of(), True),
        ("thing@2.*", of(), False),
        ("thing@1.0", of(version=""), False),
        ("@mine/*", of("@mine/thing"), True),
        ("@mine/*", of("@other/thing"), False),
        ("npm:@mine/thing@1.0", of("@mine/thing"), True),
        ("my.thing", of("my-thing", kind=Kind.PYPI), True),
        ("My_Thing", of("my-thing", kind=Kind.PYPI), True),
        ("my_thing", of("my-thing", kind=Kind.CARGO), True),
        ("my_thing", of("my-thing"), False),
    ],
)
def test_patterns(pattern: str, package: Package, fits: bool) -> None:
    denied = PackageRules(deny=(pattern,), min_age=0).judge(package).decision is Decision.DENY
    allowed = PackageRules(allow=(pattern,), min_age=1e9).judge(package).decision is Decision.ALLOW
    assert (denied, allowed) == (fits, fits)


@pytest.mark.parametrize("pattern", ["", "a b", "npm:", "maven:x", "x@", "[a-z]", "a?b", "@", "x\n"])
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="no pattern"):
        PackageRules(deny=(pattern,))


def test_deny_beats_allow() -> None:
    rules = PackageRules(deny=("evil*",), allow=("*",))
    assert rules.judge(of("evil-thing")).decision is Decision.DENY
    assert rules.judge(of("thing", age=None)).decision is Decision.ALLOW


@given(kinds, st.one_of(st.none(), st.floats(-1e9, 1e9)), st.booleans(), st.floats(0, 1e8))
def test_whatever_is_let_through_is_old_enough(kind: Kind, age: float | None, ask: bool, least: float) -> None:
    ruling = PackageRules(ask=ask, min_age=least).judge(of(age=age, kind=kind))
    assert (ruling.decision is Decision.ALLOW) == (least == 0 or (age is not None and age >= least))
    if ruling.decision is not Decision.ALLOW:
        assert ruling.decision is (Decision.ESCALATE if ask else Decision.DENY)
        assert ruling.reason


@given(st.lists(st.one_of(st.none(), st.floats(0, 2e9)), max_size=8))
def test_the_newest_that_is_allowed_is_named(published: list[float | None]) -> None:
    artifacts = tuple(
        Artifact(url=f"https://x.example.org/{n}", version=f"1.{n}", published=p) for n, p in enumerate(published)
    )
    screening = Screening(rules=PackageRules(), registry=Kind.NPM, name="thing", now=1.5e9)
    newest = screening.newest(Listing(registry=Kind.NPM, name="thing", artifacts=artifacts))
    allowed = [each.version for each in artifacts if not screening.objection(each)]
    assert newest == (allowed[-1] if allowed else "")
    objections = screening.objections(artifacts)
    assert [bool(each) for each in objections] == [bool(screening.objection(each)) for each in artifacts]


@pytest.mark.parametrize(
    ("kind", "url", "host", "prefix"),
    [
        (Kind.NPM, "https://npm.example.org", "npm.example.org", "/"),
        (Kind.NPM, "https://NPM.example.org:443/a/b", "npm.example.org", "/a/b/"),
        (Kind.PYPI, "https://me:secret@index.example.org/simple", "index.example.org", "/simple/"),
        (Kind.CARGO, "sparse+https://index.example.org/", "index.example.org", "/"),
        (Kind.DEBIAN, "http://mirror.example.org/debian", "mirror.example.org", "/debian/"),
    ],
)
def test_registries(kind: Kind, url: str, host: str, prefix: str) -> None:
    registry = Registry.parse(kind, url)
    assert (registry.host, registry.prefix) == (host, prefix)
    assert "secret" not in registry.url


@pytest.mark.parametrize(
    "url",
    [
        "", "http://npm.example.org/", "ftp://npm.example.org/", "https://npm.example.org:0/", "https://localhost/",
        "https://10.0.0.1/", "https://npm.example.org/a/../b", "https://npm.example.org/?x", "https://npm.example.org/%2e",
        "https://npm.example.org:x/", "file:///opt/simple", "https:///x",
    ],
)  # fmt: skip
def test_what_is_no_registry_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Registry.parse(Kind.NPM, url)
