"""The proxy that leads out of this network, if there is one, and whom to trust behind it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from cryptography import x509

from ironcurtain_tui.config import NetworkSettings
from ironcurtain_tui.credentials.secret import Secret
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.proxy.parent import ParentProxy, Parents

COMMAND_SECONDS = 60.0
DEFAULT_PORT = 80


def find_parents(settings: NetworkSettings, environment: Mapping[str, str] = os.environ) -> Parents:
    """What the settings or, with ``auto``, HTTPS_PROXY and NO_PROXY say. May block on a command.

    UserFacingError when a source of the password is named but gives none, or the variable names no usable proxy.
    """
    if settings.upstream_proxy == "off":
        return Parents()
    automatic = settings.upstream_proxy == "auto"
    url = _variable(environment, "https_proxy") if automatic else settings.upstream_proxy
    if not url:
        return Parents()
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        host, port = (parts.hostname or "").lower(), parts.port or DEFAULT_PORT
    except ValueError:
        host, port, parts = "", 0, urlsplit("")
    if parts.scheme != "http" or not host:
        raise UserFacingError(
            "HTTPS_PROXY names no proxy that can be used.",
            "It must be like http://proxy.example.org:3128; or set `upstream_proxy` in [network] of config.toml.",
        )
    credentials = _credentials(settings, environment)
    if credentials is None and parts.username is not None:
        credentials = Secret(f"{unquote(parts.username)}:{unquote(parts.password or '')}")
    direct = _variable(environment, "no_proxy") if automatic else ""
    return Parents(ParentProxy(host, port, credentials), lambda name: is_exempt(name, direct))


def is_exempt(host: str, no_proxy: str) -> bool:
    """Whether ``host`` (lower case) is reached directly: a domain listed stands for itself and all below it."""
    listed = [each.strip().lower().removeprefix("*.").removeprefix(".") for each in no_proxy.split(",")]
    return "*" in listed or any(host == each or host.endswith(f".{each}") for each in listed if each)


def read_authorities(settings: NetworkSettings) -> bytes:
    """PEM of the authorities to trust beside the public ones. UserFacingError when the file holds none."""
    if not settings.upstream_ca:
        return b""
    try:
        pem = Path(settings.upstream_ca).expanduser().read_bytes()
        x509.load_pem_x509_certificates(pem)
    except (OSError, ValueError) as error:
        raise UserFacingError(
            f"Cannot read certificates from {settings.upstream_ca}.", "Correct `upstream_ca` in config.toml."
        ) from error
    return pem


def _variable(environment: Mapping[str, str], name: str) -> str:
    """The lower-case spelling first, as curl and Python have it."""
    return environment.get(name) or environment.get(name.upper()) or ""


def _credentials(settings: NetworkSettings, environment: Mapping[str, str]) -> Secret | None:
    if settings.upstream_proxy_command:
        said = _output(settings.upstream_proxy_command)
    elif settings.upstream_proxy_env:
        said = environment.get(settings.upstream_proxy_env, "")
    else:
        return None
    if ":" not in said:
        raise UserFacingError(
            "There is no user:password for the upstream proxy where config.toml says.",
            "Check upstream_proxy_command and upstream_proxy_env in [network].",
        )
    return Secret(said)


def _output(command: tuple[str, ...]) -> str:
    try:
        answer = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return ""  # what it printed may hold the password
    return answer.stdout.strip()
