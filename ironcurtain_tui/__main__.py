"""``python -m ironcurtain_tui`` is the same as the ``ironcurtain-tui`` command."""

import sys
import time

from ironcurtain_tui.standby import call


def main() -> int:
    """Run the command line; its exit code. The spare, if one waits, is asked before anything is imported."""
    began = time.perf_counter()
    started = None
    try:
        if (placed := call.place(sys.argv[1:])) is not None:
            from ironcurtain_tui.guard import attend  # while the spare is at work

            started = placed.answer()
            if started is not None and started["screen"]:
                return attend(placed.line, started["session"])
            placed.hang_up()
    except KeyboardInterrupt:  # whoever hangs up before the answer calls it off
        sys.stderr.write("Interrupted.\n")
        return 130
    if started is not None:
        sys.stdout.write(started["said"])
        sys.stdout.flush()
    from ironcurtain_tui import cli

    return cli.main(started=None if started is None else started["session"], began=began)


if __name__ == "__main__":
    sys.exit(main())
