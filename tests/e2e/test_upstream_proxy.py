"""A session in a network whose only way out is a proxy."""

from __future__ import annotations

import asyncio

import pytest

from ironcurtain_tui.containers.container import AgentContainer
from ironcurtain_tui.containers.engine import Engine
from tests.e2e.conftest import Installation, Loop
from tests.e2e.web_host import WebHost
from tests.proxy.corporate import CorporateProxy

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]
HOST = "files.example.org"
RULE = f'[[rule]]\nname = "files"\non = "request"\nhost = "{HOST}"\nthen = "allow"\n'


def test_the_web_is_reached_through_it_and_it_is_not_reached_itself(engine: Engine, installation: Installation) -> None:
    loop = Loop()
    web = WebHost(HOST, installation.home.parent)
    loop.call(web.start())
    corporate = CorporateProxy(web.port, "person:secret")
    server = loop.call(asyncio.start_server(corporate.serve, "127.0.0.1", 0))
    port = server.sockets[0].getsockname()[1]
    installation.home.mkdir(exist_ok=True)
    (installation.home / "policy.toml").write_text(RULE)
    (installation.home / "config.toml").write_text(
        f'[network]\nupstream_proxy = "http://127.0.0.1:{port}"\nupstream_proxy_command = ["echo", "person:secret"]\n'
        f'upstream_ca = "{web.authority_file}"\n'
    )
    try:
        session = installation.start("--agent", "shell", "--rehearsal")
        owned = next(item for item in engine.find_owned() if item.session_id == session.session_id)
        container = AgentContainer(engine.client, engine.address, owned.id, owned.name)
        code, output = container.exec(["curl", "-sS", f"https://{HOST}/x"], 120)
        assert (code, output) == (0, f"hello from {HOST}\n".encode()), output
        assert corporate.targets == [f"{HOST}:443"]
        code, output = container.exec(["sh", "-c", f"curl -sS -x http://127.0.0.1:{port} https://{HOST}/x"], 120)
        assert code != 0
        _, environment = container.exec(["sh", "-c", "env; cat /proc/1/environ; cat /run/ironcurtain/*.conf"], 120)
        assert b"secret" not in environment
        assert corporate.targets == [f"{HOST}:443"]
    finally:
        server.close()
        loop.call(web.stop())
        loop.close()
