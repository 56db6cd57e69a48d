"""The check of the spare supervisor: not of what can go wrong, but of what is there without having been called."""

from __future__ import annotations

from collections.abc import Iterator

from ironcurtain_tui import config, paths
from ironcurtain_tui.checks.finding import Finding
from ironcurtain_tui.events import BadgeState
from ironcurtain_tui.sessions import spare


def standby() -> Iterator[Finding]:
    """Whether one waits, and what it takes; or why none will."""
    found = spare.present(paths.home())
    if found is not None:
        text, remedy = f"a spare supervisor waits: {found.words}", spare.HOW_TO_END
    elif not config.load().session.standby:
        text, remedy = "no spare supervisor waits: standby = false under [session]", ""
    elif not spare.has_room(spare.LEFT_FROM):
        text, remedy = "no spare supervisor waits: sessions leave none while less than 1 GiB of memory is available", ""
    else:
        text, remedy = "no spare supervisor waits", "`ironcurtain-tui standby` leaves one: the next start is faster."
    yield Finding("standby", BadgeState.OK, text, remedy)
