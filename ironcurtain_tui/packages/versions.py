"""Which of two versions is the newer one, in each registry's own order."""

from __future__ import annotations

import re
from datetime import datetime

from packaging.version import InvalidVersion, Version

_SEMVER = re.compile(r"v?(\d{1,15})\.(\d{1,15})\.(\d{1,15})(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?")

SemverKey = tuple[tuple[int, int, int], bool, tuple[tuple[bool, int, str], ...]]


def semver(version: str) -> SemverKey | None:
    """A key that sorts as https://semver.org (section 11) says; None for what is no such version."""
    match = _SEMVER.fullmatch(version)
    if match is None:
        return None
    before = tuple(_identifier(each) for each in match[4].split(".")) if match[4] else ()
    return (int(match[1]), int(match[2]), int(match[3])), not before, before


def _identifier(text: str) -> tuple[bool, int, str]:
    return (False, int(text), "") if text.isdigit() and len(text) <= 15 else (True, 0, text)


def is_prerelease(version: str) -> bool:
    """Whether a semantic version is one before the real one."""
    key = semver(version)
    return key is not None and not key[1]


def pep440(version: str) -> Version | None:
    """A key that sorts as PEP 440 says; None for what is no such version."""
    try:
        return Version(version)
    except InvalidVersion:
        return None


def moment(text: object) -> float | None:
    """An ISO 8601 time with its zone, in seconds since the epoch; None for anything else."""
    if not isinstance(text, str):
        return None
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    return parsed.timestamp() if parsed.tzinfo else None
