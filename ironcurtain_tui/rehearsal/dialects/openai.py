"""What OpenAI's two wire formats have in common."""

from __future__ import annotations

from ironcurtain_tui.rehearsal.wire import as_json

_ERROR_CODES = {401: "invalid_api_key", 404: "not_found"}


def error(status: int, message: str) -> bytes:
    """The body of a refusal, https://platform.openai.com/docs/guides/error-codes."""
    return as_json(
        {
            "error": {
                "message": message,
                "type": "invalid_request_error",
                "param": None,
                "code": _ERROR_CODES.get(status),
            }
        }
    )
