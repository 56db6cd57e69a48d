"""Whether there is room for the records of one more action: on the disk, and in the session's own log."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable

from ironcurtain_tui.audit.log import AuditLog
from ironcurtain_tui.config import AuditSettings
from ironcurtain_tui.escalations import card as cards
from ironcurtain_tui.events import BadgeState, Card, Decision
from ironcurtain_tui.policy.action import Verdict
from ironcurtain_tui.supervisor.bulletin import Bulletin
from ironcurtain_tui.supervisor.gatehouse.approvals import Answer

WARN_AT = 0.8
"""Part of the log's size from which it is told."""
WARN_BEFORE = 4
"""Times the reserve of the disk from which it is told."""
MIB = 1 << 20

Ask = Callable[[Card], Awaitable[Answer]]
"""Asks a person."""


class RecordRoom:
    """Refuses actions while the disk is low, so that what is under way can be recorded and the log signed at its end.

    A log that has its size holds the next action for a person, who may let it grow by as much again.
    """

    def __init__(self, settings: AuditSettings, audit: AuditLog, bulletin: Bulletin, *, asker: str) -> None:
        self._audit = audit
        self._bulletin = bulletin
        self._asker = asker
        self._step = self._most = settings.max_bytes
        self._reserve = settings.reserve_bytes
        self._warned_at = 0
        self._disk = BadgeState.OK
        self._asking = asyncio.Lock()

    @property
    def is_short(self) -> bool:
        """Whether nothing may be recorded by now that can be left out."""
        return self._audit.size >= self._most or self._look() is BadgeState.FAIL

    async def admit(self, ask: Ask | None) -> Verdict | None:
        """None when there is room for an action; else the denial. ``ask`` is None when nobody is there.

        AuditUnavailable when a question about it cannot be recorded.
        """
        if self._look() is BadgeState.FAIL:
            return _denied(
                f"the disk of the host is nearly full, and the last {_size(self._reserve)} are kept to end the records",
                rule="disk",
                retry=True,
            )
        if self._audit.size >= WARN_AT * self._most:
            self._warn()
        if self._audit.size < self._most:
            return None
        async with self._asking:
            while self._audit.size >= self._most:
                stand = f"the audit log of this session has {_size(self._audit.size)} of {_size(self._most)}"
                if ask is None:
                    return _denied(f"{stand}, and nobody is there to allow more", rule="log-size", retry=True)
                card = cards.of_full_log(self._audit.size, _size(self._most), _size(self._step), asker=self._asker)
                answer = await ask(card)
                if not answer.approved:
                    return _denied(f"{stand}: {answer.reason}", rule="log-size", retry=answer.retry)
                self._most += self._step
                self._bulletin.badge("log", BadgeState.OK, "log", f"It may grow to {_size(self._most)} now.")
        return None

    def _warn(self) -> None:
        """Once for each size that it may have."""
        if self._warned_at == self._most:
            return
        self._warned_at = self._most
        stand = f"{_size(self._audit.size)} of {_size(self._most)}"
        self._bulletin.badge("log", BadgeState.WARN, f"log {WARN_AT:.0%}", f"The audit log has {stand}.")
        self._bulletin.notice(
            BadgeState.WARN,
            f"The audit log of this session is nearly full: {stand}. Then the next request waits for you.",
            "Look (F4) at what the agent asks so often; `max_size` under [audit] of config.toml is for new sessions.",
        )

    def _look(self) -> BadgeState:
        """How the disk is; tells of changes."""
        status = os.statvfs(self._audit.path.parent)
        free = status.f_bavail * status.f_frsize
        low, warned = free < self._reserve, free < WARN_BEFORE * self._reserve
        state = BadgeState.FAIL if low else BadgeState.WARN if warned else BadgeState.OK
        if state is not self._disk:
            self._disk = state
            self._tell(state, _size(free))
        return state

    def _tell(self, state: BadgeState, free: str) -> None:
        remedy = "Free space on the disk (`ironcurtain-tui disk` shows what is ours); it goes on by itself."
        reserve = _size(self._reserve)
        match state:
            case BadgeState.FAIL:
                text = (
                    f"The disk has {free} left: nothing new is let through, so that what is under way can be recorded."
                )
                self._bulletin.badge("disk", state, "DISK FULL", text)
            case BadgeState.WARN:
                text = f"The disk has {free} left. With less than {reserve} nothing new is let through."
                self._bulletin.badge("disk", state, f"{free} left", text)
            case _:
                text, remedy = f"The disk has {free} left again.", ""
                self._bulletin.badge("disk", BadgeState.OK, "disk", text)
        self._bulletin.notice(state, text, remedy)


def _size(count: int) -> str:
    return f"{count / MIB:,.0f} MiB" if count >= 10 * MIB else f"{count / 1024:,.0f} KiB"


def _denied(reason: str, *, rule: str, retry: bool) -> Verdict:
    return Verdict(decision=Decision.DENY, reason=reason, rule=rule, retry=retry)
