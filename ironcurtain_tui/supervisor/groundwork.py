"""What of a session can be made before anybody knows what is to run in it."""

from __future__ import annotations

import asyncio
import logging
import platform
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from ironcurtain_tui import config, paths
from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.containers.images import BASE, SIDECAR, is_ready, tag_of
from ironcurtain_tui.containers.network import network_mode
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.sessions.identity import ProcessIdentity
from ironcurtain_tui.supervisor.approach import Approach
from ironcurtain_tui.supervisor.spare_screen import SpareScreen
from ironcurtain_tui.terminal.started_screen import StartedScreen

if TYPE_CHECKING:
    from ironcurtain_tui.gateway.nursery import Nursery

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Groundwork:
    """The identity of the session that may come, and what is ready for it. Whoever laid it clears it."""

    session_id: str
    approach: Approach | None = None
    """If an engine and its images were there."""
    screen: StartedScreen | None = None
    nursery: Nursery | None = None
    """Of our own tool servers, loaded."""
    view: SpareScreen | None = None
    """For the person."""

    @classmethod
    def lay(cls) -> Self:
        """As far as engine and settings allow: the session itself tells what is wrong with them.

        Blocks, so that whoever is told to end meanwhile has all of it to clear.
        """
        session_id = paths.new_session_id()
        view, screen, nursery = SpareScreen(), StartedScreen(), _nursery()
        try:
            approach = _approach(session_id)
        except UserFacingError as error:
            log.warning("nothing was prepared at the engine: %s", error.message)
            approach = None
        view.wait()
        return cls(session_id, approach, screen, nursery, view)

    @property
    def processes(self) -> tuple[ProcessIdentity, ...]:
        """Those that were started for it and are there."""
        found = []
        for part in (self.screen, self.nursery, self.view):
            if part is not None and part.pid is not None:
                with suppress(ProcessLookupError):
                    found.append(ProcessIdentity.of(part.pid))
        return tuple(found)

    def find_engine(self) -> Engine | None:
        """The engine, connected, if something is ready there by now. Blocks for a short call."""
        return self.approach.engine if self.approach is not None and self.approach.lasts() else None

    async def clear(self) -> None:
        """Take away what is left of it. Idempotent, also when a session has used it."""
        if self.screen is not None:
            await asyncio.to_thread(self.screen.close)
        if self.view is not None:
            self.view.close()
        if self.nursery is not None:
            await self.nursery.close()
        if self.approach is not None:
            await self.approach.remove()


def _approach(session_id: str) -> Approach | None:
    settings = config.load().network
    engine = Engine.connect()
    mode = network_mode(settings.mode, sys.platform, engine.info(), platform.release())
    theirs, ours = (settings.sidecar_image, SIDECAR) if mode == "tcp" else ("", BASE)
    if not theirs and not is_ready(engine, ours):
        return None
    return Approach.prepare(engine, session_id, mode, theirs or tag_of(ours))


def _nursery() -> Nursery | None:
    from ironcurtain_tui.gateway.nursery import Nursery  # loads the MCP SDK

    if not Nursery.is_possible():
        return None
    nursery = Nursery()
    nursery.open()
    return nursery
