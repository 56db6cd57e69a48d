"""What this machine asks by itself, in a network whose only way out is a proxy."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from ironcurtain_tui import config
from ironcurtain_tui.checks import CHECKS
from ironcurtain_tui.config import McpServerSettings, ModelSettings, NetworkSettings, ProviderSettings
from ironcurtain_tui.credentials.login import CLAUDE
from ironcurtain_tui.credentials.login_credential import LoginCredential
from ironcurtain_tui.credentials.login_store import FileStore
from ironcurtain_tui.credentials.token_endpoint import TokenEndpoint
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.events import BadgeState
from ironcurtain_tui.gateway.tools import CannotServe
from ironcurtain_tui.gateway.upstream import ServerState, Upstream
from ironcurtain_tui.models.model import ModelFailed, configured
from ironcurtain_tui.proxy.authority import CertificateAuthority
from ironcurtain_tui.supervisor.way_out import WayOut
from tests.credentials.token_server import TokenServer
from tests.gateway.stage import echo_over_http
from tests.models.stage import scripted_api
from tests.proxy.corporate import CorporateProxy, pump
from tests.proxy.stage import server_context
from tests.waiting import PATIENCE

HOST = "service.example.org"
"""No name server knows it: without the proxy nobody gets there."""
USER = "person:pass word"
KEY = "sk-ant-not-a-key-of-anybody-at-all"


@dataclass
class Company:
    """A TLS server for HOST in front of a plain one, and the proxy that leads to it."""

    root: Path
    proxy: CorporateProxy
    authority: Path
    plain: int = 0
    connections: int = 0

    def settings(self, **changes: object) -> NetworkSettings:
        command = ("sh", "-c", f"echo x >> {self.root}/asked; echo '{USER}'")
        url = f"http://127.0.0.1:{self.proxy.port}"
        values = {"upstream_proxy": url, "upstream_proxy_command": command, "upstream_ca": str(self.authority)}
        return NetworkSettings(**{**values, **changes})  # type: ignore[arg-type]

    def way_out(self, **changes: object) -> WayOut:
        return WayOut(self.settings(**changes), {})

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.plain)
        await asyncio.gather(pump(reader, there_writer), pump(there_reader, writer))


@pytest.fixture
async def company(tmp_path: Path) -> AsyncIterator[Company]:
    authority = CertificateAuthority.load_or_create(tmp_path / "ca")
    pem = tmp_path / "company.pem"
    pem.write_bytes(authority.certificate_pem)
    made = Company(tmp_path, CorporateProxy(0, USER), pem)
    context = server_context(authority, HOST, tmp_path)
    front = await asyncio.start_server(made.serve, "127.0.0.1", 0, ssl=context)
    made.proxy.target = front.sockets[0].getsockname()[1]
    proxy = await asyncio.start_server(made.proxy.serve, "127.0.0.1", 0)
    made.proxy.port = proxy.sockets[0].getsockname()[1]
    yield made
    proxy.close()
    front.close()


def log_in(company: Company, way_out: WayOut) -> LoginCredential:
    path = company.root / ".credentials.json"
    tokens = {"accessToken": "access-token-number-0", "refreshToken": "refresh-token-number-0"}
    oauth = {**tokens, "expiresAt": int(time.time() * 1000), "scopes": [], "subscriptionType": "pro"}
    path.write_text(json.dumps({"claudeAiOauth": oauth}))
    path.chmod(0o600)
    store = FileStore(path, CLAUDE)
    found = store.read()
    assert found is not None
    endpoint = TokenEndpoint(f"https://{HOST}/oauth/token", "client")
    return LoginCredential(store, endpoint, found, title="T", remedy="r", transport=way_out.transport)


def only_through_the_proxy(company: Company) -> None:
    assert set(company.proxy.targets) == {f"{HOST}:443"}
    seen = b"".join(company.proxy.heads)
    assert not any(word in seen for word in (b"refresh-token", b"access-token", KEY.encode()))


async def test_a_log_in_is_renewed_through_it(company: Company) -> None:
    with TokenServer().running() as server:
        company.plain = int(server.url.rsplit(":", 1)[1].split("/")[0])
        credential = log_in(company, company.way_out())
        assert (await credential.key()).secret.reveal() == "access-token-number-1"
        await credential.close()
    only_through_the_proxy(company)


async def test_a_refresh_token_is_not_spent_where_nothing_gets_through(company: Company) -> None:
    with TokenServer().running() as server:
        company.plain = int(server.url.rsplit(":", 1)[1].split("/")[0])
        for changes in (
            {"upstream_proxy": "off"},  # directly: nobody knows the name
            {"upstream_proxy_command": ("echo", "person:wrong")},
            {"upstream_proxy_command": ("false",)},
            {"upstream_ca": ""},  # whoever answers there is not verified
        ):
            credential = log_in(company, company.way_out(**changes))
            with pytest.raises(UserFacingError):
                await credential.key()
            await credential.close()
        assert server.asked == []


async def test_a_model_is_asked_through_it(company: Company) -> None:
    file = company.root / "key"
    file.write_text(KEY)
    file.chmod(0o600)
    settings = ModelSettings(name="anthropic:m", base_url=f"https://{HOST}")
    keys = {"anthropic": ProviderSettings(api_key_file=str(file))}
    async with scripted_api() as api:
        api.replies = [(200, json.dumps({"content": [{"type": "text", "text": "approve"}]}))]
        company.plain = int(api.url.rsplit(":", 1)[1])
        model = configured(settings, keys, company.way_out().transport)
        assert model is not None
        assert await model.answer("decide", "this?") == "approve"
        assert api.requests[0].headers["x-api-key"] == KEY
        only_through_the_proxy(company)
        unverified = configured(settings, keys, company.way_out(upstream_ca="").transport)
        assert unverified is not None
        with pytest.raises(ModelFailed):
            await unverified.answer("decide", "this?")
        assert len(api.requests) == 1


@pytest.fixture
async def echo(company: Company) -> AsyncIterator[None]:
    """A real MCP server that speaks HTTP, behind the company's TLS."""
    async with echo_over_http(company.root / "pid") as company.plain:
        yield


