"""Where the headers and bodies of a session's traffic are kept."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from ironcurtain_tui.config import Config
from ironcurtain_tui.events import BadgeState
from ironcurtain_tui.paths import SessionPaths
from ironcurtain_tui.supervisor.bulletin import Bulletin
from ironcurtain_tui.supervisor.teardown import Teardown
from ironcurtain_tui.traffic.keeper import TrafficKeeper


def keep_traffic(
    session: SessionPaths, config: Config, secrets: Iterable[str], bulletin: Bulletin, teardown: Teardown
) -> TrafficKeeper | None:
    """Who keeps it, closed by ``teardown``; None when the settings want nothing kept."""
    if config.traffic.keep == "nothing":
        return None
    loop = asyncio.get_running_loop()

    def stopped(reason: str, remedy: str) -> None:
        loop.call_soon_threadsafe(bulletin.notice, BadgeState.WARN, reason, remedy)

    keeper = TrafficKeeper(session.traffic, config.traffic, config.redaction, secrets, stopped)
    teardown.push("kept traffic", lambda: asyncio.to_thread(keeper.close))
    return keeper
