# ruff: noqa: E501 (texts of files)
"""What the host's own clients say, in a file system made for it."""

from __future__ import annotations

import tomllib
from configparser import RawConfigParser
from pathlib import Path

import pytest

from ironcurtain_tui.config import PackageSettings
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.packages.package import Kind
from ironcurtain_tui.supervisor.package_registries import PackageRegistries

ON = PackageSettings(enabled=True)


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    def write(path: str, text: str) -> None:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    write(
        "home/me/.npmrc",
        "registry=https://npm.example.org/\n@mine:registry = ${SCOPED}\n//npm.example.org/:_authToken=secret\n",
    )
    write("home/me/.config/pip/pip.conf", "[global]\nindex-url = https://me:secret@python.example.org/simple\n")
    write("etc/pip.conf", "[global]\nextra-index-url =\n    file:///opt/simple\n    https://more.example.org/simple/\n")
    write(
        "home/me/.cargo/config.toml",
        '[source.crates-io]\nreplace-with = "own"\n[source.own]\nregistry = "sparse+https://crates.example.org/index/"\n'
        '[registries.other]\nindex = "sparse+https://other.example.org/"\n[registries.git]\nindex = "https://git.example.org/x"\n',
    )
    write(
        "etc/apt/sources.list.d/debian.sources",
        "# a remark\nTypes: deb\nURIs: http://debian.example.org/debian\nSuites: stable\n stable-updates\nComponents: main\n"
        "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n\nTypes: deb\nURIs: https://vendor.example.org/\nSuites: x\n"
        "Components: main\nSigned-By: /usr/share/keyrings/vendor.gpg\n",
    )
    write(
        "etc/apt/sources.list",
        "deb [arch=amd64] http://security.example.org/debian-security stable-security main # x\ndeb-src http://x y\n",
    )
    return tmp_path


def find(machine: Path, settings: PackageSettings = ON, **environment: str) -> PackageRegistries:
    return PackageRegistries.find(
        settings, environment={"HOME": "/home/me", "SCOPED": "https://scoped.example.org/", **environment}, root=machine
    )


def urls(found: PackageRegistries, kind: Kind) -> list[str]:
    return [each.url for each in found.all if each.kind is kind]


def test_off_unless_wanted(machine: Path) -> None:
    found = find(machine, PackageSettings())
    assert (found.all, found.rules, found.client_files("ca"), found.apt_settings("/home/agent")) == ((), None, {}, "")


def test_what_the_hosts_clients_use(machine: Path) -> None:
    found = find(machine)
    assert urls(found, Kind.NPM) == ["https://npm.example.org/", "https://scoped.example.org/"]
    assert urls(found, Kind.PYPI) == ["https://python.example.org/simple/", "https://more.example.org/simple/"]
    assert urls(found, Kind.CARGO) == ["https://crates.example.org/index/", "https://other.example.org/"]
    assert urls(found, Kind.DEBIAN) == [
        "https://security.example.org/debian-security/",
        "https://debian.example.org/debian/",
    ]
    assert found.archives == (
        "https://security.example.org/debian-security/ stable-security main",
        "https://debian.example.org/debian/ stable main",
        "https://debian.example.org/debian/ stable-updates main",
    )


def test_the_environment_comes_before_files(machine: Path) -> None:
    found = find(machine, NPM_CONFIG_REGISTRY="https://n.example.org/", PIP_INDEX_URL="https://p.example.org/simple")
    assert urls(found, Kind.NPM)[0] == "https://n.example.org/"
    assert urls(found, Kind.PYPI)[0] == "https://p.example.org/simple/"


def test_our_settings_come_before_the_hosts(machine: Path) -> None:
    settings = PackageSettings(
        enabled=True, npm=("https://a.example.org/npm",), debian=("https://b.example.org/debian bookworm main",)
    )
    found = find(machine, settings)
    assert urls(found, Kind.NPM) == ["https://a.example.org/npm/"]
    assert found.archives == ("https://b.example.org/debian/ bookworm main",)
    assert found.npm_scopes == {}


def test_a_client_is_asked_for_its_default(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, said in {
        "npm": "https://npm.example.org/",
        "pip3": "  -i, --index-url <url>   Base URL (default\n        https://python.example.org/simple). More.",
    }.items():
        (programs / name).write_text(f"#!/bin/sh\ncat <<'END'\n{said}\nEND\n")
        (programs / name).chmod(0o755)
    found = PackageRegistries.find(
        ON, environment={"HOME": "/nobody", "PATH": f"{programs}:/bin:/usr/bin"}, root=tmp_path
    )
    assert [each.url for each in found.all] == ["https://npm.example.org/", "https://python.example.org/simple/"]


def test_a_host_with_nothing_has_nothing(tmp_path: Path) -> None:
    assert PackageRegistries.find(ON, environment={"HOME": "/x", "PATH": str(tmp_path)}, root=tmp_path).all == ()


@pytest.mark.parametrize(
    "settings",
    [
        PackageSettings(enabled=True, npm=("http://npm.example.org/",)),
        PackageSettings(enabled=True, pypi=("https://me:secret@10.0.0.1/simple",)),
        PackageSettings(enabled=True, deny=("a b",)),
    ],
)
def test_mistakes_in_our_settings_are_said(tmp_path: Path, settings: PackageSettings) -> None:
    with pytest.raises(UserFacingError) as error:
        PackageRegistries.find(settings, environment={"HOME": "/x", "PATH": ""}, root=tmp_path)
    assert "secret" not in error.value.message
    assert "config.toml: packages" in error.value.message


def test_what_the_container_is_told(machine: Path) -> None:
    found = find(machine)
    files = {path: content.decode() for path, content in found.client_files("/ca.pem").items()}
    assert "secret" not in "".join(files.values())
    assert files[".npmrc"].splitlines()[:2] == [
        "registry=https://npm.example.org/",
        "@mine:registry=https://scoped.example.org/",
    ]
    pip = RawConfigParser()
    pip.read_string(files[".config/pip/pip.conf"])
    assert pip["global"]["index-url"] == "https://python.example.org/simple/"
    assert pip["global"]["extra-index-url"].split() == ["https://more.example.org/simple/"]
    uv = tomllib.loads(files[".config/uv/uv.toml"])
    assert [each.get("default", False) for each in uv["index"]] == [False, True]
    cargo = tomllib.loads(files[".cargo/config.toml"])
    assert cargo["source"]["ironcurtain"]["registry"] == "sparse+https://crates.example.org/index/"
    assert files[".apt/sources.list"].startswith(
        "deb https://security.example.org/debian-security/ stable-security main\n"
    )
    assert '"/home/agent/.apt/state"' in found.apt_settings("/home/agent")
