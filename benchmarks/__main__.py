"""Run benchmarks by name, all without one, and print a Markdown table for each."""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
import time
import traceback

from benchmarks.table import environment

NAMES = (
    "proxy",
    "soak",
    "terminal",
    "cold_start",
    "idle",
    "session_start",
    "audit",
    "audit_browser",
    "approvals",
    "cards",
    "words",
)


def main() -> int:
    """0 when every benchmark ran to its end; figures are never judged."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(NAMES)}; default: all")
    parser.add_argument("--model", default="", help="words: ask this model about what the keys do not tell for sure")
    arguments = parser.parse_args()
    wanted = arguments.names or NAMES
    if unknown := [name for name in wanted if name not in NAMES]:
        parser.error(f"there is no benchmark called {unknown[0]}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that everything started is ended
    print(f"{environment()}\n", flush=True)
    failed = False
    for name in wanted:
        began = time.monotonic()
        try:
            run = importlib.import_module(f"benchmarks.{name}").run
            tables = run(arguments.model) if name == "words" else run()
        except Exception:
            traceback.print_exc()
            failed = True
            continue
        for table in tables:
            print(table.markdown(), flush=True)
        print(f"`{name}` took {time.monotonic() - began:.0f} s.", file=sys.stderr)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
