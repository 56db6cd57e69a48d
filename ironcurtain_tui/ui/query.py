"""The filter line of the browsers: one small language for audit records and for traffic. Pure.

A filter is words with spaces between them, and all of them must hold::

    kind:request decision:deny host:example "not on the list" !path:/v1/messages since:10m

``field:value`` looks at one field, a word alone at all that the line says; ``!`` or ``-`` before either turns it
around; quotes keep spaces together. Upper and lower case are the same. ``since:`` and ``until:`` take ``45s``,
``10m``, ``2h``, ``3d`` (ago), a time of day (``14:30``, today) or a date (``2026-01-31``, ``2026-01-31T14:30``).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, time, timedelta

TEXT = ""
"""The field of a word alone."""
TIMES = ("since", "until")
_WORD = re.compile(r'([!-]?)(?:([A-Za-z]+):(?!//))?(?:"([^"]*)"?|(\S*))')
_AGO = re.compile(r"(\d{1,6})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class FilterError(ValueError):
    """The filter cannot be understood. The message says why, in words for a person."""


@dataclass(frozen=True)
class Term:
    """One condition."""

    field: str
    value: str
    """As typed, but in lower case; never empty."""
    negated: bool = False


def terms(text: str, fields: Collection[str]) -> tuple[Term, ...]:
    """The conditions of a filter; ``fields`` are the names that may stand before a colon.

    Raises FilterError. A field without a value is still being typed and no condition yet.
    """
    found = []
    for sign, field, quoted, word in _WORD.findall(text):
        value = (quoted or word).casefold()
        name = field.casefold()
        if name and name not in fields:
            raise FilterError(f"there is no field {field}: only {', '.join(fields)}; put it in quotes to look for it")
        if value:
            found.append(Term(name, value, bool(sign)))
    return tuple(found)


def moment(value: str, now: float) -> float:
    """The time that ``value`` means, in seconds since the epoch; FilterError when it means none."""
    if ago := _AGO.fullmatch(value):
        return now - int(ago[1]) * _SECONDS[ago[2]]
    here = datetime.fromtimestamp(now).astimezone()
    try:
        if re.fullmatch(r"\d{1,2}:\d{2}(:\d{2})?", value):
            return datetime.combine(
                here.date(), time.fromisoformat(value if value[2] == ":" else f"0{value}"), here.tzinfo
            ).timestamp()
        return datetime.fromisoformat(value.upper()).replace(tzinfo=here.tzinfo).timestamp()
    except ValueError as error:
        raise FilterError(f"{value} is no time: write 10m, 2h, 14:30 or 2026-01-31") from error


def end_of(value: str, now: float) -> float:
    """``moment``, but a whole day as ``until:`` lasts until its end."""
    at = moment(value, now)
    return at + timedelta(days=1).total_seconds() if re.fullmatch(r"\d{4}-\d{2}-\d{2}", value) else at
