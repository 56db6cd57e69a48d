"""The scores on the messages typed to the real programs, pinned, and how a model's answers are counted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from benchmarks.words import CLAIMED, COUNT, LEAST, MODEL, MOST, RIGHT, Told, corpus, guessed, run, scores
from ironcurtain_tui.config import ModelSettings, ProviderSettings
from ironcurtain_tui.models.model import configured
from tests.models.stage import scripted_api

FLOORS: Mapping[str, tuple[int, float, float]] = {
    "claude-code": (272, 96.3, 93.3),
    "codex": (117, 94.0, 82.0),
    "gemini-cli": (54, 70.3, 0),
    "goose": (45, 88.8, 0),
    "shell": (120, 100, 100),
}
"""Messages, percent right, percent said to be exact. Only ever raise them."""
CORPUS = corpus()


def of(agent: str) -> list[Told]:
    return [each for each in CORPUS if each.agent == agent]


@pytest.mark.parametrize("agent", FLOORS)
def test_scores(agent: str) -> None:
    found = scores(of(agent))
    for column, floor in zip((COUNT, RIGHT, CLAIMED), FLOORS[agent], strict=True):
        assert found[column] >= floor, column


def test_every_recorded_program_is_pinned() -> None:
    assert {each.agent for each in CORPUS} == set(FLOORS)


def test_what_is_said_to_be_exact_is() -> None:
    assert [each for each in CORPUS if each.exact and not each.right] == []


@pytest.mark.parametrize("kind", ["vim", "hasty", "lists and history"])
def test_what_the_keys_do_not_tell_is_in_the_corpus(kind: str) -> None:
    assert any(each.kind == kind and not each.exact for each in CORPUS)


def test_plain_typing_pasting_and_editing_is_told_right() -> None:
    kinds = {"plain", "mistakes", "moving", "killing", "pasting"}
    certain = [each for each in CORPUS if each.kind in kinds and each.agent in ("claude-code", "codex", "shell")]
    assert scores(certain)[RIGHT] >= 98


@pytest.mark.parametrize("answer", ["right", "wrong", "failed"])
async def test_a_model_is_asked_only_about_the_uncertain_ones_and_counted(
    answer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.words.AT_ONCE", 1)  # the script answers in order
    key = tmp_path / "key"
    key.write_text("sk-not-a-key-of-anybody-at-all")
    key.chmod(0o600)
    items = of("codex")
    uncertain = [each for each in items if not each.exact]
    async with scripted_api() as api:
        for each in uncertain:
            reply = json.dumps({"choices": [{"message": {"content": each.truth if answer == "right" else "else"}}]})
            api.replies.append((500 if answer == "failed" else 200, reply))
        settings = ModelSettings(name="openai:scripted", base_url=api.url)
        keys = {"openai": ProviderSettings(api_key_file=str(key))}
        model = configured(settings, keys, httpx.AsyncHTTPTransport)
        assert model is not None
        by_model = await guessed(model, items)
    questions = [json.loads(request.body)["messages"][1]["content"] for request in api.requests]
    assert [json.loads(question)["program"] for question in questions] == ["codex"] * len(uncertain)
    found = scores(items, by_model)
    assert found[MODEL] == found[MOST if answer == "right" else LEAST]


def test_the_command_line_takes_a_model_and_says_what_is_wrong_with_it() -> None:
    with pytest.raises(ValueError, match="anthropic:MODEL"):
        run("nobody")
