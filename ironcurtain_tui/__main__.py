"""``python -m ironcurtain_tui`` is the same as the ``ironcurtain-tui`` command."""

import sys
import time

from ironcurtain_tui.errors import goes_on
from ironcurtain_tui.standby import call
from ironcurtain_tui.standby.kin import fix_state_directory


def main() -> int:
    """Run the command line; its exit code. The spare, if one waits, is asked before anything is imported."""
    began = time.perf_counter()
    fix_state_directory()
    started = None
    try:
        if (placed := call.place(sys.argv[1:])) is not None:
            from ironcurtain_tui.guard import attend  # while the spare is at work

            started = placed.answer()
            if started is not None and started.get("screen"):
                return attend(placed.line, started["session"])
            placed.hang_up()
        from ironcurtain_tui import cli

        return cli.main(started=started, began=began)
    except KeyboardInterrupt:  # whoever hangs up before the answer calls it off
        if started is not None and "session" in started:
            sys.stderr.write(goes_on(started["session"]))
        sys.stderr.write("Interrupted.\n")
        return 130


if __name__ == "__main__":
    sys.exit(main())
