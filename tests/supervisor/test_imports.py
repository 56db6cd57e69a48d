"""What a supervisor must not load before viewers can connect."""

from __future__ import annotations

import subprocess
import sys


def test_slow_libraries_are_not_loaded_with_the_session() -> None:
    """control.sock opens about a second earlier; `Session._open_doors` loads them meanwhile."""
    program = (
        "import sys, ironcurtain_tui.supervisor.session; print(*{'mcp', 'mitmproxy', 'textual'} & set(sys.modules))"
    )
    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.split()
    assert loaded == []
