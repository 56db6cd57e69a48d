"""Google's Gemini API, opened by a key. Gemini CLI calls two models, one of which chooses the other."""

from __future__ import annotations

from ironcurtain_tui.policy.endpoint import Endpoint
from ironcurtain_tui.providers.base import CredentialPlace, ModelEndpoint, Provider, ProviderHost
from ironcurtain_tui.providers.generate_content import COUNT_TOKENS, GENERATE_CONTENT, error_body

GOOGLE = Provider(
    name="google",
    title="Google Gemini",
    hosts=(
        ProviderHost(
            name="generativelanguage.googleapis.com",
            credentials=(CredentialPlace("x-goog-api-key"),),
            endpoints=tuple(
                endpoint
                for version in ("v1beta", "v1")
                for endpoint in (
                    ModelEndpoint(method="POST", path=f"/{version}/models/*:generateContent", speaks=GENERATE_CONTENT),
                    ModelEndpoint(
                        method="POST",
                        path=f"/{version}/models/*:streamGenerateContent",
                        query=("alt",),
                        speaks=GENERATE_CONTENT,
                    ),
                    ModelEndpoint(method="POST", path=f"/{version}/models/*:countTokens", speaks=COUNT_TOKENS),
                    Endpoint(method="GET", path=f"/{version}/models", query=("pageSize",)),
                    Endpoint(method="GET", path=f"/{version}/models/*"),
                )
            ),
        ),
        ProviderHost(name="play.googleapis.com", otherwise=404),
    ),
    key_prefix="AIzaSy-ironcurtain-",
    key_variable="GEMINI_API_KEY",
    error_body=error_body,
    base_url="https://generativelanguage.googleapis.com",
    prices="google",
)
"""``play.googleapis.com`` gets the telemetry of Google's programs."""
