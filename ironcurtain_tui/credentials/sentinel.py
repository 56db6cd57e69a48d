"""The fake key an agent gets in place of the real one."""

from __future__ import annotations

import secrets


def mint(prefix: str) -> str:
    """A new sentinel: ``prefix`` and the base64url form of 24 random bytes. One a session and provider."""
    return prefix + secrets.token_urlsafe(24)
