"""The one question to a model, asked of a server on this machine."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ironcurtain_tui.config import ModelSettings, ProviderSettings
from ironcurtain_tui.models.model import ModelFailed, configured
from tests.models.stage import ScriptedApi, scripted_api

KEY = "sk-ant-not-a-key-of-anybody-at-all"


@pytest.fixture
async def api() -> AsyncIterator[ScriptedApi]:
    async with scripted_api() as made:
        yield made


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, ProviderSettings]:
    file = tmp_path / "key"
    file.write_text(KEY)
    file.chmod(0o600)
    return {name: ProviderSettings(api_key_file=str(file)) for name in ("anthropic", "openai")}


@pytest.mark.parametrize(
    ("vendor", "path", "header", "content"),
    [
        ("anthropic", "/v1/messages", ("x-api-key", KEY), {"content": [{"type": "text", "text": " approve\n"}]}),
        (
            "openai",
            "/v1/chat/completions",
            ("authorization", f"Bearer {KEY}"),
            {"choices": [{"message": {"role": "assistant", "content": " approve\n"}}]},
        ),
    ],
)
async def test_both_wire_formats(
    api: ScriptedApi, keys: dict[str, ProviderSettings], vendor: str, path: str, header: tuple[str, str], content: Any
) -> None:
    api.replies = [(200, json.dumps(content))]
    model = configured(ModelSettings(name=f"{vendor}:some-model", base_url=api.url), keys, httpx.AsyncHTTPTransport)
    assert model is not None
    assert await model.answer("decide", "this?") == "approve"
    (request,) = api.requests
    assert request.path == path
    assert request.headers[header[0]] == header[1]
    assert json.loads(request.body)["model"] == "some-model"
    assert "this?" in request.body
    assert "decide" in request.body


@pytest.mark.parametrize("reply", [(500, "{}"), (200, "no json"), (200, '{"content": 1}'), (200, "x" * 100_000)])
async def test_whatever_goes_wrong_is_one_failure_without_the_key(
    api: ScriptedApi, keys: dict[str, ProviderSettings], reply: tuple[int, str]
) -> None:
    api.replies = [reply]
    model = configured(ModelSettings(name="anthropic:m", base_url=api.url), keys, httpx.AsyncHTTPTransport)
    assert model is not None
    with pytest.raises(ModelFailed) as failed:
        await model.answer("decide", "this?")
    assert KEY not in str(failed.value)


async def test_a_model_that_does_not_answer_fails_in_time(api: ScriptedApi, keys: dict[str, ProviderSettings]) -> None:
    model = configured(ModelSettings(name="anthropic:m", base_url=api.url, timeout=1.0), keys, httpx.AsyncHTTPTransport)
    assert model is not None
    with pytest.raises(ModelFailed, match="cannot be reached"):
        await model.answer("decide", "this?")


async def test_without_a_key_nothing_is_asked(api: ScriptedApi) -> None:
    model = configured(ModelSettings(name="anthropic:m", base_url=api.url), {}, httpx.AsyncHTTPTransport)
    assert model is not None
    with pytest.raises(ModelFailed, match="no key"):
        await model.answer("decide", "this?")
    assert api.requests == []


def test_no_model_is_no_model() -> None:
    assert configured(ModelSettings(), {}, httpx.AsyncHTTPTransport) is None


@pytest.mark.parametrize("name", ["claude", "elsewhere:m", "anthropic:", "anthropic:a b"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="name must be"):
        ModelSettings(name=name)


@pytest.mark.parametrize("url", ["http://example.org/", "ftp://127.0.0.1/", "example.org"])
def test_a_key_goes_nowhere_in_the_clear(url: str) -> None:
    with pytest.raises(ValueError, match="base_url"):
        ModelSettings(name="anthropic:m", base_url=url)
