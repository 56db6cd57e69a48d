"""A flow with its headers and bodies, as it is kept and read back."""

from __future__ import annotations

import base64

from ironcurtain_tui.events import Flow, Value


class Body(Value, frozen=True):
    """The beginning of a body, its content codings undone, without secrets. Untrusted."""

    size: int = 0
    """Bytes that passed, as they were coded; only some of them may be kept."""
    text: str = ""
    data: str = ""
    """In base64, what is no text."""
    cut: bool = False
    """More passed than is kept."""
    coding: str = ""
    """What was undone, as ``Content-Encoding`` names it."""
    missing: str = ""
    """Why nothing is kept although something passed."""

    @property
    def raw(self) -> bytes:
        """What is kept, as bytes."""
        return base64.b64decode(self.data) if self.data else self.text.encode("utf-8", "replace")


class Message(Value, frozen=True):
    """A request or a response. Values of headers that carry a credential are not in it, only their names."""

    headers: tuple[tuple[str, str], ...] = ()
    body: Body = Body()

    def header(self, name: str) -> str:
        """The first value of a header, ``name`` in lower case; empty when there is none."""
        return next((value for known, value in self.headers if known.lower() == name), "")


class KeptFlow(Value, frozen=True):
    """One line of what is kept."""

    flow: Flow
    mono_us: int
    """Microseconds of the machine's monotonic clock when it began: its place in the recording."""
    target: str = ""
    """Path and query as the agent sent them."""
    request: Message = Message()
    response: Message = Message()
