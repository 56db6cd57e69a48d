"""A proxy between us and the world: the only way out of some companies' networks."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass

from ironcurtain_tui.credentials.secret import Secret
from ironcurtain_tui.proxy.route import Destination


@dataclass(frozen=True)
class ParentProxy:
    """Asked by CONNECT (RFC 9110 section 9.3.6), in plain HTTP; what goes through is TLS that it cannot read."""

    host: str
    """Lower case; a name or an address, which may be a private one."""
    port: int
    credentials: Secret | None = None
    """``user:password`` for the scheme Basic."""

    @property
    def address(self) -> tuple[str, int]:
        return self.host, self.port

    @property
    def url(self) -> str:
        """Without credentials."""
        return f"http://[{self.host}]:{self.port}" if ":" in self.host else f"http://{self.host}:{self.port}"

    @property
    def authorization(self) -> bytes | None:
        """The value of Proxy-Authorization; None when it asks for none."""
        if self.credentials is None:
            return None
        return b"Basic " + base64.b64encode(self.credentials.reveal().encode())


class Parents:
    """Which connections go through a parent proxy: all but those to servers of our own and to what ``bypass`` names."""

    def __init__(self, parent: ParentProxy | None = None, bypass: Callable[[str], bool] = lambda _: False) -> None:
        self.parent = parent
        self._bypass = bypass

    def of(self, destination: Destination) -> ParentProxy | None:
        """The parent on the way to ``destination``; None when the way is direct."""
        if self.parent is None or destination.upstream is not None or self._bypass(destination.name):
            return None
        return self.parent
