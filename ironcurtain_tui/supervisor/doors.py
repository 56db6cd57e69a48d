"""The directory the container sees at /run/ironcurtain: certificates, client settings and the agent's seed files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from ironcurtain_tui.containers.environment import TOKEN_NAME, apt_configuration
from ironcurtain_tui.paths import SessionPaths
from ironcurtain_tui.supervisor.doorway import Doorway


def furnish(
    session: SessionPaths, certificate: bytes, bundle: bytes, seed: Mapping[str, bytes], doorway: Doorway
) -> None:
    """Write everything but the sockets. The mount is read-only, so the agent cannot change any of it.

    ``seed`` maps paths relative to the agent's home to their content; ValueError for one that leaves it.
    Modes are 0644 and 0755 because the agent may run as another uid; the directory above is 0700, so
    nobody else on the host gets here.
    """
    session.sockets.chmod(0o755)
    _write(session.sockets / "ca-cert.pem", certificate)
    _write(session.sockets / "ca-bundle.pem", bundle)
    _write(session.sockets / "apt.conf", apt_configuration(doorway.proxy_url).encode())
    if doorway.tcp is not None:
        _write(session.sockets / TOKEN_NAME, f"{doorway.tcp.token}\n".encode())
    for name, content in seed.items():
        relative = PurePosixPath(name)
        if relative.is_absolute() or ".." in relative.parts:
            raise ValueError(f"a seed file must lie inside the home directory: {name}")
        _write(session.sockets / "seed" / relative, content)


def _write(path: Path, content: bytes) -> None:
    for directory in reversed(path.parents):
        if not directory.exists():
            directory.mkdir()
            directory.chmod(0o755)
    path.write_bytes(content)
    path.chmod(0o644)
