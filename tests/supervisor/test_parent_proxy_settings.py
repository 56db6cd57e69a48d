# ruff: noqa: E501 (tables)
from __future__ import annotations

from pathlib import Path

import pytest

from ironcurtain_tui.config import NetworkSettings
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.proxy.authority import CertificateAuthority
from ironcurtain_tui.proxy.route import Destination, Upstream
from ironcurtain_tui.supervisor.upstream_proxy import find_parents, is_exempt, read_authorities

HERE = Destination("api.example.org")


def test_the_hosts_own_variables() -> None:
    environment = {
        "HTTPS_PROXY": "http://me:p%40ss@proxy.example.org:3128",
        "no_proxy": ".internal.example.org,example.com",
    }
    parents = find_parents(NetworkSettings(), environment)
    parent = parents.of(HERE)
    assert parent is not None
    assert parent.address == ("proxy.example.org", 3128)
    assert parent.authorization == b"Basic bWU6cEBzcw=="
    assert "p@ss" not in repr(parent)
    assert parents.of(Destination("x.internal.example.org")) is None
    assert parents.of(Destination("www.example.com")) is None
    assert parents.of(Destination("api.example.org", Upstream("127.0.0.1", 1, b""))) is None


def test_without_any_the_way_is_direct() -> None:
    assert find_parents(NetworkSettings(), {}).of(HERE) is None
    assert find_parents(NetworkSettings(upstream_proxy="off"), {"https_proxy": "http://p.example.org"}).of(HERE) is None


def test_the_settings_come_first_and_no_proxy_is_not_asked() -> None:
    settings = NetworkSettings(upstream_proxy="http://mine.example.org:8080")
    parent = find_parents(settings, {"https_proxy": "http://other.example.org", "no_proxy": "*"}).of(HERE)
    assert parent is not None
    assert (parent.address, parent.authorization) == (("mine.example.org", 8080), None)


def test_passwords_from_a_command_and_from_a_variable() -> None:
    address = "http://mine.example.org:8080"
    for settings in (
        NetworkSettings(upstream_proxy=address, upstream_proxy_command=("echo", "me:secret")),
        NetworkSettings(upstream_proxy=address, upstream_proxy_env="MINE"),
    ):
        parent = find_parents(settings, {"MINE": "me:secret"}).parent
        assert parent is not None
        assert parent.authorization == b"Basic bWU6c2VjcmV0"


@pytest.mark.parametrize(
    ("settings", "environment"),
    [
        (NetworkSettings(), {"https_proxy": "socks5://p.example.org:1080"}),
        (NetworkSettings(), {"https_proxy": "http://p.example.org:99999"}),
        (NetworkSettings(upstream_proxy="http://p.example.org", upstream_proxy_command=("false",)), {}),
        (NetworkSettings(upstream_proxy="http://p.example.org", upstream_proxy_env="NOT_THERE"), {}),
        (NetworkSettings(upstream_proxy="http://p.example.org", upstream_proxy_command=("echo", "top-secret")), {}),
    ],
)
def test_what_cannot_be_used_is_said(settings: NetworkSettings, environment: dict[str, str]) -> None:
    with pytest.raises(UserFacingError) as error:
        find_parents(settings, environment)
    assert "secret" not in error.value.message


@pytest.mark.parametrize(
    "address", ["p.example.org:3128", "socks5://x", "http://me:secret@p.example.org", "http://a b", ""]
)
def test_settings_that_are_no_proxy(address: str) -> None:
    with pytest.raises(ValueError, match="upstream_proxy must be"):
        NetworkSettings(upstream_proxy=address)


@pytest.mark.parametrize(
    ("host", "listed", "exempt"),
    [
        ("a.example.org", "*", True), ("a.example.org", "example.org", True), ("a.example.org", ".example.org", True),
        ("a.example.org", "*.example.org", True), ("example.org", "example.org", True), ("badexample.org", "example.org", False),
        ("a.example.org", "", False), ("a.example.org", ",", False), ("a.example.org", "10.0.0.0/8, EXAMPLE.ORG ", True),
    ],
)  # fmt: skip
def test_no_proxy(host: str, listed: str, exempt: bool) -> None:
    assert is_exempt(host, listed) is exempt


def test_authorities(tmp_path: Path) -> None:
    assert read_authorities(NetworkSettings()) == b""
    file = tmp_path / "ca.pem"
    file.write_bytes(CertificateAuthority.load_or_create(tmp_path / "ca").certificate_pem)
    assert read_authorities(NetworkSettings(upstream_ca=str(file))) == file.read_bytes()
    file.write_text("nothing of the kind")
    for path in (file, tmp_path / "missing"):
        with pytest.raises(UserFacingError):
            read_authorities(NetworkSettings(upstream_ca=str(path)))
