"""Figures of one benchmark side by side, printed as a Markdown table."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass
class Comparison:
    """One row a figure, one column a contender, and the ratios that matter: pairs of columns, ours first."""

    title: str
    columns: tuple[str, ...]
    ratios: tuple[tuple[str, str], ...]
    note: str = ""
    rows: list[tuple[str, Mapping[str, float]]] = field(default_factory=list)

    def add(self, figure: str, values: Mapping[str, float]) -> None:
        """``values`` by column; a contender that cannot be measured so is left out."""
        self.rows.append((figure, values))

    def markdown(self) -> str:
        """The table, with its title and note."""
        head = ["", *self.columns, *(f"{ours} ÷ {peer}" for ours, peer in self.ratios)]
        lines = [f"### {self.title}", "", _line(head), _line(["---", *["---:"] * (len(head) - 1)])]
        for figure, values in self.rows:
            cells = [shown(values.get(column)) for column in self.columns]
            lines.append(
                _line([figure, *cells, *(_ratio(values.get(ours), values.get(peer)) for ours, peer in self.ratios)])
            )
        if self.note:
            lines += ["", self.note]
        return "\n".join(lines) + "\n"


def shown(value: float | None) -> str:
    """Three significant digits, a dash for what was not measured."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _ratio(ours: float | None, peer: float | None) -> str:
    return "–" if ours is None or not peer else shown(ours / peer)


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that ``percent`` of ``values`` do not exceed."""
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def environment() -> str:
    """Where the figures come from, in one line."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"{os.cpu_count()} cores, load {load}, Python {platform.python_version()}, "
        f"{platform.system()} {platform.release()} {platform.machine()}"
    )


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
