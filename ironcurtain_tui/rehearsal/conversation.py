"""What a request to a model says, as far as a script needs to know, whatever wire format it came in. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

_BESIDE = re.compile(
    r"<(system-reminder|environment_context|user_instructions|session_context|info-msg|current_datetime|reminder"
    r"|sql_tables|todo_status)\b[^>]*>.*?</\1>"
    r"|# AGENTS\.md instructions.*?</INSTRUCTIONS>|\[Request interrupted by user[^\]]*\]",
    re.DOTALL,
)
"""What agents put in beside the words of a person."""


@dataclass(frozen=True)
class Tool:
    """One that the agent offers."""

    name: str
    parameters: Mapping[str, object] = field(default_factory=dict)
    """JSON Schema of its arguments."""
    takes_code: bool = False
    """JavaScript instead of arguments; the agent's other tools are functions there (Codex)."""


@dataclass(frozen=True)
class Result:
    """What a tool gave back."""

    text: str
    failed: bool = False


@dataclass(frozen=True)
class Said:
    """What the agent sends for its person: their words, or a tool's result."""

    words: str = ""
    result: Result | None = None


@dataclass(frozen=True)
class Conversation:
    """The last thing a person asked for, and how far it has come."""

    prompt: str
    results: tuple[Result, ...]
    """Of the tools used since, in order."""
    tools: Mapping[str, Tool]
    """By name."""
    schema: Mapping[str, object] | None = None
    """JSON Schema that the answer must satisfy, if one was given."""
    aside: bool = False
    """The agent asks for itself (a title, a quota check), not for a person."""


def conversation(
    messages: Iterable[Iterable[Said]],
    tools: Iterable[Tool] = (),
    *,
    schema: object = None,
    aside: bool = False,
) -> Conversation:
    """Follow ``messages``, those of the person's side, to where they stand now."""
    prompt = ""
    results: list[Result] = []
    for message in messages:
        asked: list[str] = []
        for said in message:
            if said.result is not None:
                results.append(said.result)
                asked.clear()
            elif words := _BESIDE.sub("", said.words).strip():
                asked.append(words)
        if asked:
            prompt = "\n".join(asked)
            results.clear()
    return Conversation(
        prompt, tuple(results), {tool.name: tool for tool in tools}, schema if isinstance(schema, dict) else None, aside
    )
