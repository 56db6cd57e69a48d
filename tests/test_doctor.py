"""`doctor` tries both network modes with a real container, and leaves nothing of the trial."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from ironcurtain_tui.cli import main
from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.containers.images import ensure_image
from tests.conftest import engine_or_skip


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="ic-"))  # short: socket paths have a limit
    monkeypatch.setenv("IRONCURTAIN_HOME", str(directory))
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def engine() -> Engine:
    engine_or_skip()
    found = Engine.connect()
    for image in ("shell", "sidecar"):
        ensure_image(found, image, lambda _: None)
    return found


def left(engine: Engine, home: Path) -> list[str]:
    """What a trial of this installation left: its containers, networks and directories."""
    owned = [*engine.find_owned(), *engine.find_owned_networks()]
    mine = [item.name for item in owned if item.labels.get("ironcurtain.owner.pid") == str(os.getpid())]
    return [*mine, *(str(path) for room in ("run", "sessions") for path in (home / room).glob("*"))]


@pytest.mark.engine
def test_both_modes_are_tried_for_real(engine: Engine, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "uds", "tcp", "--json"]) == 0
    findings = json.loads(capsys.readouterr().out)
    assert [(one["name"], one["state"]) for one in findings] == [("uds", "ok"), ("tcp", "ok")]
    assert "sessions use it" in findings[0]["text"]
    assert "not in use" in findings[1]["text"]
    assert left(engine, home) == []


@pytest.mark.engine
def test_a_hole_is_a_failure_where_it_matters(
    engine: Engine, home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_gateway(self: Engine, name: str, subnet: IPv4Network, labels: dict[str, str]) -> str:
        ipam = {"Driver": "default", "Config": [{"Subnet": str(subnet)}]}
        made = self.client.create_network(name, driver="bridge", internal=True, ipam=ipam, labels=labels)
        return str(made["Id"])

    monkeypatch.setattr(Engine, "create_network", with_gateway)
    assert main(["doctor", "tcp"]) == 0, "a warning: sessions do not use it"
    assert "host-heard" in capsys.readouterr().out
    (home / "config.toml").write_text('[network]\nmode = "tcp"\n')
    assert main(["doctor", "tcp"]) == 1
    assert left(engine, home) == []


def test_without_an_engine_the_reason_is_told(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{home}/no-engine.sock")
    assert main(["doctor", "engine", "tcp", "--json"]) == 1
    findings = json.loads(capsys.readouterr().out)
    assert {one["state"] for one in findings} == {"fail"}
    assert all("no Docker Engine" in one["text"] and one["remedy"] for one in findings)
