"""Debian archives. Their indices are signed as they are and tell no ages, so they pass unchanged.

Source: the wiki of Debian, DebianRepository/Format.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from ironcurtain_tui.packages.package import Asked, File, Plain

_SEGMENT = r"(?!\.{1,2}(?:/|\Z))(?:[A-Za-z0-9._~:+-]|%2[bB]|%3[aA]|%7[eE])+"
_INDEX = re.compile(rf"dists(?:/{_SEGMENT})+")
_POOL = re.compile(rf"pool(?:/{_SEGMENT})*/({_SEGMENT})")
_DEB = re.compile(r"(?P<name>[a-z0-9][a-z0-9+.-]+)_(?P<version>[A-Za-z0-9.+:~-]+)_[a-z0-9-]+\.u?deb")
_SOURCE = re.compile(
    r"(?P<name>[a-z0-9][a-z0-9+.-]+)_(?P<version>[A-Za-z0-9.+:~-]+?)\.(?:dsc|(?:orig|debian)[a-z0-9.-]*|tar\.[a-z0-9]+|diff\.gz)(?:\.asc)?"
)


def read(path: str) -> Asked | None:
    """What ``path`` (below the archive) asks; None when it is nothing that apt needs."""
    if _INDEX.fullmatch(path):
        return Plain()
    pool = _POOL.fullmatch(path)
    file = unquote(pool[1]) if pool else ""
    match = _DEB.fullmatch(file) or _SOURCE.fullmatch(file)
    return File(name=match["name"], version=match["version"]) if match else None
