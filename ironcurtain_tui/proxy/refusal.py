"""How the proxy says no."""

from __future__ import annotations

import json

from mitmproxy import http

from ironcurtain_tui.events import Decision
from ironcurtain_tui.policy.action import Verdict
from ironcurtain_tui.providers.base import Provider

_WORTH_RETRYING = frozenset({502})
"""The network's fault, or the server's, but not the policy's."""


LONGEST_PHRASE = 400
"""Bytes of a reason in a status line."""


class Refusal(Exception):  # noqa: N818 (an outcome, not an error)
    """Raised by an add-on: the request (or connection) goes no further.

    ``recorded`` says that the gate already knows, because it is its own verdict; ``decision`` is DENY, or
    ANSWER when the policy wants the request answered here; ``retry``, that asking again later may help;
    ``tripwire``, that a key was found where it has no business; ``no_way``, that nobody says no to what was admitted,
    but there is no way to its host.
    """

    def __init__(
        self,
        status: int,
        reason: str,
        *,
        recorded: bool = False,
        decision: Decision = Decision.DENY,
        retry: bool = False,
        tripwire: bool = False,
        no_way: bool = False,
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.recorded = recorded
        self.decision = decision
        self.retry = retry or status in _WORTH_RETRYING
        self.tripwire = tripwire
        self.no_way = no_way

    @classmethod
    def of(cls, verdict: Verdict) -> Refusal:
        """What a verdict that allows nothing means for a request."""
        if verdict.decision is Decision.ANSWER:
            return cls(verdict.answer_status or 404, verdict.reason, recorded=True, decision=Decision.ANSWER)
        status = verdict.answer_status or 403
        return cls(status, verdict.reason or "the policy denies it", recorded=True, retry=verdict.retry)


class AskAgain(Exception):  # noqa: N818 (an outcome, not an error)
    """Raised by an add-on about a response: it is dropped, and the request, as it stands now, sent once more."""


def body(
    status: int,
    reason: str,
    provider: Provider | None,
    *,
    decision: Decision = Decision.DENY,
    retry: bool = False,
) -> bytes:
    """What the agent reads: in the provider's form when there is one, so that its client shows it."""
    answered = decision is Decision.ANSWER
    message = f"IronCurtain: {reason}." if answered else _message(status, reason, retry=retry)
    if provider is not None:
        return provider.error_body(status, message)
    retry = retry or status in _WORTH_RETRYING
    error = {"type": "ironcurtain_refusal", "status": status, "message": message, "retry": retry}
    return json.dumps({"error": error}).encode() + b"\n"


def _message(status: int, reason: str, *, retry: bool) -> str:
    if status in _WORTH_RETRYING:
        return f"IronCurtain could not pass this on: {reason}."
    advice = "It may be allowed later." if retry else "Trying again will not help."
    return f"IronCurtain refused this: {reason}. {advice}"


def to_installer(status: int, reason: str, *, close: bool) -> http.Response:
    """A refusal for a package installer. pip and apt show the reason phrase, npm that and ``error``, Cargo the body."""
    refused = response(
        status, json.dumps({"error": _message(status, reason, retry=True)}).encode() + b"\n", close=close
    )
    phrase = f"IronCurtain: {reason}".encode("ascii", "replace")
    refused.data.reason = bytes(byte if 32 <= byte < 127 else 63 for byte in phrase[:LONGEST_PHRASE])
    return refused


def response(status: int, content: bytes, *, close: bool) -> http.Response:
    """A response of our own, on HTTP/1.1. ``x-should-retry`` is what Anthropic's and OpenAI's clients heed."""
    headers = {"content-type": "application/json", "cache-control": "no-store"}
    if status not in _WORTH_RETRYING:
        headers["x-should-retry"] = "false"
    if status == 407:
        headers["proxy-authenticate"] = 'Basic realm="IronCurtain"'
    if close:
        headers["connection"] = "close"
    return http.Response.make(status, content, headers)
