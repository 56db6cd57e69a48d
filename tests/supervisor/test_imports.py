"""What a supervisor must not load before viewers can connect."""

from __future__ import annotations

import subprocess
import sys


def test_slow_libraries_are_not_loaded_with_the_session() -> None:
    """control.sock opens about a second earlier; a thread loads them meanwhile, or nobody does."""
    slow = {"mcp", "mitmproxy", "textual", "httpx", "rich"}
    program = f"import sys, ironcurtain_tui.supervisor.session; print(*{slow!r} & set(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.split()
    assert loaded == []
