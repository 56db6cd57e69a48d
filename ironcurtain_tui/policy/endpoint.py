"""What one host may be asked: endpoints, and how a request is matched against them.

The bytes the agent sent are compared as they are: nothing is decoded or normalised, because what was
checked must be what is sent, and a server may read an odd spelling differently. A spelling that could
be read in two ways is refused instead.
"""

from __future__ import annotations

import re
from functools import lru_cache

from ironcurtain_tui.events import Value

_CHARACTER = r"[A-Za-z0-9._~:@!$&'()*+,=-]"
"""What may stand in a path segment: RFC 3986 ``pchar`` without ``%`` (encodings) and ``;`` (parameters)."""

_CANONICAL_PATH = re.compile(rf"/|(?:/(?!\.{{1,2}}(?:/|\Z)){_CHARACTER}+)+")
_QUERY_FIELD = re.compile(r"([A-Za-z0-9_.-]+)(?:=([A-Za-z0-9_.~-]*))?")
_HOST = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")


class Endpoint(Value, frozen=True):
    """One method and path. ``*`` in ``path`` stands for one or more characters inside one segment.

    Methods are case sensitive, as in RFC 9110 section 9.1.
    """

    method: str
    path: str
    answer: int | None = None
    """Status to answer locally with; None when the request is forwarded."""
    query: tuple[str, ...] = ()
    """Names a query string may hold, each at most once."""

    def matches(self, method: str, path: str) -> bool:
        """Whether a request is for this endpoint. ``path`` has no query."""
        return method == self.method and is_canonical_path(path) and _pattern(self.path).fullmatch(path) is not None

    def allows_query(self, query: str) -> bool:
        """Whether every field of ``query`` is a known name with a plain value, and none comes twice."""
        if not query:
            return True
        fields = [_QUERY_FIELD.fullmatch(field) for field in query.split("&")]
        names = [field[1] for field in fields if field]
        return len(names) == len(fields) == len(set(names)) and set(names) <= set(self.query)


@lru_cache(maxsize=512)
def _pattern(path: str) -> re.Pattern[str]:
    return re.compile("".join(f"{_CHARACTER}+" if part == "*" else re.escape(part) for part in path))


def is_canonical_path(path: str) -> bool:
    """Whether ``path`` has one reading only: no encodings, no dot or empty segments, no parameters."""
    return _CANONICAL_PATH.fullmatch(path) is not None


def is_host_name(host: str) -> bool:
    """Whether ``host`` is a lower-case fully qualified DNS name: no address, no port, no trailing dot."""
    return _HOST.fullmatch(host) is not None
