"""A task given to an agent without a screen: what to run, and what its output means.

What the agent prints is untrusted and may be cut anywhere: readers never raise, and what they do not know they skip.
"""

from __future__ import annotations

import unicodedata
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from ironcurtain_tui.events import TaskFailure


class StepKind(StrEnum):
    TEXT = "text"
    """The agent said something."""
    TOOL = "tool"
    """It uses a tool."""
    RESULT = "result"
    """What a tool gave back."""
    ERROR = "error"
    NOTE = "note"
    """Anything else worth a line: a retry, the model's name."""


@dataclass(frozen=True)
class Step:
    """One thing that happened, for a person who follows. ``text`` is the agent's own, untrusted, maybe long."""

    kind: StepKind
    text: str


@dataclass(frozen=True)
class TaskReport:
    """How the task ended, as far as the agent's own output tells."""

    text: str
    """Its final answer."""
    failure: TaskFailure | None = None
    """None: it did what it could."""
    reason: str = ""
    """Of the failure, in words."""
    refused: bool = False
    """The model refused the task."""


class TaskReader(ABC):
    """Reads what one run of an agent's command prints. Sans-io; one reader a run."""

    @abstractmethod
    def read(self, line: str) -> Sequence[Step]:
        """What ``line`` of its standard output, without the line end, says. Never raises."""

    @abstractmethod
    def report(self, exit_code: int, errors: str) -> TaskReport:
        """The sum, once the command has ended; ``errors`` is the end of its standard error. Never raises."""


@dataclass(frozen=True)
class TaskLaunch:
    """How to run a task in a container that was prepared for the agent (``AgentLaunch``: its variables, its files)."""

    command: tuple[str, ...]
    """Runs in the workspace, without a terminal, beside the container's own first process."""
    reader: TaskReader
    stdin: str = ""
    """Best the prompt: an argument has at most 128 KiB."""
    env: Mapping[str, str] = field(default_factory=dict)
    """On top of the container's own."""


ANSWER_LENGTH = 1 << 20
"""Characters of an answer; of a longer one the end is kept."""


class PlainReader(TaskReader):
    """For commands whose output is their answer. Anything but exit code 0 is a failure."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque()
        self._length = 0
        self._forgotten = 0

    def read(self, line: str) -> Sequence[Step]:
        self._lines.append(line)
        self._length += len(line) + 1
        while self._length > ANSWER_LENGTH and len(self._lines) > 1:
            self._length -= len(self._lines.popleft()) + 1
            self._forgotten += 1
        return (Step(StepKind.TEXT, line),)

    def report(self, exit_code: int, errors: str) -> TaskReport:
        before = [f"… ({self._forgotten:,} lines before)"] if self._forgotten else []
        text = "\n".join((*before, *self._lines))
        if exit_code == 0:
            return TaskReport(text)
        return TaskReport(text, TaskFailure.AGENT, ended_badly(exit_code, errors))


def ended_badly(exit_code: int, errors: str) -> str:
    """In words: a command ended with ``exit_code`` after it had printed ``errors``."""
    killed = " (killed, maybe for want of memory)" if exit_code == 137 else ""
    last = next((line.strip() for line in reversed(errors.splitlines()) if line.strip()), "")
    return f"it ended with code {exit_code}{killed}" + (f": {last}" if last else "")


RESULT_LINES = 4
"""Of what a tool gave back; the rest is counted."""
LINE_LENGTH = 400
TEXT_LENGTH = 100_000
"""Characters of what an agent said at once."""
MARKS = {StepKind.TEXT: "", StepKind.TOOL: "▸ ", StepKind.RESULT: "  ", StepKind.ERROR: "✗ ", StepKind.NOTE: "· "}


def lines(step: Step) -> tuple[str, ...]:
    """``step`` as lines to be shown: what an agent said whole, all else cut short. Free of control characters."""
    text = step.text[:TEXT_LENGTH]
    if len(text) < len(step.text):
        text += f"\n… ({len(step.text) - len(text):,} more characters)"
    every = [_printable(line) for line in text.splitlines()] or [""]
    if step.kind is StepKind.TEXT:
        return tuple(every)
    if step.kind is StepKind.RESULT and not step.text.strip():
        return ()
    shown = [line if len(line) <= LINE_LENGTH else f"{line[:LINE_LENGTH]}…" for line in every[:RESULT_LINES]]
    if len(every) > len(shown):
        shown.append(f"… ({len(every) - len(shown)} more lines)")
    mark = MARKS[step.kind]
    return (mark + shown[0], *(" " * len(mark) + line for line in shown[1:]))


def _printable(line: str) -> str:
    return "".join(
        char if char == " " or unicodedata.category(char)[0] not in "CZ" else _picture(char)
        for char in line.expandtabs(4)
    )


def _picture(char: str) -> str:
    return chr(0x2400 + ord(char)) if ord(char) < 0x20 else f"\\u{{{ord(char):x}}}"