@pytest.mark.usefixtures("echo")
async def test_a_tool_server_is_reached_through_it(company: Company) -> None:
    states: asyncio.Queue[tuple[ServerState, str]] = asyncio.Queue()

    def told(_: Upstream, state: ServerState, reason: str) -> None:
        states.put_nowait((state, reason))

    host = {"Host": f"127.0.0.1:{company.plain}"}  # the one name under which the real server answers
    settings = McpServerSettings(url=f"https://{HOST}/mcp", headers=host)
    make = partial(Upstream, "echo", settings, company.root, company.root / "log")
    server = make(told, transport=company.way_out().transport)
    server.start()
    assert await states.get() == (ServerState.UP, "")
    result = await server.call("echo", {"text": "hello"}, _unheard)
    assert result.content[0].text == "hello"  # type: ignore[union-attr]
    await server.stop()
    only_through_the_proxy(company)
    server = make(told, transport=company.way_out(upstream_ca="").transport)
    server.start()
    assert (await states.get())[0] is ServerState.DOWN
    with pytest.raises(CannotServe):
        await server.call("echo", {"text": "hello"}, _unheard)
    await server.stop()


async def _unheard(*_: object) -> None: ...


async def test_this_machine_and_what_is_exempt_are_reached_directly(company: Company) -> None:
    async with scripted_api() as api:
        api.replies = [(200, "{}")] * 2
        import httpx

        variables = {"https_proxy": f"http://{USER}@127.0.0.1:{company.proxy.port}", "no_proxy": f".{HOST}"}
        for way_out in (company.way_out(), WayOut(NetworkSettings(), variables)):
            async with httpx.AsyncClient(transport=way_out.transport(), timeout=PATIENCE) as client:
                assert (await client.get(api.url)).status_code == 200
        async with httpx.AsyncClient(transport=WayOut(NetworkSettings(), variables).transport()) as client:
            with pytest.raises(httpx.ConnectError):
                await client.get(f"https://{HOST}/")
    assert company.proxy.heads == []


async def test_the_password_is_asked_for_once(company: Company) -> None:
    way_out = company.way_out()
    await asyncio.gather(*(asyncio.to_thread(way_out.transport) for _ in range(4)))
    assert (company.root / "asked").read_text() == "x\n"


async def test_doctor_tries_all_of_them(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IRONCURTAIN_HOME", str(company.root))
    network = (
        f'[network]\nupstream_proxy = "http://127.0.0.1:{company.proxy.port}"\nupstream_ca = "{company.authority}"\n'
    )
    text = (
        '[session]\nagent = "claude-code"\n[providers.corp]\nkind = "anthropic"\nbase_url = "https://service.example.org"\n'
        '[model]\nname = "openai:m"\nbase_url = "https://service.example.org:8443"\n'
        '[mcp.servers.wiki]\nurl = "https://unverified.example.org/mcp"\n'
    )
    async with scripted_api() as api:
        api.replies = [(404, "{}")] * 4
        company.plain = int(api.url.rsplit(":", 1)[1])
        (company.root / "config.toml").write_text(f'{text}{network}upstream_proxy_command = ["echo", "{USER}"]\n')
        config.load()
        first, *others = await asyncio.to_thread(lambda: list(CHECKS["network"]()))
        assert "with a password; upstream_ca" in first.text
        assert [(each.state, each.text.split(" ")[0]) for each in others] == [
            (BadgeState.OK, "service.example.org"),
            (BadgeState.OK, "service.example.org:8443"),
            (BadgeState.FAIL, "unverified.example.org"),
        ]
        assert "certificate" in others[-1].text
        assert not any("authorization" in each.headers or "x-api-key" in each.headers for each in api.requests)
        (company.root / "config.toml").write_text(text + network)
        _, *others = await asyncio.to_thread(lambda: list(CHECKS["network"]()))
        assert {each.state for each in others} == {BadgeState.FAIL}
        assert all("407" in each.text and each.remedy for each in others)


def test_doctor_says_so_when_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IRONCURTAIN_HOME", str(tmp_path))
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    (found,) = CHECKS["network"]()
    assert (found.state, "directly" in found.text) == (BadgeState.OK, True)
