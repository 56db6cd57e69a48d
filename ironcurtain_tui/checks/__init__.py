"""What must be true before a session can start; `doctor` shows all of it, a start only what fails.

Heavy imports happen inside the checks: a start runs few of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from ironcurtain_tui.checks import engine, installation, machine, network, registries, standby
from ironcurtain_tui.checks.finding import MARKS, Finding
from ironcurtain_tui.checks.installation import no_key
from ironcurtain_tui.checks.machine import MIN_COLS, MIN_LINES
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.events import BadgeState

__all__ = ["CHECKS", "MARKS", "MIN_COLS", "MIN_LINES", "Finding", "examine", "no_key"]

CHECKS: dict[str, Callable[[], Iterable[Finding]]] = {
    "python": machine.interpreter,
    "terminal": machine.terminal,
    "state": machine.state,
    "config": installation.settings,
    "policy": installation.policy,
    "ca": installation.authority,
    "credentials": installation.credentials,
    "network": network.parent_proxy,
    "packages": registries.package_registries,
    "mcp": installation.tool_servers,
    "engine": engine.engine,
    "images": engine.images,
    "disk": engine.disk,
    "standby": standby.standby,
    "hardening": engine.hardening,
    "uds": partial(engine.mode, "uds"),
    "tcp": partial(engine.mode, "tcp"),
}
"""In the order in which they are shown."""


def examine(names: tuple[str, ...] = ()) -> list[Finding]:
    """Run the checks ``names`` (all when empty). A check that raises UserFacingError has failed."""
    findings: list[Finding] = []
    for name in names or CHECKS:
        try:
            findings += CHECKS[name]()
        except UserFacingError as error:
            findings.append(Finding(name, BadgeState.FAIL, error.message, error.remedy))
    return findings
