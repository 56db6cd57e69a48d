"""``python -m ironcurtain_tui`` is the same as the ``ironcurtain-tui`` command."""

import sys
import time

from ironcurtain_tui.standby import call


def main() -> int:
    """Run the command line; its exit code. The spare, if one waits, starts already while the rest is imported."""
    began = time.perf_counter()
    placed = call.place(sys.argv[1:])
    from ironcurtain_tui import cli

    return cli.main(placed=placed, began=began)


if __name__ == "__main__":
    sys.exit(main())
