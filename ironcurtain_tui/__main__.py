"""``python -m ironcurtain_tui`` is the same as the ``ironcurtain-tui`` command."""

import sys

from ironcurtain_tui.cli import main

if __name__ == "__main__":
    sys.exit(main())
