"""One question to a model, one short answer.

Spoken over httpx, which the product needs anyway: the providers' own libraries take one to three seconds and some
30 MB each to load, for one request without streams or tools.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import msgspec

from ironcurtain_tui.config import ModelSettings, ProviderSettings
from ironcurtain_tui.credentials.secret import Secret
from ironcurtain_tui.credentials.sources import resolve
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.providers import PROVIDERS
from ironcurtain_tui.providers.anthropic import ANTHROPIC

if TYPE_CHECKING:
    import httpx

LARGEST_ANSWER = 64 << 10
"""Bytes of a response."""


class ModelFailed(Exception):  # noqa: N818 -- an outcome every caller has an answer to
    """There is no answer; the text says why and holds no key."""


class Model(Protocol):
    """Somebody who can be asked."""

    async def answer(self, task: str, question: str) -> str:
        """The answer to ``question``, given what ``task`` says is to be done. ModelFailed when there is none."""


class _Block(msgspec.Struct):
    text: str = ""


class _Message(msgspec.Struct):
    content: str = ""


class _Choice(msgspec.Struct):
    message: _Message


class _MessagesReply(msgspec.Struct):
    """Of the Anthropic Messages API, docs.anthropic.com/en/api/messages."""

    content: list[_Block]

    def text(self) -> str:
        return "".join(block.text for block in self.content)


class _CompletionsReply(msgspec.Struct):
    """Of the OpenAI Chat Completions API, platform.openai.com/docs/api-reference/chat."""

    choices: list[_Choice]

    def text(self) -> str:
        return self.choices[0].message.content if self.choices else ""


@dataclass(frozen=True)
class HostedModel:
    """A model behind an HTTP API. ``key`` gives the key when it is needed; it may block and raise UserFacingError."""

    speaks_messages: bool
    """Anthropic's API; else OpenAI's."""
    base_url: str
    model: str
    timeout: float
    """Seconds."""
    key: Callable[[], Secret | None]
    transport: Callable[[], httpx.AsyncBaseTransport]
    """Opens the way out of this network, with verified TLS. May block and raise UserFacingError."""

    async def answer(self, task: str, question: str, *, most_tokens: int = 500) -> str:
        import httpx

        try:
            key = await asyncio.to_thread(self.key)
            way = await asyncio.to_thread(self.transport)
        except UserFacingError as error:
            raise ModelFailed(error.message) from None
        if key is None:
            raise ModelFailed("there is no key for the model")
        user = {"role": "user", "content": question}
        if self.speaks_messages:
            path, headers = "/v1/messages", {"x-api-key": key.reveal(), "anthropic-version": "2023-06-01"}
            body = {"model": self.model, "max_tokens": most_tokens, "system": task, "messages": [user]}
        else:
            path, headers = "/v1/chat/completions", {"authorization": f"Bearer {key.reveal()}"}
            messages = [{"role": "system", "content": task}, user]
            body = {"model": self.model, "max_completion_tokens": most_tokens, "messages": messages}
        try:
            async with asyncio.timeout(self.timeout), httpx.AsyncClient(timeout=self.timeout, transport=way) as client:
                response = await client.post(self.base_url + path, headers=headers, json=body)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise ModelFailed(f"the model cannot be reached ({type(error).__name__})") from None
        if response.status_code != httpx.codes.OK or len(response.content) > LARGEST_ANSWER:
            raise ModelFailed(f"the model answered with status {response.status_code}")
        try:
            if self.speaks_messages:
                text = msgspec.json.decode(response.content, type=_MessagesReply).text()
            else:
                text = msgspec.json.decode(response.content, type=_CompletionsReply).text()
        except msgspec.MsgspecError:
            raise ModelFailed("the model's answer cannot be read") from None
        return text.strip()


def configured(
    settings: ModelSettings,
    provider_settings: dict[str, ProviderSettings],
    transport: Callable[[], httpx.AsyncBaseTransport],
) -> Model | None:
    """The model that config.toml names, None when it names none. Nothing is asked and no key is read yet.

    ``transport`` opens the way to it.
    """
    if not settings.name:
        return None
    vendor, _, model = settings.name.partition(":")
    provider = PROVIDERS[vendor]
    sources = provider_settings.get(vendor, ProviderSettings())
    return HostedModel(
        speaks_messages=provider is ANTHROPIC,
        base_url=base_url(settings),
        model=model,
        timeout=settings.timeout,
        key=lambda: resolve(provider, sources),
        transport=transport,
    )


def base_url(settings: ModelSettings) -> str:
    """Where the API of the model that config.toml names begins."""
    vendor = settings.name.partition(":")[0]
    return (settings.base_url or f"https://{PROVIDERS[vendor].hosts[0].name}").rstrip("/")
