from __future__ import annotations

from ironcurtain_tui.containers.environment import (
    PROXY_URL,
    apt_configuration,
    door_environment,
    tcp_mcp_bridge,
    tcp_proxy_url,
)


def test_every_client_finds_the_proxy_in_its_own_spelling() -> None:
    environment = door_environment()
    assert {environment[name] for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")} == {PROXY_URL}
    assert environment["NO_PROXY"] == environment["no_proxy"]
    assert "127.0.0.1" in environment["NO_PROXY"].split(",")


def test_files_come_from_the_read_only_mount() -> None:
    files = {value for value in door_environment().values() if value.startswith("/")}
    assert files == {f"/run/ironcurtain/{name}" for name in ("ca-cert.pem", "ca-bundle.pem", "apt.conf")}


def test_apt_gets_proxy_and_authority() -> None:
    text = apt_configuration()
    assert f'Acquire::https::Proxy "{PROXY_URL}";' in text
    assert 'Acquire::https::CaInfo "/run/ironcurtain/ca-bundle.pem";' in text


def test_in_tcp_mode_the_sidecar_is_named_and_the_token_goes_along() -> None:
    url = tcp_proxy_url(40001, "t0ken")
    assert url == "http://ironcurtain:t0ken@host.docker.internal:40001"
    environment = door_environment(url)
    assert {environment[name] for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")} == {url}
    assert f'Acquire::https::Proxy "{url}";' in apt_configuration(url)
    command = " ".join(tcp_mcp_bridge(40002))
    assert "host.docker.internal:40002" in command
    assert "/run/ironcurtain/token" in command
