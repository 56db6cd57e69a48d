"""Stops an agent that asks the same thing over and over. Pure: the caller brings the time."""

from __future__ import annotations

import hashlib
from collections import OrderedDict, deque

import msgspec

from ironcurtain_tui.policy.action import ToolCall

MOST_CALLS = 20
WINDOW_SECONDS = 60.0
MOST_KNOWN = 4096
"""Different calls remembered at a time; the longest unused is forgotten first."""


class LoopBreaker:
    """Counts identical calls: same server, tool and arguments, whatever the order of their names."""

    def __init__(self) -> None:
        self._calls: OrderedDict[bytes, deque[float]] = OrderedDict()

    def trips(self, call: ToolCall, now: float) -> bool:
        """Note ``call`` at ``now`` (seconds, monotonic); True when it comes too often and must be refused.

        A refused call counts too: who hammers on stays out until there has been quiet.
        """
        key = hashlib.sha256(msgspec.json.encode(call, order="deterministic")).digest()
        times = self._calls.setdefault(key, deque(maxlen=MOST_CALLS + 1))
        self._calls.move_to_end(key)
        if len(self._calls) > MOST_KNOWN:
            self._calls.popitem(last=False)
        times.append(now)
        while times[0] <= now - WINDOW_SECONDS:
            times.popleft()
        return len(times) > MOST_CALLS
