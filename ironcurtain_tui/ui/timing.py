"""A flow's time as a bar: waiting for the first byte, then receiving. Pure."""

from __future__ import annotations

from ironcurtain_tui.events import Flow

WAITING, RECEIVING = "░", "█"


def bar(flow: Flow, longest_ms: float, cells: int) -> str:
    """At most ``cells`` characters, of which a flow of ``longest_ms`` takes all; empty while nothing is known."""
    total = flow.total_ms if flow.total_ms is not None else flow.first_byte_ms
    if total is None or longest_ms <= 0:
        return ""
    first = min(flow.first_byte_ms if flow.first_byte_ms is not None else total, total)
    length = max(1, round(min(1.0, total / longest_ms) * cells))
    waiting = length if flow.total_ms is None else round(first / total * length) if total else 0
    return WAITING * waiting + RECEIVING * (length - waiting)
