"""What opens a provider: a key or a log-in that may change while a session runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol

from ironcurtain_tui.credentials.secret import Secret
from ironcurtain_tui.errors import UserFacingError

REMEMBERED = 16
"""Values of one credential that are kept out of what the agent reads, the newest ones."""


@dataclass(frozen=True)
class Key:
    """What is sent now."""

    secret: Secret
    account: str = ""
    """Identifier of the account it belongs to, where the provider wants that in a header of its own."""


class CredentialListener(Protocol):
    """Who is told of changes. Called in the event loop; must not block."""

    def learned(self, secret: str) -> None:
        """From now on this value must not be seen, kept or passed on anywhere either."""

    def renewed(self, text: str) -> None:
        """There is another value now; ``text`` says how, without it."""

    def failed(self, error: UserFacingError) -> None:
        """It opens nothing any more, or will not soon."""


class Credential(ABC):
    """A key that is asked for anew with every request."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        """Where it comes from, for a person to read, e.g. ``the environment variable ANTHROPIC_API_KEY``."""
        self.secrets: tuple[str, ...] = ()
        """Every value it has or had, the newest last."""
        self._listeners: list[CredentialListener] = []
        self._told = ""

    def listen(self, listener: CredentialListener) -> None:
        """Tell ``listener`` of everything from now on."""
        self._listeners.append(listener)

    @abstractmethod
    async def key(self) -> Key:
        """What to send now. UserFacingError when there is nothing that could be accepted."""

    @abstractmethod
    async def rejected(self, key: Key) -> bool:
        """The provider did not accept ``key``: try to get another. Whether there is another one now."""

    async def close(self) -> None:  # noqa: B027 -- most have nothing under way
        """End what is under way, in an orderly manner."""

    def _learn(self, *secrets: Secret | None) -> None:
        for secret in secrets:
            if secret is None or secret.reveal() in self.secrets:
                continue
            self.secrets = (*self.secrets, secret.reveal())[-REMEMBERED:]
            for listener in self._listeners:
                listener.learned(secret.reveal())

    def _renewed(self, text: str) -> None:
        self._told = ""
        for listener in self._listeners:
            listener.renewed(text)

    def _failed(self, error: UserFacingError) -> None:
        """Say it once, not with every request."""
        if error.message != self._told:
            self._told = error.message
            for listener in self._listeners:
                listener.failed(error)


class FixedKey(Credential):
    """One that never changes."""

    def __init__(self, secret: Secret, origin: str = "this session") -> None:
        super().__init__(origin)
        self._key = Key(secret)
        self._learn(secret)

    async def key(self) -> Key:
        return self._key

    async def rejected(self, key: Key) -> bool:  # noqa: ARG002 -- whichever it was
        return False
