from __future__ import annotations

import hashlib
import json
import os
import socket
import tempfile
import threading
from pathlib import Path

import pytest

from ironcurtain_tui.containers import engine as engine_module
from ironcurtain_tui.containers.container import AgentContainer
from ironcurtain_tui.containers.engine import Engine, engine_address, gateway_of
from ironcurtain_tui.containers.failures import EngineRefusedError, EngineUnavailableError
from tests.containers.fake_engine import FakeEngine


def connect(address: str) -> Engine:
    return Engine.connect({"DOCKER_HOST": address})


def test_no_engine(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailableError, match="There is no Docker Engine at unix://") as caught:
        connect(f"unix://{tmp_path}/docker.sock")
    assert "Install Docker Engine" in caught.value.remedy


def test_engine_not_running(tmp_path: Path) -> None:
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(path))
    with pytest.raises(EngineUnavailableError, match="is not running") as caught:
        connect(f"unix://{path}")
    assert "systemctl start docker" in caught.value.remedy


def test_nothing_on_a_tcp_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(EngineUnavailableError, match="is not running"):
        connect(f"tcp://127.0.0.1:{port}")


def test_permission_denied() -> None:
    """As a user without rights: root may open every socket."""
    with tempfile.TemporaryDirectory() as directory, socket.socket(socket.AF_UNIX) as listener:
        path = Path(directory) / "docker.sock"
        listener.bind(str(path))
        listener.listen()
        path.parent.chmod(0o755)
        path.chmod(0)
        root = os.geteuid() == 0
        try:
            if root:
                os.seteuid(65534)
            with pytest.raises(EngineUnavailableError, match="permission denied") as caught:
                connect(f"unix://{path}")
        finally:
            if root:
                os.seteuid(0)
    assert "usermod -aG docker" in caught.value.remedy


def test_engine_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "CONNECT_SECONDS", 0.2)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "docker.sock"))
        listener.listen()
        with pytest.raises(EngineUnavailableError, match="does not answer"):
            connect(f"unix://{tmp_path}/docker.sock")


def test_engine_that_answers_with_an_error(fake_engine: FakeEngine) -> None:
    fake_engine.broken = True
    with pytest.raises(EngineUnavailableError, match=r"cannot be used.*the engine is broken"):
        connect(fake_engine.address)


@pytest.mark.parametrize("address", ["ssh://user@elsewhere", "npipe:////./pipe/docker_engine", "https://10.0.0.1:2376"])
def test_an_engine_elsewhere_is_refused(address: str) -> None:
    with pytest.raises(EngineRefusedError, match="not on this machine") as caught:
        connect(address)
    assert "DOCKER_HOST" in caught.value.remedy


def test_address_comes_from_the_environment_then_the_context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)
    metadata = tmp_path / "contexts" / "meta" / hashlib.sha256(b"own").hexdigest() / "meta.json"
    metadata.parent.mkdir(parents=True)
    own = {"Name": "own", "Metadata": {}, "Endpoints": {"docker": {"Host": "unix:///own.sock"}}}
    metadata.write_text(json.dumps(own))
    (tmp_path / "config.json").write_text("{}")
    assert engine_address({}) == "unix:///var/run/docker.sock"
    assert engine_address({"DOCKER_CONTEXT": "own"}) == "unix:///own.sock"
    assert engine_address({"DOCKER_CONTEXT": "own", "DOCKER_HOST": "unix:///first.sock"}) == "unix:///first.sock"
    (tmp_path / "config.json").write_text(json.dumps({"currentContext": "own"}))
    assert engine_address({}) == "unix:///own.sock"
    with pytest.raises(EngineRefusedError, match="context nonesuch"):
        engine_address({"DOCKER_CONTEXT": "nonesuch"})


@pytest.mark.parametrize(
    ("config", "gateway"),
    [
        ({"Gateway": "172.18.0.1", "Subnet": "172.18.0.0/16"}, "172.18.0.1"),
        ({"Subnet": "172.17.0.0/16"}, "172.17.0.1"),
        ({"Subnet": "fd00::/64", "Gateway": "fd00::1/64"}, "fd00::1"),
        ({}, ""),
    ],
)
def test_gateway(config: dict[str, str], gateway: str) -> None:
    assert gateway_of(config) == gateway


@pytest.mark.engine
def test_what_an_engine_says_about_itself(engine: Engine) -> None:
    engine.ping()
    info = engine.info()
    assert info.version == engine.version
    assert info.cpus >= 1
    assert info.memory_bytes > 0
    assert info.root_directory.is_absolute()
    free = engine.disk_free()
    assert free is None or free > 0
    assert engine.gateways()


def test_an_engine_that_goes_away_is_told_from_one_that_refuses(fake_engine: FakeEngine) -> None:
    engine = connect(fake_engine.address)
    with pytest.raises(EngineRefusedError) as refused:
        engine.find_owned()
    assert refused.value.status == 404
    fake_engine.close()
    with pytest.raises(EngineUnavailableError):
        engine.find_owned()


def test_waiting_for_an_agent_ends_when_the_engine_dies(fake_engine: FakeEngine) -> None:
    engine = connect(fake_engine.address)
    container = AgentContainer(engine.client, engine.address, "0123456789ab", "agent")

    def die() -> None:
        fake_engine.asked.wait(30)
        fake_engine.close()

    killer = threading.Thread(target=die)
    killer.start()
    with pytest.raises(EngineUnavailableError):
        container.wait()
    killer.join()
