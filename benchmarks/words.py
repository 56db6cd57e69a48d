"""How often the person's message is told right from the keys alone, on messages typed to the real programs.

The corpus (``corpus/words-*.jsonl``) was recorded by parts/words_recorder.py: the keys as the supervisor sent them,
and as the truth what the program then made of them; ``null`` where it made nothing of them.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.table import Comparison
from ironcurtain_tui.agents import AGENTS
from ironcurtain_tui.events import Confidence
from ironcurtain_tui.words.editors import Message
from ironcurtain_tui.words.reconstruct import Sent, messages

BETWEEN = 1.0
"""Seconds that the recorder left at least between one message and the next."""
CORPUS = Path(__file__).parent / "corpus"
RIGHT, CLAIMED, KEPT = "right, %", "said to be exact, %", "of these right, %"


@dataclass(frozen=True)
class Told:
    """One message of the corpus and what the keys told of it."""

    agent: str
    kind: str
    truth: str
    message: Message | None

    @property
    def right(self) -> bool:
        return self.message is not None and self.message.text == self.truth.rstrip()

    @property
    def exact(self) -> bool:
        """Whether it is said to be."""
        return self.message is not None and self.message.confidence is Confidence.EXACT


def told(session: list[dict[str, Any]]) -> list[Told]:
    """Work out the messages of one session, one after the other: what was cut out of one can be put into the next."""
    sent: list[Sent] = []
    ends: list[float] = []
    began = 0.0
    for item in session:
        sent += [Sent(began + moment, data.encode(), item["columns"]) for moment, data in item["keys"]]
        ends.append(sent[-1].time)
        began = sent[-1].time + BETWEEN
    made = {message.time: message for message in messages(AGENTS[session[0]["agent"]].dialect, sent)}
    return [
        Told(item["agent"], item["kind"], item["truth"], made.get(end))
        for item, end in zip(session, ends, strict=True)
        if item["truth"] is not None
    ]


def corpus() -> list[Told]:
    """All of it."""
    sessions = (file.read_text().splitlines() for file in sorted(CORPUS.glob("words-*.jsonl")))
    return [each for lines in sessions for each in told([json.loads(line) for line in lines])]


def run() -> list[Comparison]:
    """One row for each kind of message, one table for each program."""
    by_agent: dict[str, dict[str, list[Told]]] = defaultdict(lambda: defaultdict(list))
    for each in corpus():
        by_agent[each.agent][each.kind].append(each)
    tables = []
    for agent, kinds in by_agent.items():
        table = Comparison(
            f"The person's words from the keys: {agent}",
            ("messages", RIGHT, CLAIMED, KEPT),
            (),
            "Exact match with what the program made of them, blanks at the end aside. No model.",
        )
        kinds["all"] = [each for kind in list(kinds) for each in kinds[kind]]
        for kind, items in kinds.items():
            exact = [each for each in items if each.exact]
            table.add(
                kind,
                {
                    "messages": len(items),
                    RIGHT: percent(items),
                    CLAIMED: 100 * len(exact) / len(items),
                    KEPT: percent(exact),
                },
            )
        tables.append(table)
    return tables


def percent(items: list[Told]) -> float:
    """How many of ``items`` are right, in percent."""
    return 100 * sum(each.right for each in items) / len(items) if items else 0.0
