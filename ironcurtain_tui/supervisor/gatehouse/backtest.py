"""What another policy would have decided in past sessions, by their audit logs."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from ironcurtain_tui.audit.chain import ChainBroken
from ironcurtain_tui.audit.decisions import decided
from ironcurtain_tui.audit.reader import AuditReader
from ironcurtain_tui.policy.action import Action, ToolCall, Tunnel
from ironcurtain_tui.policy.decide import Policy

log = logging.getLogger(__name__)

MOST_RECORDS = 20_000
"""Records that are looked at, newest sessions first."""
SECONDS = 5.0
MOST_LINES = 50


def past_logs(state: Path) -> list[Path]:
    """The audit logs of all sessions of the state directory ``state``, newest first."""
    logs = (state / "sessions").glob("*/audit.jsonl")
    return sorted(logs, key=lambda path: path.stat().st_mtime, reverse=True)


def changed_decisions(logs: Iterable[Path], now: Policy, then: Policy) -> list[str]:
    """One line for each kind of past action that ``then`` decides differently from ``now``; says what it covers.

    ``logs``: audit logs, newest first. Those that cannot be read are left out.
    """
    changed: Counter[str] = Counter()
    looked_at = sessions = 0
    deadline = time.monotonic() + SECONDS
    for path in logs:
        if looked_at >= MOST_RECORDS or time.monotonic() > deadline:
            break
        sessions += 1
        for action in _actions(path):
            looked_at += 1
            before, after = now.decide(action).decision, then.decide(action).decision
            if before is not after:
                changed[f"{before} → {after}: {_named(action)}"] += 1
            if looked_at >= MOST_RECORDS or time.monotonic() > deadline:
                break
    lines = [f"{count} × {what}" for what, count in changed.most_common(MOST_LINES)]
    if len(changed) > MOST_LINES:
        lines.append(f"and {len(changed) - MOST_LINES} more kinds")
    if not lines:
        lines.append("nothing else")
    return [*lines, f"(out of {looked_at:,} decisions in {sessions} sessions)"]


def _actions(path: Path) -> Iterable[Action]:
    try:
        yield from (past.action for past in decided(AuditReader(path).poll()) if not isinstance(past.action, Tunnel))
    except (OSError, ChainBroken) as error:
        log.info("left out of a preview: %s: %s", path, error)


def _named(action: Action) -> str:
    if isinstance(action, ToolCall):
        short = [f"{name}={value}" for name, value in action.arguments.items() if len(str(value)) < 60]
        return f"{action.server}.{action.tool} {' '.join(short)}".rstrip()[:200]
    return f"{getattr(action, 'method', 'CONNECT')} {action.host}{getattr(action, 'path', '')}"[:200]
