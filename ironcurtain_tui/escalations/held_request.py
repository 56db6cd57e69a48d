"""A web request as it will be sent when a person approves it."""

from __future__ import annotations

from ironcurtain_tui.events import Value
from ironcurtain_tui.policy.action import HttpRequest


class HeldRequest(Value, frozen=True):
    """A whole request, read and cleaned, that has gone nowhere yet.

    ``action`` is what the policy judged. ``target`` and ``headers`` are the bytes on the wire, read as Latin-1.
    """

    action: HttpRequest
    target: str
    """Path and query as sent."""
    headers: tuple[tuple[str, str], ...]
    """What will be sent, in order."""
    body: bytes
    stripped: tuple[str, ...] = ()
    """Names of headers that carried a credential and were taken out."""

    @property
    def url(self) -> str:
        """The whole address."""
        port = "" if self.action.port == 443 else f":{self.action.port}"
        return f"https://{self.action.host}{port}{self.target}"

    def header(self, name: str) -> str:
        """The first value of header ``name`` (lower case); empty when there is none."""
        return next((value for known, value in self.headers if known.lower() == name), "")
