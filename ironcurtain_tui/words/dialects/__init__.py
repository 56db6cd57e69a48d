"""The rules of the line editors that were measured (benchmarks/words.py), by the names that the adapters give them."""

from __future__ import annotations

from collections.abc import Mapping

from ironcurtain_tui.words.dialects.base import Dialect
from ironcurtain_tui.words.dialects.claude_code import CLAUDE_CODE
from ironcurtain_tui.words.dialects.codex import CODEX
from ironcurtain_tui.words.dialects.copilot import COPILOT
from ironcurtain_tui.words.dialects.gemini_cli import GEMINI_CLI
from ironcurtain_tui.words.dialects.goose import GOOSE
from ironcurtain_tui.words.dialects.opencode import OPENCODE
from ironcurtain_tui.words.dialects.qwen_code import QWEN_CODE
from ironcurtain_tui.words.dialects.readline import READLINE

DIALECTS: Mapping[str, Dialect] = {
    "claude-code": CLAUDE_CODE,
    "codex": CODEX,
    "copilot": COPILOT,
    "gemini-cli": GEMINI_CLI,
    "goose": GOOSE,
    "opencode": OPENCODE,
    "qwen-code": QWEN_CODE,
    "readline": READLINE,
}
UNMEASURED = Dialect()
"""For a program of which nothing is known."""
