"""Installers in the agent's own container, which nobody has told anything, at registries of our own."""

from __future__ import annotations

import gzip
import hashlib
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ironcurtain_tui.audit.reader import AuditReader
from ironcurtain_tui.containers.container import AgentContainer
from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.paths import SessionPaths
from ironcurtain_tui.proxy.authority import CertificateAuthority
from tests.e2e.conftest import Installation
from tests.packages.world import AGES, DEBIAN, HOSTS, NPM, PYPI, World, open_world

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]
SECONDS = 150.0


@pytest.fixture
def world(installation: Installation) -> Iterator[World]:
    directory = installation.home.parent
    with open_world(CertificateAuthority.load_or_create(directory / "registry-ca"), directory) as world:
        world.publish("leftpad", AGES)
        authority = directory / "registries.pem"
        authority.write_bytes(world.ca_pem)
        installation.home.mkdir(exist_ok=True)
        hosts = "".join(
            f'[web.hosts."{host}"]\nupstream = "127.0.0.1:{world.port}"\nca = "{authority}"\n' for host in HOSTS
        )
        (installation.home / "config.toml").write_text(
            f'[packages]\nenabled = true\nnpm = ["https://{NPM}/"]\npypi = ["https://{PYPI}/simple/"]\n'
            f'debian = ["https://{DEBIAN}/debian stable main"]\ncargo = ["https://crates.example.org/"]\n{hosts}'
        )
        yield world


@pytest.fixture
def container(engine: Engine, installation: Installation, world: World) -> AgentContainer:
    session = installation.start("--agent", "shell", "--rehearsal")
    owned = next(item for item in engine.find_owned() if item.session_id == session.session_id)
    return AgentContainer(engine.client, engine.address, owned.id, owned.name)


def run(container: AgentContainer, command: str) -> tuple[int, str]:
    code, output = container.exec(["sh", "-c", command], SECONDS)
    return code, output.decode("utf-8", "replace")


def session_of(installation: Installation) -> SessionPaths:
    return installation.sessions()[0]


def test_an_agent_installs_what_is_old_enough_and_hears_why_not(
    installation: Installation, world: World, container: AgentContainer
) -> None:
    code, output = run(container, "cd /workspace && npm install leftpad && node -p \"require('leftpad')\"")
    assert code == 0, output
    assert "1.2.0" in output
    code, output = run(container, "cd /workspace && npm install leftpad@1.3.0")
    assert code != 0
    assert "npm leftpad 1.3.0 was published 3 hours ago, and packages must be 2 days old; use 1.2.0" in output

    code, output = run(container, "pip3 install --target /tmp/site leftpad && cat /tmp/site/leftpad.py")
    assert code == 0, output
    assert "1.2.0" in output
    code, output = run(container, "pip3 install --target /tmp/other leftpad==1.3.0")
    assert code != 0
    assert "packages must be 2 days old; use 1.2.0" in output

    code, output = run(container, f"curl -sS https://{NPM}/-/whoami; curl -sS -X PUT -d x https://{NPM}/leftpad")
    assert output.count("a package registry is asked for packages only") == 1
    assert output.count("a package registry is only read from") == 1

    kinds: dict[str, list[str]] = {}
    for record in AuditReader(session_of(installation).audit_log).poll():
        kinds.setdefault(record.kind, []).append(record.summary)
    assert f"GET npm leftpad 1.2.0 from {NPM}" in kinds["package"]
    assert any("1 held back" in summary for summary in kinds["package.filter"])


def test_apt_loads_lists_and_packages(world: World, container: AgentContainer) -> None:
    package = debian_package("hello", "1.0")
    stanza = (
        "Package: hello\nVersion: 1.0\nArchitecture: all\nMaintainer: me <me@example.org>\nDescription: x\n"
        "Filename: pool/main/h/hello/hello_1.0_all.deb\n"
        f"Size: {len(package)}\nSHA256: {hashlib.sha256(package).hexdigest()}\n"
    ).encode()
    release = "Suite: stable\nCodename: stable\nComponents: main\nArchitectures: amd64 arm64 all\nSHA256:\n"
    for architecture in ("amd64", "arm64"):
        path = f"main/binary-{architecture}/Packages.gz"
        body = gzip.compress(stanza, mtime=0)
        world.pages[DEBIAN, f"/debian/dists/stable/{path}"] = "application/gzip", body
        release += f" {hashlib.sha256(body).hexdigest()} {len(body)} {path}\n"
        release += f" {hashlib.sha256(stanza).hexdigest()} {len(stanza)} {path.removesuffix('.gz')}\n"
    world.pages[DEBIAN, "/debian/dists/stable/Release"] = "text/plain", release.encode()
    world.pages[DEBIAN, "/debian/pool/main/h/hello/hello_1.0_all.deb"] = "application/octet-stream", package

    code, output = run(
        container,
        "cd /tmp && apt-get -o Acquire::AllowInsecureRepositories=true update"
        " && apt-get download --allow-unauthenticated hello && dpkg-deb -f hello_1.0_all.deb Version",
    )
    assert code == 0, output
    assert output.rstrip().endswith("1.0")


def debian_package(name: str, version: str) -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        control = Path(directory) / "tree" / "DEBIAN"
        control.mkdir(parents=True)
        (control / "control").write_text(
            f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: me <me@example.org>\nDescription: x\n"
        )
        built = Path(directory) / "built.deb"
        subprocess.run(["dpkg-deb", "--build", str(control.parent), str(built)], check=True, capture_output=True)
        return built.read_bytes()
