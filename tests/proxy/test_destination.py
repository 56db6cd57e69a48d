# ruff: noqa: E501, S104 (tables)
from __future__ import annotations

import pytest
from mitmproxy.connection import Client, Server
from mitmproxy.proxy.server_hooks import ServerConnectionHookData

from ironcurtain_tui.credentials.credential import FixedKey
from ironcurtain_tui.credentials.secret import Secret
from ironcurtain_tui.policy.address import is_public
from ironcurtain_tui.providers import PROVIDERS
from ironcurtain_tui.proxy.addons.destination_guard import DestinationGuard
from ironcurtain_tui.proxy.destination import Ways, resolve
from ironcurtain_tui.proxy.refusal import Refusal
from ironcurtain_tui.proxy.route import Route, Routes
from ironcurtain_tui.proxy.tunnel import OpenTunnel, Tunnels


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255",
        "192.0.0.1", "192.0.2.1", "192.168.0.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1",
        "255.255.255.255", "::", "::1", "fc00::1", "fd12::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "2001:db8::1",
        "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a00:1", "64:ff9b::7f00:1", "2002:7f00:1::", "2002:a00:1::",
        "::127.0.0.1", "::10.0.0.1", "2001:0:a00:1::", "", "example.org", "0x7f000001", "2130706433", "127.1",
    ],
)  # fmt: skip
def test_not_public(address: str) -> None:
    assert not is_public(address)


async def test_the_systems_resolver() -> None:
    assert await resolve("127.0.0.1", 443) == ["127.0.0.1"]


def test_only_the_pinned_address_is_dialled_and_only_over_tls() -> None:
    tunnels = Tunnels()
    client = Client(peername=("agent", 1), sockname=("agent", 1))
    guard = DestinationGuard(tunnels, Ways(resolve))
    server = Server(address=("93.184.216.34", 443))
    server.tls = True
    data = ServerConnectionHookData(server=server, client=client)

    with pytest.raises(Refusal):  # no tunnel
        guard.server_connect(data)

    anthropic = PROVIDERS["anthropic"]
    destination = Routes([Route(anthropic, "sentinel", FixedKey(Secret("key")))]).of("api.anthropic.com")
    assert destination is not None
    tunnel = OpenTunnel(destination, 443)
    tunnels.open(client, tunnel)
    with pytest.raises(Refusal):  # nothing pinned
        guard.server_connect(data)

    tunnel.addresses.extend(["93.184.216.34", "93.184.216.35"])
    guard.server_connect(data)

    for address in (("93.184.216.35", 443), ("93.184.216.34", 80), ("127.0.0.1", 443), ("api.anthropic.com", 443)):
        other = Server(address=address)
        other.tls = True
        with pytest.raises(Refusal):
            guard.server_connect(ServerConnectionHookData(server=other, client=client))

    server.tls = False
    with pytest.raises(Refusal):
        guard.server_connect(data)

    guard.server_connect_error(data)
    assert tunnel.dial == ("93.184.216.35", 443)
