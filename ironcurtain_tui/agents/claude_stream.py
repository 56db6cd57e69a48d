"""What ``claude -p --output-format stream-json --verbose`` prints: one JSON object a line.

As Claude Code 2.1.330 writes it: ``system`` (``init`` first), ``assistant`` and ``user`` with the messages of the
conversation, and ``result`` at the end, which is there even when the provider did not answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from ironcurtain_tui.agents.task import Step, StepKind, TaskReader, TaskReport, ended_badly
from ironcurtain_tui.events import TaskFailure

TOO_MANY_REQUESTS = 429


class ClaudeReader(TaskReader):
    """Keeps the last ``result``; steps are told as they come."""

    def __init__(self) -> None:
        self._result: dict[str, Any] | None = None

    def read(self, line: str) -> Sequence[Step]:
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            return (Step(StepKind.NOTE, line),) if line.strip() else ()
        match event:
            case {"type": "result"}:
                self._result = event
                return ()
            case {"type": "system", "subtype": "init", "model": str(model)}:
                return (Step(StepKind.NOTE, f"model {model}"),)
            case {"type": "system", "subtype": "api_retry"}:
                return (Step(StepKind.NOTE, _retry(event)),)
            case {"type": "assistant" | "user", "message": {"content": list(blocks)}}:
                return tuple(step for block in blocks for step in _steps(block))
            case _:
                return ()

    def report(self, exit_code: int, errors: str) -> TaskReport:
        result = self._result
        if result is None:
            return TaskReport("", TaskFailure.AGENT, ended_badly(exit_code, errors))
        text = _string(result.get("result"))
        if result.get("stop_reason") == "refusal":
            return TaskReport(text, reason="the model refused the task", refused=True)
        status = result.get("api_error_status")
        if status == TOO_MANY_REQUESTS:
            return TaskReport("", TaskFailure.QUOTA, text or "the provider's limit is used up")
        if isinstance(status, int) or result.get("terminal_reason") == "api_error":
            return TaskReport("", TaskFailure.PROVIDER, text or f"the provider answered with status {status}")
        if result.get("is_error"):
            return TaskReport(text, TaskFailure.AGENT, _why(result) or ended_badly(exit_code, errors))
        if not text.strip():
            return TaskReport(text, TaskFailure.EMPTY, "it ended without an answer")
        if exit_code != 0:
            return TaskReport(text, TaskFailure.AGENT, ended_badly(exit_code, errors))
        return TaskReport(text)


def _steps(block: object) -> Iterator[Step]:
    match block:
        case {"type": "text", "text": str(text)} if text.strip():
            yield Step(StepKind.TEXT, text)
        case {"type": "tool_use", "name": str(name), "input": given}:
            yield Step(StepKind.TOOL, f"{name} {_arguments(given)}".rstrip())
        case {"type": "tool_result", "content": content, **rest}:
            yield Step(StepKind.ERROR if rest.get("is_error") else StepKind.RESULT, _content(content))
        case _:
            return


def _arguments(given: object) -> str:
    """What a person wants to see of a tool's arguments: a command as it is, else all of them."""
    match given:
        case {"command": str(command)}:
            return command
        case {"file_path": str(path)}:
            return path
        case dict() if given:
            return json.dumps(given, ensure_ascii=False)
        case _:
            return ""


def _content(content: object) -> str:
    if isinstance(content, list):
        return "\n".join(_string(block.get("text")) for block in content if isinstance(block, dict))
    return _string(content)


def _why(result: dict[str, Any]) -> str:
    errors = result.get("errors")
    said = "; ".join(_string(each) for each in errors) if isinstance(errors, list) else ""
    return said or _string(result.get("result"))


def _retry(event: dict[str, Any]) -> str:
    match event:
        case {"error_status": int(status), "attempt": int(attempt), "max_retries": int(most)}:
            return f"the provider answered with status {status}; try {attempt} of {most}"
        case _:
            return "the provider did not answer; once more"


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""
