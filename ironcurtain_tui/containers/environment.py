"""How programs in the container find the proxy and trust its certificate. Pure tables."""

from __future__ import annotations

from ironcurtain_tui.containers.spec import DOORS, HOST

PROXY_URL = "http://127.0.0.1:18080"
"""Where the entry point's forwarder listens inside the container."""
TOKEN_NAME = "token"  # noqa: S105 (a file's name)
TOKEN_FILE = f"{DOORS}/{TOKEN_NAME}"
"""In TCP mode, what both doors ask for, on a line of its own."""
CA_CERTIFICATE = f"{DOORS}/ca-cert.pem"
CA_BUNDLE = f"{DOORS}/ca-bundle.pem"
APT_CONFIG = f"{DOORS}/apt.conf"


def tcp_proxy_url(port: int, token: str) -> str:
    """The proxy behind the sidecar's ``port``. Programs send what stands before the @ as Proxy-Authorization."""
    return f"http://ironcurtain:{token}@{HOST}:{port}"


def tcp_mcp_bridge(port: int) -> tuple[str, ...]:
    """A command that speaks MCP on its standard streams, with the gateway behind the sidecar's ``port``.

    The first line is the token; the command line, which the agent sees, does not hold it.
    """
    return ("sh", "-c", f"cat {TOKEN_FILE} - | exec socat -t 60 STDIO TCP:{HOST}:{port},connect-timeout=5")


def door_environment(proxy_url: str = PROXY_URL) -> dict[str, str]:
    """Variables for every process in the container: proxy, trust and terminal.

    Some clients add a certificate to their own roots (Node, Codex), the others replace their roots, hence two files.
    Names are given in both cases because curl reads only the lower ``http_proxy`` and others only the upper.
    """
    proxied = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), proxy_url)
    unproxied = dict.fromkeys(("NO_PROXY", "no_proxy"), "localhost,127.0.0.1,::1")
    trust = {
        "NODE_EXTRA_CA_CERTS": CA_CERTIFICATE,
        "CODEX_CA_CERTIFICATE": CA_CERTIFICATE,
        "SSL_CERT_FILE": CA_BUNDLE,
        "REQUESTS_CA_BUNDLE": CA_BUNDLE,
        "CURL_CA_BUNDLE": CA_BUNDLE,
        "GIT_SSL_CAINFO": CA_BUNDLE,
        "PIP_CERT": CA_BUNDLE,
        "APT_CONFIG": APT_CONFIG,
    }
    git = {"GIT_HTTP_PROXY_AUTHMETHOD": "basic"}  # by default it asks without first, to be refused
    terminal = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
    return {**proxied, **unproxied, **trust, **terminal, "NODE_USE_ENV_PROXY": "1", **git}


def apt_configuration(proxy_url: str = PROXY_URL) -> str:
    """The text of ``apt.conf``: apt ignores the variables above for trust, and wants its own proxy setting.

    Source: apt.conf(5) and apt-transport-https(1).
    """
    return (
        f'Acquire::http::Proxy "{proxy_url}";\n'
        f'Acquire::https::Proxy "{proxy_url}";\n'
        f'Acquire::https::CaInfo "{CA_BUNDLE}";\n'
    )
