"""Progress of an image build on the plain terminal: a bar and the last line; without a terminal, the steps."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from ironcurtain_tui.containers.progress import BuildProgress

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID  # a start that builds nothing shows nothing

SILENT_SECONDS = 10.0


class BuildDisplay:
    """Shows what ``ensure_image`` reports."""

    def __init__(self, name: str) -> None:
        self._live = sys.stderr.isatty()
        self._progress: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._last_step = ""
        self._last_print = 0.0
        print(f"Building the image {name}; this happens once and takes some minutes.", file=sys.stderr)

    def __enter__(self) -> Self:
        if self._live:
            from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

            self._progress = Progress(
                TextColumn("{task.description:<12}"),
                BarColumn(bar_width=24),
                TimeElapsedColumn(),
                TextColumn("{task.fields[line]}", markup=False),  # a build prints what it likes
            )
            self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._progress is not None:
            self._progress.stop()

    def report(self, progress: BuildProgress) -> None:
        """Show one line of a build."""
        if self._progress is not None:
            task = self._tasks.get(progress.image)
            if task is None:
                task = self._tasks[progress.image] = self._progress.add_task(progress.image, total=1.0, line="")
            self._progress.update(task, completed=progress.fraction, line=progress.line[:80])
        elif progress.step != self._last_step or time.monotonic() - self._last_print > SILENT_SECONDS:
            self._last_step, self._last_print = progress.step, time.monotonic()
            print(f"  [{progress.image}] {progress.step or progress.line}"[:160], file=sys.stderr, flush=True)
