"""OpenRouter: everybody's models behind one key, in three formats. It tells itself what a call cost."""

from __future__ import annotations

from ironcurtain_tui.policy.endpoint import Endpoint
from ironcurtain_tui.providers.base import BEARER, ModelEndpoint, Provider, ProviderHost
from ironcurtain_tui.providers.chat_completions import CHAT_COMPLETIONS, error_body
from ironcurtain_tui.providers.messages import COUNT_TOKENS, MESSAGES
from ironcurtain_tui.providers.responses import RESPONSES

OPENROUTER = Provider(
    name="openrouter",
    title="OpenRouter",
    hosts=(
        ProviderHost(
            name="openrouter.ai",
            credentials=(BEARER,),
            endpoints=(
                ModelEndpoint(method="POST", path="/api/v1/chat/completions", speaks=CHAT_COMPLETIONS),
                ModelEndpoint(method="POST", path="/api/v1/responses", speaks=RESPONSES),
                ModelEndpoint(method="POST", path="/api/v1/messages", query=("beta",), speaks=MESSAGES),
                ModelEndpoint(
                    method="POST", path="/api/v1/messages/count_tokens", query=("beta",), speaks=COUNT_TOKENS
                ),
                Endpoint(method="GET", path="/api/v1/models"),
            ),
        ),
    ),
    key_prefix="sk-or-v1-ironcurtain-",
    key_variable="OPENROUTER_API_KEY",
    error_body=error_body,
    base_url="https://openrouter.ai/api/v1",
    prices="openrouter",
)
