"""Keeps the real key out of what the agent reads."""

from __future__ import annotations

from ironcurtain_tui.proxy.secret_forms import SecretForms


class Scrubber:
    """Masks secrets in a stream, however it is cut and however they are spelled; lengths stay.

    Only bytes that may be the beginning of one are held back: normally none, at most one less than its longest form.
    """

    def __init__(self, forms: SecretForms) -> None:
        self._forms = forms
        self._held = b""

    def whole(self, data: bytes) -> bytes:
        """``data`` without a secret."""
        return self._forms.masked(data)[0]

    def feed(self, data: bytes) -> bytes:
        """What may be passed on, now that ``data`` came; may be empty."""
        clean, last = self._forms.masked(self._held + data)
        cut = self._forms.beginning(clean, last)
        self._held = clean[cut:]
        return clean[:cut]

    def end(self) -> bytes:
        """What was still held back: not the secret after all."""
        held, self._held = self._held, b""
        return held


class NothingToScrub(Scrubber):
    """For a server that never got a key: passes everything on as it is."""

    def __init__(self) -> None:
        self._held = b""

    def whole(self, data: bytes) -> bytes:
        return data

    def feed(self, data: bytes) -> bytes:
        return data
