from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from mitmproxy.proxy.layers import http as http_layer
from mitmproxy.proxy.layers import tls as tls_layer
from mitmproxy.proxy.layers.http import _http1

from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.proxy import core

from .stage import Stage, request


def test_the_installed_core_has_the_shape_we_need() -> None:
    core.verify()
    assert vars(http_layer)["Http1Client"] is core.Http1Client
    core.verify()


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (http_layer.HttpLayer, "make_stream"),
        (_http1.Http1Server, "read_headers"),
        (tls_layer.ClientTLSLayer, "receive_handshake_data"),
        (http_layer, "Http1Server"),
    ],
)
def test_a_core_of_another_shape_is_not_started(owner: object, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(owner, name)  # type: ignore[arg-type]
    with pytest.raises(UserFacingError, match=name) as caught:
        core.verify()
    assert caught.value.remedy


def test_no_tls_secrets_are_written(tmp_path: Path) -> None:
    log = tmp_path / "keys"
    code = (
        "import os, ironcurtain_tui.proxy.server as s; from ironcurtain_tui.proxy import core; core.verify();"
        "assert not any('KEYLOG' in name for name in os.environ)"
    )
    environment = {**os.environ, "SSLKEYLOGFILE": str(log), "MITMPROXY_SSLKEYLOGFILE": str(log)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    assert not log.exists()


def test_a_core_that_writes_them_is_not_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mitmproxy.net.tls.log_master_secret", print)
    with pytest.raises(UserFacingError, match="SSLKEYLOGFILE"):
        core.verify()


def test_neither_the_application_nor_its_add_ons_are_loaded() -> None:
    code = (
        "import sys, ironcurtain_tui.proxy.server;"
        "assert not {'mitmproxy.master', 'mitmproxy.addons', 'flask', 'tornado'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


async def test_a_crash_in_the_core_cuts_the_connection(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    agent = await stage.inside()

    def crash(*args: object) -> None:
        raise RuntimeError("some key")

    monkeypatch.setattr(core.HttpStream, "state_consume_request_body", crash)
    await agent.send(request())
    assert await agent.closed()
    (flow,) = await stage.over()
    assert flow.state == "error"
    assert stage.provider.bodies == []
    assert "the connection is cut" in caplog.text
    assert "some key" not in caplog.text


@pytest.mark.parametrize(
    "addon", ["RequestForm", "CredentialCheck", "DestinationGuard", "CredentialSwap", "BodyStreams"]
)
async def test_an_exception_in_any_add_on_refuses(stage: Stage, monkeypatch: pytest.MonkeyPatch, addon: str) -> None:
    agent = await stage.inside()

    def crash(*args: object) -> None:
        raise RuntimeError("some key")

    monkeypatch.setattr(f"ironcurtain_tui.proxy.server.{addon}.requestheaders", crash)
    response = await agent.ask(request())
    assert response.status == 403
    assert b"could not be checked" in response.body
    assert stage.provider.connections == 0
    assert [reason for _, reason in stage.gate.refusals] == ["it could not be checked"]


@pytest.mark.parametrize("hook", ["LayerRouter.next_layer", "ClientTls.tls_start_client"])
async def test_an_exception_before_tls_closes(stage: Stage, monkeypatch: pytest.MonkeyPatch, hook: str) -> None:
    def crash(*args: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(f"ironcurtain_tui.proxy.server.{hook}", crash)
    agent = await stage.agent()
    await agent.connect()
    await agent.send(b"\x16\x03\x01\x00\xa0" + b"\x01" + b"x" * 300)
    assert await agent.closed()
    assert stage.provider.connections == 0


@pytest.mark.parametrize(
    "hook",
    [
        "DestinationGuard.server_connect",
        "UpstreamTls.tls_start_server",
        "ResponseHygiene.responseheaders",
        "BodyStreams.responseheaders",
    ],
)
async def test_an_exception_on_the_far_side_ends_in_502(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, hook: str
) -> None:
    def crash(*args: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(f"ironcurtain_tui.proxy.server.{hook}", crash)
    agent = await stage.inside()
    assert (await agent.ask(request())).status == 502
    (flow,) = await stage.over()
    assert flow.state == "error"


async def test_a_failing_tap_or_viewer_harms_no_exchange(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*args: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("ironcurtain_tui.providers.usage.DocumentTap.feed", crash)
    monkeypatch.setattr("ironcurtain_tui.proxy.exchange.Exchange.snapshot", crash)
    agent = await stage.inside()
    assert (await agent.ask(request())).status == 200
