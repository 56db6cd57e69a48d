"""A log-in that is renewed in time, together with the agent on this host whose log-in it is."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

from ironcurtain_tui.credentials.credential import Credential, Key
from ironcurtain_tui.credentials.login import Login, Tokens
from ironcurtain_tui.credentials.login_store import LoginStore
from ironcurtain_tui.credentials.refresh_lock import Busy
from ironcurtain_tui.credentials.token_endpoint import (
    RefreshRefused,
    RefreshUnavailable,
    TokenEndpoint,
    Transport,
    directly,
)
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.tasks import TaskOwner

MARGIN_SECONDS = 300.0
"""How long before it expires a token is renewed; Claude Code does it at the same time."""
PAUSE_SECONDS = 60.0
"""Between two renewals because a token was not accepted."""
RETRY_SECONDS = 15.0
"""After a renewal that could not be tried."""
RACE_SECONDS = (0.2, 0.5, 1.0, 2.0, 4.0)
"""How often it is looked, after a refresh token was refused, whether somebody else has used it and brings new ones."""


class LoginCredential(Credential):
    """Whoever renews first, we or the agent on the host: both use the tokens that lie in the store.

    A refresh token can be spent once, so it is spent only where the answer can be kept; and what was sent is waited
    for, whatever becomes of the request that needed it.
    """

    def __init__(
        self,
        store: LoginStore,
        endpoint: TokenEndpoint,
        login: Login,
        *,
        title: str,
        remedy: str,
        transport: Transport = directly,
    ) -> None:
        """``title`` of what it opens; ``remedy``: how to log in anew; ``transport``: the way to ``endpoint``."""
        super().__init__(store.origin)
        self._store = store
        self._endpoint = endpoint
        self._login = login
        self._transport = transport
        self._title = title
        self._remedy = remedy
        self._trouble: UserFacingError | None = None
        self._spent = ""
        """A refresh token that is known to be good for nothing."""
        self._unsaved: tuple[Login, Tokens] | None = None
        """New tokens that could not be put into the store, and those they replace."""
        self._renewing: asyncio.Task[None] | None = None
        self._not_before = 0.0
        self._forced = -PAUSE_SECONDS
        self._tasks = TaskOwner()
        self._learn(login.access, login.refresh)

    @property
    def renewed_at(self) -> str:
        """The URL where new tokens are asked for."""
        return self._endpoint.url

    async def key(self) -> Key:
        if self._unsaved is not None:
            await self._save_late()
        elif self._store.changed():
            await self._look()
        if not self._login.is_fresh(time.time(), MARGIN_SECONDS) and time.monotonic() >= self._not_before:
            await self._renew()
        if not self._login.is_fresh(time.time(), 0):
            raise self._trouble or self._over()
        return Key(self._login.access, self._login.account)

    async def rejected(self, key: Key) -> bool:
        if self._is(key):
            await self._look()
        if self._is(key) and (self._is_renewing or time.monotonic() - self._forced >= PAUSE_SECONDS):
            self._forced = time.monotonic()
            await self._renew()
        if self._is(key):
            self._failed(self._trouble or self._over())
        return not self._is(key)

    async def close(self) -> None:
        if self._renewing is not None:
            await asyncio.wait({self._renewing})  # never cut: what was spent must be replaced
        await self._tasks.close()

    def _is(self, key: Key) -> bool:
        return key.secret.reveal() == self._login.access.reveal()

    async def _look(self) -> None:
        """Take over what lies in the store; when nothing does, or it cannot be read, keep what we have."""
        try:
            found = await asyncio.to_thread(self._store.read)
        except UserFacingError as error:
            self._failed(error)
            return
        if found is not None and self._unsaved is None:
            self._adopt(found, f"{self._title}: new tokens were found in {self.origin}")

    def _adopt(self, login: Login, how: str) -> None:
        known = self._login.access.reveal()
        self._login = login
        self._learn(login.access, login.refresh)
        if login.access.reveal() != known:
            self._trouble = None
            self._renewed(how)

    async def _renew(self) -> None:
        """Wait for the one renewal under way, begun now when there is none. It goes on when the caller is cancelled."""
        if self._renewing is None or not self._is_renewing:
            self._renewing = self._tasks.start(self._renewal(), "renew log-in")
        await asyncio.shield(self._renewing)

    @property
    def _is_renewing(self) -> bool:
        return self._renewing is not None and not self._renewing.done()

    async def _renewal(self) -> None:
        try:
            await self._try()
        except UserFacingError as error:
            self._trouble = error
            self._not_before = time.monotonic() + RETRY_SECONDS
            self._failed(error)

    async def _try(self) -> None:
        before = self._login
        if before.refresh is None or before.refresh.reveal() == self._spent:
            raise self._over()
        try:
            async with self._store.lock():
                await self._look()
                if self._login.access.reveal() != before.access.reveal():
                    return
                await asyncio.to_thread(self._store.prepare)
                await self._spend(before)
        except Busy:
            raise UserFacingError(
                f"{self._title}: another process renews the log-in and does not come to an end.",
                "Look for an agent on this machine that hangs.",
            ) from None

    async def _spend(self, login: Login) -> None:
        try:
            tokens = await self._endpoint.refresh(login, self._transport)
        except RefreshUnavailable as error:
            raise UserFacingError(
                f"{self._title}: the log-in cannot be renewed: {self._endpoint.url} failed, {error}.",
                "It is tried again with the next request.",
            ) from None
        except RefreshRefused:
            if await self._somebody_else_was_faster(login):
                return
            self._spent = login.refresh.reveal() if login.refresh else ""
            raise self._over() from None
        await self._keep(login, tokens)

    async def _somebody_else_was_faster(self, login: Login) -> bool:
        for seconds in RACE_SECONDS:
            await self._look()
            if self._login.access.reveal() != login.access.reveal():
                return True
            await asyncio.sleep(seconds)
        return False

    async def _keep(self, spent: Login, tokens: Tokens) -> None:
        renewed = replace(spent, access=tokens.access, refresh=tokens.refresh or spent.refresh, expires=tokens.expires)
        if not renewed.is_fresh(time.time(), 0):
            renewed = replace(renewed, expires=None)  # it is our clock that is wrong: the provider is going to say
        self._adopt(renewed, f"{self._title}: {self.origin} was renewed")
        self._unsaved = spent, tokens
        await self._save()

    async def _save(self) -> None:
        if self._unsaved is None:
            return
        try:
            kept = await asyncio.to_thread(self._store.write, *self._unsaved)
        except UserFacingError as error:
            self._not_before = time.monotonic() + RETRY_SECONDS
            self._failed(
                UserFacingError(
                    f"The new tokens of {self.origin} could not be stored. {error.message}",
                    f"{error.remedy} It is tried again; when this session ends before, log in again.",
                )
            )
            return
        self._unsaved = None
        if not kept:
            await self._look()  # somebody has put something newer there

    async def _save_late(self) -> None:
        if time.monotonic() >= self._not_before:
            await self._save()

    def _over(self) -> UserFacingError:
        return UserFacingError(
            f"{self._title} does not accept {self.origin} any more: it was revoked or has expired.", self._remedy
        )
