"""OpenAI's API, opened by a key. Codex, Qwen Code, Copilot CLI and aider were seen to ask only this of it."""

from __future__ import annotations

from ironcurtain_tui.policy.endpoint import Endpoint
from ironcurtain_tui.providers.base import BEARER, ModelEndpoint, Provider, ProviderHost
from ironcurtain_tui.providers.chat_completions import CHAT_COMPLETIONS, error_body
from ironcurtain_tui.providers.responses import RESPONSES

OPENAI = Provider(
    name="openai",
    title="OpenAI",
    hosts=(
        ProviderHost(
            name="api.openai.com",
            credentials=(BEARER,),
            endpoints=(
                ModelEndpoint(method="POST", path="/v1/responses", speaks=RESPONSES),
                ModelEndpoint(method="POST", path="/v1/chat/completions", speaks=CHAT_COMPLETIONS),
                Endpoint(method="GET", path="/v1/models"),
                Endpoint(method="GET", path="/v1/models/*"),
            ),
        ),
    ),
    key_prefix="sk-ironcurtain-",
    key_variable="OPENAI_API_KEY",
    error_body=error_body,
    base_url="https://api.openai.com/v1",
    prices="openai",
)
