"""The directory the container sees at /run/ironcurtain: certificates, client settings and the agent's seed files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from ironcurtain_tui.containers.environment import TOKEN_NAME, apt_configuration
from ironcurtain_tui.containers.spec import STATE
from ironcurtain_tui.paths import SessionPaths
from ironcurtain_tui.supervisor.doorway import Doorway


def furnish(
    session: SessionPaths,
    certificate: bytes,
    bundle: bytes,
    seed: Mapping[str, bytes],
    doorway: Doorway,
    state: Sequence[str] = (),
    apt: str = "",
) -> None:
    """Write everything but the sockets. The mount is read-only, so the agent cannot change any of it.

    ``seed`` maps paths relative to the agent's home to their content; ValueError for one that leaves it. ``state``
    are directories there that are to be found in the state directory: the seed has links for them. ``apt`` are
    further lines for apt.conf.
    Modes are 0644 and 0755 because the agent may run as another uid; the directory above is 0700, so
    nobody else on the host gets here.
    """
    session.sockets.chmod(0o755)
    _write(session.sockets / "ca-cert.pem", certificate)
    _write(session.sockets / "ca-bundle.pem", bundle)
    _write(session.sockets / "apt.conf", (apt_configuration(doorway.proxy_url) + apt).encode())
    if doorway.tcp is not None:
        _write(session.sockets / TOKEN_NAME, f"{doorway.tcp.token}\n".encode())
    for name, content in seed.items():
        _write(_seeded(session, name), content)
    for name in state:
        link = _seeded(session, name)
        _make_room(link)
        link.symlink_to(f"{STATE}/{name}")


def _seeded(session: SessionPaths, name: str) -> Path:
    relative = PurePosixPath(name)
    if relative.is_absolute() or ".." in relative.parts:
        raise ValueError(f"a seed file must lie inside the home directory: {name}")
    return session.sockets / "seed" / relative


def _write(path: Path, content: bytes) -> None:
    _make_room(path)
    path.write_bytes(content)
    path.chmod(0o644)


def _make_room(path: Path) -> None:
    for directory in reversed(path.parents):
        if not directory.exists():
            directory.mkdir()
            directory.chmod(0o755)
