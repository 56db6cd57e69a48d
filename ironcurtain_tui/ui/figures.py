"""Numbers and times as people read them, in few cells."""

from __future__ import annotations

import math
from datetime import datetime

_SCALES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def count(value: float) -> str:
    """A count in at most five cells: ``812``, ``1.2k``, ``34k``, ``5.0M``. Thousands, not 1024s."""
    for scale, suffix in _SCALES:
        if value >= scale * 0.9995:
            scaled = value / scale
            return f"{scaled:.1f}{suffix}" if scaled < 9.95 else f"{scaled:.0f}{suffix}"
    return f"{value:.0f}"


def counted(number: int, noun: str) -> str:
    """``1 flow``, ``3 flows``, ``12k flows``."""
    return f"{count(number)} {plural(number, noun)}"


def plural(number: int, noun: str) -> str:
    """``noun`` as it stands after ``number``."""
    return noun if number == 1 else f"{noun}s"


def duration(milliseconds: float) -> str:
    """A duration in at most six cells: ``42ms``, ``1.8s``, ``75s``, ``12m``, ``3.1h``."""
    if milliseconds < 999.5:
        return f"{milliseconds:.0f}ms"
    seconds = milliseconds / 1000
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    if seconds < 99.5:
        return f"{seconds:.0f}s"
    minutes = seconds / 60
    return f"{minutes:.0f}m" if minutes < 99.5 else f"{minutes / 60:.1f}h"


def age(seconds: float) -> str:
    """How long ago, without fractions: ``12s``, ``4m``, ``3h``."""
    whole = max(0, int(seconds))
    if whole < 100:
        return f"{whole}s"
    return f"{whole // 60}m" if whole < 100 * 60 else f"{whole // 3600}h"


def countdown(seconds: float) -> str:
    """What is left, as minutes and seconds: ``4:31``; ``0:00`` when nothing is."""
    left = max(0, math.ceil(seconds))
    return f"{left // 60}:{left % 60:02d}"


def dollars(amount: float) -> str:
    """An amount of money: ``$0.42``, and ``<$0.01`` for what is not nothing."""
    return "<$0.01" if 0 < amount < 0.005 else f"${amount:,.2f}"


def clock(time: float) -> str:
    """Local time of day with seconds."""
    return datetime.fromtimestamp(time).astimezone().strftime("%H:%M:%S")


def moment(time: float) -> str:
    """Local date and time with milliseconds and zone."""
    return datetime.fromtimestamp(time).astimezone().isoformat(sep=" ", timespec="milliseconds")
