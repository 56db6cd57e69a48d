"""Anthropic's Messages API.

Endpoints, headers and the behaviour on errors are those of Claude Code 2.1.330, seen on the wire: only
``POST /v1/messages`` is essential. The managed-settings endpoints get a 404, which it takes silently (a 403
draws a warning, an empty 200 costs five seconds of retries), and so do telemetry and experiments: nothing is sent,
and nobody is told an invented success. An error in the API's own form with ``x-should-retry: false`` is shown to the
user at once; any other form is retried for minutes. The key comes as ``x-api-key``, from an ``apiKeyHelper`` as a
bearer token besides, and from a log-in as a bearer token alone.
"""

from __future__ import annotations

from dataclasses import replace

from ironcurtain_tui.policy.endpoint import Endpoint
from ironcurtain_tui.providers.base import BEARER, CredentialPlace, ModelEndpoint, Provider, ProviderHost
from ironcurtain_tui.providers.messages import COUNT_TOKENS, MESSAGES, error_body

_UNSENT = tuple(
    Endpoint(method=method, path=path, answer=404)
    for method, path in (
        ("GET", "/api/hello"),
        ("GET", "/api/claude_code/settings"),
        ("GET", "/api/claude_code/policy_limits"),
        ("GET", "/api/claude_code/organizations/metrics_enabled"),
        ("GET", "/api/claude_code_penguin_mode"),
        ("GET", "/api/claude_cli/bootstrap"),
        ("GET", "/api/directory/server-urls"),
        ("GET", "/api/oauth/*"),
        ("GET", "/api/oauth/*/*"),
        ("GET", "/mcp-registry/v0/servers"),
        ("POST", "/api/claude_code/metrics"),
        ("POST", "/api/event_logging/batch"),
        ("POST", "/api/event_logging/v2/batch"),
        ("POST", "/api/eval/*"),
    )
)
"""Settings from the account, telemetry, experiments."""

_API = ProviderHost(
    name="api.anthropic.com",
    credentials=(CredentialPlace("x-api-key"), BEARER),
    endpoints=(
        ModelEndpoint(method="POST", path="/v1/messages", query=("beta",), speaks=MESSAGES),
        ModelEndpoint(method="POST", path="/v1/messages/count_tokens", query=("beta",), speaks=COUNT_TOKENS),
        Endpoint(method="GET", path="/v1/models", query=("limit", "beta", "after_id", "before_id")),
        *_UNSENT,
    ),
)

_BESIDES = tuple(
    ProviderHost(name=name, otherwise=404)
    for name in ("platform.claude.com", "statsig.anthropic.com", "downloads.claude.ai")
)
"""Greeting and log-in, experiments, the marketplace of plug-ins."""

_BY_LOGIN = Provider(
    name="anthropic",
    title="Anthropic",
    hosts=(replace(_API, credentials=(BEARER,)), *_BESIDES),
    key_prefix="sk-ant-oat01-ironcurtain-",
    key_variable="",
    error_body=error_body,
    base_url="https://api.anthropic.com",
    prices="anthropic",
)

ANTHROPIC = replace(
    _BY_LOGIN,
    hosts=(_API, *_BESIDES),
    key_prefix="sk-ant-api03-ironcurtain-",
    key_variable="ANTHROPIC_API_KEY",
    login=_BY_LOGIN,
)
