"""How often the person's message is told right from the keys alone, on messages typed to the real programs.

The corpus (``corpus/words-*.jsonl``, a file a session) was recorded by parts/words_recorder.py: the keys as the
supervisor sent them, and as the truth what the program then made of them; ``null`` where it made nothing of them.
``python -m benchmarks words --model anthropic:NAME`` also asks a model, by the [model] and [providers] of config.toml.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from benchmarks.table import Comparison
from ironcurtain_tui import config
from ironcurtain_tui.agents import AGENTS
from ironcurtain_tui.config import ModelSettings
from ironcurtain_tui.events import Confidence
from ironcurtain_tui.models.model import Model, ModelFailed, configured
from ironcurtain_tui.words.editors import Message
from ironcurtain_tui.words.guess import TASK, question, reading
from ironcurtain_tui.words.reconstruct import Sent, messages

BETWEEN = 1.0
"""Seconds that the recorder left at least between one message and the next."""
CORPUS = Path(__file__).parent / "corpus"
COUNT, RIGHT, CLAIMED, KEPT = "messages", "right, %", "said to be exact, %", "of these right, %"
LEAST, MOST = "with a model at least, %", "at most, %"
MODEL = "with the model, %"
AT_ONCE = 4


@dataclass(frozen=True)
class Told:
    """One message of the corpus and what the keys told of it."""

    agent: str
    kind: str
    truth: str
    message: Message | None
    keys: tuple[Sent, ...]
    """All of the session up to its end."""

    @property
    def right(self) -> bool:
        return self.message is not None and self.message.text == self.truth.rstrip()

    @property
    def exact(self) -> bool:
        """Whether it is said to be."""
        return self.message is not None and self.message.confidence is Confidence.EXACT


def told(session: list[dict[str, Any]]) -> list[Told]:
    """Work out the messages of one session, one after the other: what was cut out of one can be put into the next."""
    agent = session[0]["agent"]
    sent: list[Sent] = []
    ends: list[int] = []
    for item in session:
        began = sent[-1].time + BETWEEN if sent else 0.0
        sent += [Sent(began + moment, data.encode(), item["columns"]) for moment, data in item["keys"]]
        ends.append(len(sent))
    made = {message.time: message for message in messages(AGENTS[agent].dialect, sent)}
    return [
        Told(agent, item["kind"], item["truth"], made.get(sent[end - 1].time), tuple(sent[:end]))
        for item, end in zip(session, ends, strict=True)
        if item["truth"] is not None
    ]


def corpus() -> list[Told]:
    """All of it."""
    sessions = (file.read_text().splitlines() for file in sorted(CORPUS.glob("words-*.jsonl")))
    return [each for lines in sessions for each in told([json.loads(line) for line in lines])]


async def guessed(model: Model, items: Iterable[Told]) -> set[Told]:
    """Those of the uncertain ``items`` that ``model`` tells right; what it fails to answer it does not tell."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def tells(item: Told) -> bool:
        async with slots:
            try:
                answer = await model.answer(TASK, question(item.agent, item.keys))
            except ModelFailed:
                return False
        return reading(answer) == item.truth.strip()

    uncertain = [item for item in items if not item.exact]
    answers = await asyncio.gather(*map(tells, uncertain))
    return {item for item, right in zip(uncertain, answers, strict=True) if right}


def run(model: str = "") -> list[Comparison]:
    """One row for each kind of message, one table for each program; ``model`` as in config.toml, empty for none."""
    settings = config.load()
    wanted = ModelSettings(name=model, base_url=settings.model.base_url, timeout=settings.model.timeout)
    asked = configured(wanted, settings.providers, httpx.AsyncHTTPTransport)
    return tables(corpus(), asked)


def tables(items: list[Told], model: Model | None) -> list[Comparison]:
    """``items`` by program and kind; with what ``model`` makes of the uncertain ones, if there is one."""
    by_model = asyncio.run(guessed(model, items)) if model else None
    by_agent: dict[str, dict[str, list[Told]]] = defaultdict(lambda: defaultdict(list))
    for each in items:
        by_agent[each.agent][each.kind].append(each)
    found = []
    for agent, kinds in by_agent.items():
        table = Comparison(
            f"The person's words from the keys: {agent}",
            (COUNT, RIGHT, CLAIMED, KEPT, LEAST, MOST, *((MODEL,) if model else ())),
            (),
            "Exact match with what the program made of them, blanks at the end aside. A model is asked only about what "
            "is not said to be exact; at least: it tells none of it right, at most: all of it.",
        )
        kinds["all"] = [each for kind in list(kinds) for each in kinds[kind]]
        for kind, rows in kinds.items():
            table.add(kind, scores(rows, by_model))
        found.append(table)
    return found


def scores(items: list[Told], by_model: set[Told] | None = None) -> dict[str, float]:
    """The figures of some messages, by column."""
    exact = [each for each in items if each.exact]
    sure = sum(each.right for each in exact)
    found = {
        COUNT: len(items),
        RIGHT: _percent(sum(each.right for each in items), len(items)),
        CLAIMED: _percent(len(exact), len(items)),
        LEAST: _percent(sure, len(items)),
        MOST: _percent(sure + len(items) - len(exact), len(items)),
    }
    if exact:
        found[KEPT] = _percent(sure, len(exact))
    if by_model is not None:
        found[MODEL] = _percent(sure + len(by_model.intersection(items)), len(items))
    return found


def _percent(part: int, whole: int) -> float:
    return 100 * part / whole
