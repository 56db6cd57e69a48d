"""Names of the files that traffic is kept in."""

from __future__ import annotations

from pathlib import Path

SUFFIX = ".jsonl.gz"


def part_path(directory: Path, number: int) -> Path:
    """The file with this number, from 1."""
    return directory / f"{number}{SUFFIX}"


def part_numbers(directory: Path) -> list[int]:
    """Numbers of the files that are there, oldest first."""
    found = (path.name.removesuffix(SUFFIX) for path in directory.glob(f"*{SUFFIX}"))
    return sorted(int(name) for name in found if name.isascii() and name.isdigit())
