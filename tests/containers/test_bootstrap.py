from __future__ import annotations

import secrets
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ironcurtain_tui.containers import bootstrap
from ironcurtain_tui.containers.bootstrap import (
    Mirrors,
    Source,
    debian_mirrors,
    debian_sources,
    host_sources,
    parse_deb822,
    parse_one_line,
)
from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.errors import UserFacingError

ONE_LINE = """\
# deb http://commented.example/debian bookworm main
deb http://mirror.example/debian/ bookworm main contrib  # the usual
deb-src http://mirror.example/debian bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/x.gpg] https://vendor.example/apt stable-thing main
deb [ trusted=yes ] http://mirror.example/security bookworm-security main
broken
"""
DEB822 = """\
Types: deb deb-src
# a comment
URIs: http://mirror.example/debian
Suites: trixie trixie-updates
Components: main
 contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Enabled: no
Types: deb
URIs: http://disabled.example/debian
Suites: trixie
Components: main

types: deb
uris: http://mirror.example/debian-security/
suites: trixie-security
components: main
"""


def test_one_line_format() -> None:
    assert list(parse_one_line(ONE_LINE)) == [
        Source("http://mirror.example/debian", "bookworm", ("main", "contrib")),
        Source("https://vendor.example/apt", "stable-thing", ("main",)),
        Source("http://mirror.example/security", "bookworm-security", ("main",)),
    ]


def test_deb822_format() -> None:
    assert list(parse_deb822(DEB822)) == [
        Source("http://mirror.example/debian", "trixie", ("main", "contrib")),
        Source("http://mirror.example/debian", "trixie-updates", ("main", "contrib")),
        Source("http://mirror.example/debian-security", "trixie-security", ("main",)),
    ]


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    for source in [*parse_one_line(text), *parse_deb822(text)]:
        assert source.uri == source.uri.rstrip("/")
        assert source.suite


def test_debian_is_told_from_others() -> None:
    assert debian_mirrors(parse_one_line(ONE_LINE)) == Mirrors(
        "http://mirror.example/debian", "http://mirror.example/security"
    )
    assert debian_mirrors(parse_deb822(DEB822)) == Mirrors(
        "http://mirror.example/debian", "http://mirror.example/debian-security"
    )
    ubuntu = "deb http://ubuntu.example/ubuntu noble main\ndeb http://ubuntu.example/ubuntu noble-security main\n"
    assert debian_mirrors(parse_one_line(ubuntu)) is None
    assert debian_mirrors([]) is None
    assert debian_mirrors([Source("cdrom:[Debian]", "bookworm", ("main",))]) is None


def test_both_formats_are_read_from_the_host(tmp_path: Path) -> None:
    assert host_sources(tmp_path) == []
    (tmp_path / "sources.list").write_text("deb http://a.example/debian bookworm main\n")
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list.d" / "debian.sources").write_text(DEB822)
    (tmp_path / "sources.list.d" / "old.list.disabled").write_text("deb http://b.example/debian bookworm main\n")
    assert [source.uri for source in host_sources(tmp_path)][:2] == [
        "http://a.example/debian",
        "http://mirror.example/debian",
    ]


def test_the_image_gets_the_hosts_mirrors() -> None:
    written = debian_sources(Mirrors("http://mirror.example/debian", "http://mirror.example/security"))
    assert [(source.uri, source.suite) for source in parse_deb822(written)] == [
        ("http://mirror.example/debian", "bookworm"),
        ("http://mirror.example/debian", "bookworm-updates"),
        ("http://mirror.example/security", "bookworm-security"),
    ]
    assert "security" not in debian_sources(Mirrors("http://mirror.example/debian"))


@pytest.mark.parametrize(
    ("missing", "remedy"),
    [("mirror", "docker pull"), ("debootstrap", "apt-get install debootstrap"), ("root", "sudo -E ironcurtain-tui")],
)
def test_what_is_missing_is_said_with_the_command_to_run(
    missing: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = [] if missing == "mirror" else [Source("http://mirror.example/debian", "bookworm", ("main",))]
    monkeypatch.setattr(bootstrap, "host_sources", lambda: sources)
    monkeypatch.setattr(shutil, "which", lambda _: None if missing == "debootstrap" else "/usr/sbin/debootstrap")
    monkeypatch.setattr(bootstrap, "KEYRING", __file__)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(UserFacingError, match="No image registry can be reached") as caught:
        bootstrap._preconditions()
    assert remedy in caught.value.remedy


def test_a_failing_command_shows_its_end() -> None:
    seen: list[str] = []
    with pytest.raises(UserFacingError, match=r"exit code 3\):\n    E: no\b"):
        bootstrap._run(["sh", "-c", "echo E: no; echo warning >&2; exit 3"], seen.append)
    assert seen == ["E: no", "warning"]


def test_a_command_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "LIMIT_SECONDS", 0.2)
    with pytest.raises(UserFacingError, match="exit code -9"):
        bootstrap._run(["sh", "-c", "sleep 60 & wait"], lambda _: None)


@pytest.mark.engine
def test_a_tree_becomes_an_image(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = f"ironcurtain-test-{secrets.token_hex(4)}"
    monkeypatch.setattr(bootstrap, "REPOSITORY", repository)
    monkeypatch.setattr(bootstrap, "TAG", f"{repository}:bookworm")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "file").write_text("content")
    bootstrap._import(engine, tmp_path)
    try:
        image = engine.client.inspect_image(f"{repository}:bookworm")
        assert image["Config"]["Cmd"] == ["bash"]
        assert len(image["RootFS"]["Layers"]) == 1
    finally:
        engine.client.remove_image(f"{repository}:bookworm")
