"""The password of a package registry: the installers in the container have none, the proxy puts it in."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ironcurtain_tui.credentials.secret import Secret


@dataclass(frozen=True)
class RegistryLogin:
    """What opens one registry, and where it may be sent: to its own host and port, below one path, and nowhere else."""

    place: str
    """``host``, or ``host:port`` where that is not 443."""
    prefix: str
    """Begins and ends with a slash."""
    authorization: Secret
    """The value of the header Authorization."""
    origin: str
    """Where it was found, for a person."""
    secrets: tuple[str, ...] = field(repr=False)
    """Words that must be seen nowhere else."""

    def covers(self, place: str, target: str) -> bool:
        """Whether it may be sent with a request for ``target`` at ``place``."""
        return place == self.place and target.startswith(self.prefix)

    def covers_url(self, url: str) -> bool:
        """The same for a URL on HTTPS, spelled as the registry itself is."""
        parts = urlsplit(url)
        return parts.scheme == "https" and self.covers(parts.netloc.removesuffix(":443"), parts.path)
