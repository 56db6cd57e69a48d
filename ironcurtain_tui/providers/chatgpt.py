"""ChatGPT's Codex service, opened by a log-in. Everything around the model is answered on this machine.

Codex tries chatgpt.com for settings, plug-ins and its own version, ab.chatgpt.com for telemetry: refused, it tries
again up to 21 times; a 404 it takes at once.
"""

from __future__ import annotations

import base64

from ironcurtain_tui.policy.endpoint import Endpoint
from ironcurtain_tui.providers.base import BEARER, ModelEndpoint, Provider, ProviderHost
from ironcurtain_tui.providers.chat_completions import error_body
from ironcurtain_tui.providers.responses import RESPONSES


def _part(claims: bytes) -> str:
    return base64.urlsafe_b64encode(claims).decode("ascii").rstrip("=") + "."


CHATGPT = Provider(
    name="chatgpt",
    title="ChatGPT",
    hosts=(
        ProviderHost(
            name="chatgpt.com",
            credentials=(BEARER,),
            endpoints=(
                ModelEndpoint(method="POST", path="/backend-api/codex/responses", speaks=RESPONSES),
                Endpoint(method="GET", path="/backend-api/codex/models", query=("client_version",)),
            ),
            otherwise=404,
        ),
        ProviderHost(name="auth.openai.com", otherwise=404),
        ProviderHost(name="ab.chatgpt.com", otherwise=404),
    ),
    key_prefix=_part(b'{"alg":"none","typ":"JWT"}')
    + _part(b'{"exp":4102444800,"iss":"ironcurtain","sub":"codex-fake"}'),
    key_variable="",
    error_body=error_body,
    base_url="https://chatgpt.com/backend-api/codex",
    prices="openai",
    account_header="chatgpt-account-id",
)
"""The prices are those of the API: what a call would have cost there."""
