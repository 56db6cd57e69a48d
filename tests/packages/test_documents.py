# ruff: noqa: E501 (tables)
"""Documents of registries, read and written: nothing that is held back may be picked, everything else stays as it was."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ironcurtain_tui.packages import cargo, debian, npm, pypi
from ironcurtain_tui.packages.package import Document, File, Kind, Plain, Registry, UnreadableError
from ironcurtain_tui.packages.rules import PackageRules, Screening
from ironcurtain_tui.packages.versions import is_prerelease, moment, pep440, semver

NOW = 1_800_000_000.0
DAY = 86400.0
versions = st.builds(
    lambda numbers, tail: ".".join(map(str, numbers)) + tail,
    st.tuples(*[st.integers(0, 30)] * 3),
    st.sampled_from(["", "", "-rc.1", "-beta", "+build"]),
)
ages = st.dictionaries(versions, st.one_of(st.none(), st.floats(-10 * DAY, 100 * DAY)), max_size=8)
junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def screening(kind: Kind, *, ask: bool = False) -> Screening:
    return Screening(rules=PackageRules(ask=ask), registry=kind, name="thing", now=NOW)


def when(age: float) -> str:
    return datetime.fromtimestamp(NOW - age, UTC).isoformat()


def old(age: float | None) -> bool:
    return age is not None and age >= 2 * DAY + 1e-3


class TestNpm:
    @given(ages, st.booleans())
    def test_what_is_left_is_old_and_as_it_was(self, published: dict[str, float | None], ask: bool) -> None:
        manifests = {
            version: {
                "name": "thing",
                "version": version,
                "dist": {"tarball": f"https://x.example.org/{n}", "integrity": "i"},
            }
            for n, version in enumerate(published)
        }
        times = {version: when(age) for version, age in published.items() if age is not None}
        tags = {"latest": next(iter(published)), "next": list(published)[-1]} if published else {}
        document = {"name": "thing", "versions": manifests, "time": times, "dist-tags": tags}
        packument = npm.Packument(json.dumps(document).encode())
        answer = packument.answer(Document(name="thing", form=npm.FULL), screening(Kind.NPM, ask=ask))
        assert answer is not None
        shown = json.loads(answer.body)
        expected = {version: manifests[version] for version, age in published.items() if old(age)}
        avoided = {v: manifest for v, manifest in shown["versions"].items() if manifest.get("deprecated")}
        assert {v: manifest for v, manifest in shown["versions"].items() if v not in avoided} == expected
        assert bool(avoided) == (ask and len(expected) < len(published))
        assert set(shown["dist-tags"].values()) <= set(expected)
        assert len(answer.hidden) == len(published) - len(expected)
        if expected and any(semver(v) < semver(tags["latest"]) for v in expected):  # type: ignore[operator]
            assert "latest" in shown["dist-tags"]

    def test_latest_goes_back_to_the_release_before_it_not_to_the_last_one_published(self) -> None:
        published = {"3.9.9": 5 * DAY, "4.9.0": 30 * DAY, "5.0.0-rc.1": 20 * DAY, "5.0.0": 1.0, "6.0.0": 40 * DAY}
        manifests = {v: {"version": v, "dist": {"tarball": f"https://x.example.org/{v}"}} for v in published}
        document = {"name": "thing", "versions": manifests, "time": {v: when(a) for v, a in published.items()}}
        packument = npm.Packument(json.dumps({**document, "dist-tags": {"latest": "5.0.0", "beta": "5.0.0"}}).encode())
        answer = packument.answer(Document(name="thing", form=npm.ABBREVIATED), screening(Kind.NPM))
        assert answer is not None
        shown = json.loads(answer.body)
        assert shown["dist-tags"] == {"latest": "4.9.0"}
        assert shown["policyRestrictions"]["versions"].keys() == {"5.0.0"}

    @given(st.binary(max_size=200) | junk.map(lambda value: json.dumps(value).encode()))
    def test_whatever_comes_is_read_or_refused(self, body: bytes) -> None:
        try:
            packument = npm.Packument(body)
        except UnreadableError:
            return
        packument.answer(Document(name="x", form=npm.ABBREVIATED), screening(Kind.NPM))

    @given(st.fixed_dictionaries({"name": st.just("x"), "versions": junk, "time": junk, "dist-tags": junk}))
    def test_odd_members_are_left_out(self, document: dict[str, object]) -> None:
        packument = npm.Packument(json.dumps(document).encode())
        assert packument.answer(Document(name="x", form=npm.FULL), screening(Kind.NPM)) is not None

    @pytest.mark.parametrize(
        ("path", "asked"),
        [
            ("left-pad", Document(name="left-pad", form=npm.FULL)),
            ("@a%2fb", Document(name="@a/b", form=npm.FULL)),
            ("@a/b/1.0.0", Document(name="@a/b", form=npm.FULL, version="1.0.0")),
            ("left-pad/-/left-pad-1.0.0.tgz", File(name="left-pad")),
            ("@a/b/-/b-1.0.0.tgz", File(name="@a/b")),
            ("@a/b/-/@a/b-1.0.0.tgz", File(name="@a/b")),
            ("-/ping", None), ("", None), ("a//b", None), (".hidden", None), ("a/../b", None), ("@a", None), ("@a%252fb", None),
            ("a/-/b.exe", None), ("%61", None), ("a b", None), ("a" * 300, None),
        ],
    )  # fmt: skip
    def test_requests(self, path: str, asked: object) -> None:
        assert npm.read(path, "") == asked


class TestPypi:
    @given(ages, st.sampled_from([pypi.SIMPLE_JSON, pypi.HTML]))
    def test_only_what_is_old_is_not_yanked(self, published: dict[str, float | None], form: str) -> None:
        files = [
            {
                "filename": f"thing-{n}.{version.split('-')[0].split('+')[0]}.tar.gz",
                "url": f"../../files/{n}/thing.tar.gz",
                "hashes": {"sha256": f"{n:064}"},
                **({} if age is None else {"upload-time": when(age)}),
            }
            for n, (version, age) in enumerate(published.items())
        ]
        body = json.dumps({"files": files, "name": "thing", "meta": {}}).encode()
        page = pypi.Project("thing", body, pypi.SIMPLE_JSON, "https://index.example.org/simple/thing/")
        answer = page.answer(Document(name="thing", form=form), screening(Kind.PYPI))
        again = pypi.Project("thing", answer.body, answer.content_type, "https://index.example.org/simple/thing/")
        shown = {file["url"]: file for _, file in again._files}
        for n, age in enumerate(published.values()):
            file = shown[f"https://index.example.org/files/{n}/thing.tar.gz"]
            assert bool(file.get("yanked")) is not old(age)
            assert file["hashes"] == {"sha256": f"{n:064}"}

    @given(
        st.binary(max_size=200) | junk.map(lambda value: json.dumps(value).encode()),
        st.sampled_from(["text/html", "x/json"]),
    )
    def test_whatever_comes_is_read_or_refused(self, body: bytes, content_type: str) -> None:
        for read in (
            lambda: pypi.Project("x", body, content_type, "https://i.example.org/simple/x/").answer(
                Document(name="x", form=pypi.HTML), screening(Kind.PYPI)
            ),
            lambda: pypi.ProjectDocument("x", body).answer(screening(Kind.PYPI)),
        ):
            try:
                read()
            except UnreadableError:
                pass

    @given(st.text(max_size=40), st.text(max_size=40))
    def test_no_name_breaks_out_of_the_page(self, name: str, reason: str) -> None:
        files = [{"filename": name, "url": "https://f.example.org/x", "yanked": reason, "upload-time": when(9 * DAY)}]
        page = pypi.Project("x", json.dumps({"files": files}).encode(), "json", "https://i.example.org/")
        html = page.answer(Document(name="x", form=pypi.HTML), screening(Kind.PYPI)).body
        links = pypi._read_html(html)
        assert [link["url"] for link in links] == ["https://f.example.org/x"]

    @pytest.mark.parametrize(
        ("target", "name"),
        [
            ("/a/Left_Pad-1.0-py3-none-any.whl", "left-pad"), ("/x/left-pad-1.0.tar.gz", "left-pad"), ("/x/y.txt", None),
            ("/x/left_pad-1.0-py3-none-any.whl.metadata", "left-pad"), ("/x/left.pad-1.0.zip", "left-pad"),
            ("/x/left-pad-1.0.tar.gz.metadata.metadata", None), ("/x/-1.0.tar.gz", None), ("/x/noversion.tar.gz", None),
        ],
    )  # fmt: skip
    def test_names_of_files(self, target: str, name: str | None) -> None:
        file = pypi.read_file(target)
        assert (file.name if file else None) == name

    def test_the_other_api_lies_beside_the_index(self) -> None:
        registry = Registry.parse(Kind.PYPI, "https://index.example.org/simple/")
        assert pypi.read_project(registry, "/pypi/Left.Pad/1.0/json") == Document(
            name="left-pad", form=pypi.PROJECT, version="1.0"
        )
        other = Registry.parse(Kind.PYPI, "https://index.example.org/root/pypi/+simple/")
        assert pypi.read_project(other, "/pypi/x/json") is None
        assert pypi.project_url(other, "x") == ""


class TestCargo:
    downloads = cargo.Downloads(
        b'{"dl":"https://crates.example.org/{prefix}/{crate}/{version}/{sha256-checksum}.crate"}'
    )

    @given(ages)
    def test_only_what_is_old_is_not_yanked(self, published: dict[str, float | None]) -> None:
        entries = [
            {
                "name": "thing",
                "vers": v,
                "cksum": "ab",
                "yanked": False,
                "deps": [],
                **({} if a is None else {"pubtime": when(a)}),
            }
            for v, a in published.items()
        ]
        body = "\n".join(map(json.dumps, entries)).encode()
        answer = cargo.IndexFile("thing", body, self.downloads).answer(Document(name="thing"), screening(Kind.CARGO))
        shown = [json.loads(line) for line in answer.body.splitlines()]
        assert [{**entry, "yanked": False} for entry in shown] == entries
        assert [not entry["yanked"] for entry in shown] == [old(age) for age in published.values()]

    @given(st.binary(max_size=200) | st.lists(junk, max_size=3).map(lambda v: "\n".join(map(json.dumps, v)).encode()))
    def test_whatever_comes_is_read_or_refused(self, body: bytes) -> None:
        try:
            cargo.IndexFile("thing", body, self.downloads).answer(Document(name="thing"), screening(Kind.CARGO))
        except UnreadableError:
            pass
        try:
            cargo.Downloads(body)
        except UnreadableError:
            pass

    @given(st.from_regex(r"[a-zA-Z][a-zA-Z0-9_-]{0,20}", fullmatch=True), versions)
    def test_urls_are_recognised(self, name: str, version: str) -> None:
        for template in ("https://c.example.org", "https://c.example.org/x/{crate}-{version}.crate"):
            downloads = cargo.Downloads(json.dumps({"dl": template}).encode())
            host, _, target = downloads.url(name, version, "ab").removeprefix("https://").partition("/")
            assert downloads.read(host, f"/{target}") is not None
        assert cargo.read(f"{cargo.prefix(name.lower())}/{name}") == Document(name=name.lower())

    @pytest.mark.parametrize("dl", [None, 1, "http://c.example.org", "ftp://x", ""])
    def test_crates_that_are_nowhere(self, dl: object) -> None:
        with pytest.raises(UnreadableError):
            cargo.Downloads(json.dumps({"dl": dl}).encode())


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("dists/stable/InRelease", Plain()),
        ("dists/stable/main/binary-amd64/Packages.xz", Plain()),
        ("pool/main/h/hello/hello_2.10-3_amd64.deb", File(name="hello", version="2.10-3")),
        ("pool/main/g/g++/g%2b%2b_4%3a12.2-1_all.deb", File(name="g++", version="4:12.2-1")),
        ("pool/main/h/hello/hello_2.10-3.dsc", File(name="hello", version="2.10-3")),
        ("pool/main/h/hello/hello_2.10.orig.tar.gz", File(name="hello", version="2.10")),
        ("pool/main/h/hello.deb", None), ("dists", None), ("dists/", None), ("dists/../x", None), ("pool/../dists/x", None),
        ("other/x", None), ("dists/a//b", None), ("dists/%2e%2e/x", None), ("dists/a?b", None),
    ],
)  # fmt: skip
def test_debian(path: str, asked: object) -> None:
    assert debian.read(path) == asked


class TestVersions:
    def test_the_order_of_semver_org(self) -> None:
        order = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0"]  # fmt: skip
        for lower, higher in pairwise(order):
            assert semver(lower) < semver(higher)  # type: ignore[operator]
        assert [is_prerelease(each) for each in order] == [True] * 7 + [False]

    @given(st.text(max_size=20))
    def test_anything_else_is_no_version(self, text: str) -> None:
        semver(text)
        pep440(text)
        moment(text)

    @pytest.mark.parametrize("text", ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.123456+00:00"])
    def test_times(self, text: str) -> None:
        assert moment(text) == pytest.approx(1767225600, abs=1)

    @pytest.mark.parametrize("text", ["", "2026-01-01", "2026-01-01T00:00:00", None, 5, "yesterday"])
    def test_what_is_no_time(self, text: object) -> None:
        assert moment(text) is None
