"""Progress of a build, as values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

CONTROL_SEQUENCE = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|[@-_])")


@dataclass(frozen=True)
class BuildProgress:
    """One line that a build printed, and how far it has come."""

    image: str
    step: str
    """The instruction being executed, e.g. ``RUN apt-get update``."""
    line: str
    """Printable text, no control characters."""
    fraction: float | None = None
    """Part of the steps that is done, 0 to 1; None where it cannot be told."""


type Report = Callable[[BuildProgress], None]


def plain(text: str) -> Iterator[str]:
    """The non-empty lines of what a build tool printed, without colours and control characters."""
    for line in re.split(r"[\r\n]", CONTROL_SEQUENCE.sub("", text)):
        if cleaned := "".join(character for character in line if character.isprintable()).rstrip():
            yield cleaned
