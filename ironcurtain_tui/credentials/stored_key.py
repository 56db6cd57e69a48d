"""A key that is read again when it may have changed."""

from __future__ import annotations

import asyncio
import time

from ironcurtain_tui.credentials.credential import Credential, Key
from ironcurtain_tui.credentials.secret import Secret
from ironcurtain_tui.credentials.sources import KeySource
from ironcurtain_tui.errors import UserFacingError

PAUSE_SECONDS = 60.0
"""How long a source is left alone after a key of it was not accepted: an agent may ask again every second."""


class StoredKey(Credential):
    """Follows its source. When the source fails, the last key stays in use."""

    def __init__(self, source: KeySource, secret: Secret, *, provider: str) -> None:
        """``secret`` has just been read; ``provider`` is the title of what it opens."""
        super().__init__(source.origin)
        self._source = source
        self._provider = provider
        self._key = Key(secret)
        self._learn(secret)
        self._reading = asyncio.Lock()
        self._asked = -PAUSE_SECONDS

    async def key(self) -> Key:
        if self._reading.locked() or self._source.changed():
            async with self._reading:
                if self._source.changed():
                    await self._read()
        return self._key

    async def rejected(self, key: Key) -> bool:
        async with self._reading:
            if key is self._key and time.monotonic() - self._asked >= PAUSE_SECONDS:
                self._asked = time.monotonic()
                await self._read()
        if key is not self._key:
            return True
        refused = f"{self._provider} does not accept the key from {self.origin}: it was revoked or has expired."
        self._failed(UserFacingError(refused, self._source.remedy))
        return False

    async def _read(self) -> None:
        try:
            secret = await asyncio.to_thread(self._source.read)
        except UserFacingError as error:
            self._failed(error)
            return
        if secret.reveal() != self._key.secret.reveal():
            self._learn(secret)
            self._key = Key(secret)
            self._renewed(f"{self._provider}: another key was read from {self.origin}")
