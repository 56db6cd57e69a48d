"""What the scripted model answers: a pure function from the conversation to the next turn.

Made for two readers. A newcomer types a word and is shown one thing each. A test writes directives, each on a
line of its own, carried out in order:

``RUN: <shell command>``   uses the agent's shell tool with exactly this command
``TOOL: <name> <json>``    uses this tool with these arguments; the name may leave out ``mcp__<server>__``
``SAY: <text>``            ends the turn with this text instead of a quotation of the last result
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from ironcurtain_tui.rehearsal.conversation import Conversation, Result

SHELL_TOOL = "Bash"
WRITE_TOOL = "Write"
QUOTED_LINES = 12
QUOTED_WIDTH = 200


@dataclass(frozen=True)
class Say:
    """Text for the person."""

    text: str


@dataclass(frozen=True)
class Use:
    """A tool for the agent to use."""

    tool: str
    arguments: dict[str, object]


@dataclass(frozen=True)
class Turn:
    """One answer of the model."""

    blocks: tuple[Say | Use, ...]


@dataclass(frozen=True)
class Lesson:
    """One thing to be seen: said before, done, said after."""

    teaches: str
    before: str
    use: Use
    after: str


def _shell(command: str) -> Use:
    return Use(SHELL_TOOL, {"command": command, "description": "Rehearsal"})


LESSONS = {
    "look": Lesson(
        "list your project, as the agent sees it",
        "I ask the agent to list the directory it works in.",
        _shell("pwd; ls -la"),
        "That is your project, mounted into the container. The rest of your disk is not there at all.",
    ),
    "write": Lesson(
        "create a file in your project",
        "I ask the agent to write a file.",
        Use(
            WRITE_TOOL,
            {
                "file_path": "/workspace/rehearsal.txt",
                "content": "Written by an agent in a container without a network. You can delete this file.\n",
            },
        ),
        "rehearsal.txt now lies in your project, on your own disk and owned by you. In here the agent works freely.",
    ),
    "fetch": Lesson(
        "ask for a page from a host that is not on the list: you decide",
        "I ask the agent to fetch a page from a host that is not on the list. The request is held now, and nothing "
        "has left your machine. Press F2 to see exactly what it asks, and approve (a) or deny (d).",
        _shell("curl -sS -m 110 -D - https://example.com/"),
        "That was your decision: approved, the very bytes you saw went out; denied, the agent was told so. The traffic "
        "panel has the request, the audit log has the decision.",
    ),
    "key": Lesson(
        "look for API keys in the container",
        "I ask the agent to print the API keys in its environment.",
        _shell("env | grep -i api_key"),
        "What looks like a key is a stand-in made for this session. The proxy replaces it on the way to the one host "
        "it is for. The real key never enters the container, so it cannot leak from there.",
    ),
    "network": Lesson(
        "try to get out without the proxy",
        "I ask the agent to go around the proxy.",
        _shell(
            "echo Interfaces: $(ls /sys/class/net)\n"
            "echo Routes: $(tail -n +2 /proc/net/route | wc -l)\n"
            "timeout 5 curl -sS -m 4 --noproxy '*' http://192.0.2.1/ 2>&1\n"
            "timeout 5 getent hosts example.com || echo No name resolves"
        ),
        "No interface but loopback, no route, no name service: there is no network to go around by.",
    ),
    "where": Lesson(
        "ask the gateway what holds in this session",
        "I ask the agent to use the one tool that the gateway offers.",
        Use("ironcurtain__where_am_i", {}),
        "The agent asked over MCP, through the second of its two doors. Tools that reach outside will come this way.",
    ),
}

_DIRECTIVE = re.compile(r"^(RUN|TOOL|SAY): ?(.*)$", re.MULTILINE)
_TOOL = re.compile(r"(\S+)\s*(.*)", re.DOTALL)


def next_turn(conversation: Conversation) -> Turn:
    """The scripted model's next turn."""
    if conversation.schema is not None:
        return Turn((Say(json.dumps(example(conversation.schema))),))
    if conversation.aside:
        return Turn((Say("Rehearsal"),))
    if directives := _DIRECTIVE.findall(conversation.prompt):
        return _directed(conversation, directives)
    words = re.findall(r"[a-z]+", conversation.prompt.lower())
    lesson = LESSONS.get(words[0]) if words else None
    if lesson is None:
        return Turn((Say(_explanation(words)),))
    if conversation.results:
        return Turn((Say(f"{_quoted(conversation.results[-1])}\n\n{lesson.after}"),))
    return _using(conversation, lesson.use, f"{lesson.before} (This is a rehearsal: I am a script.)")


def example(schema: dict[str, object]) -> object:
    """The plainest value that satisfies a simple JSON Schema: objects, arrays, enumerations and scalars."""
    match schema:
        case {"const": value} | {"enum": [value, *_]}:
            return value
        case {"type": "object"}:
            properties = schema.get("properties")
            members = properties if isinstance(properties, dict) else {}
            return {name: example(member) for name, member in members.items()}
        case {"type": "array"}:
            return []
        case {"type": "integer" | "number"}:
            return 0
        case {"type": "boolean"}:
            return False
        case {"type": "null"}:
            return None
        case _:
            return "Rehearsal"


def _directed(conversation: Conversation, directives: list[tuple[str, str]]) -> Turn:
    uses = [(word, rest) for word, rest in directives if word != "SAY"]
    said = [rest for word, rest in directives if word == "SAY"]
    done = len(conversation.results)
    if done < len(uses):
        word, rest = uses[done]
        if word == "RUN":
            return _using(conversation, _shell(rest))
        match = _TOOL.fullmatch(rest)
        try:
            arguments = json.loads(match[2] or "{}") if match else None
        except ValueError:
            arguments = None
        if match is None or not isinstance(arguments, dict):
            return Turn((Say(f"This is no `TOOL: <name> <json object>`: {rest}"),))
        return _using(conversation, Use(match[1], arguments))
    return Turn((Say("\n".join(said) if said else _quoted(conversation.results[-1])),))


def _using(conversation: Conversation, use: Use, before: str = "") -> Turn:
    """A turn that uses a tool, under the name by which the agent offers it; or says that it does not."""
    names = sorted(name for name in conversation.tools if name == use.tool or name.endswith(f"__{use.tool}"))
    if not names:
        offered = ", ".join(sorted(conversation.tools)) or "none"
        return Turn(
            (Say(f"This needs a tool called {use.tool}, which this agent does not offer. Offered: {offered}."),)
        )
    said = (Say(before),) if before else ()
    return Turn((*said, Use(names[0], use.arguments)))


def _quoted(result: Result) -> str:
    lines = [line[:QUOTED_WIDTH] for line in result.text.splitlines()]
    shown = lines[:QUOTED_LINES]
    if len(lines) > len(shown):
        shown.append(f"({len(lines) - len(shown)} more lines)")
    heading = "It failed and said:" if result.failed else "The result:"
    return "\n".join([heading, "```", *shown, "```"])


def _explanation(words: list[str]) -> str:
    opening = (
        "This is a rehearsal."
        if not words or words[0] in {"help", "hello", "hi"}
        else "I cannot do that: this is a rehearsal."
    )
    width = max(map(len, LESSONS))
    commands = "\n".join(f"{word:<{width}}  {lesson.teaches}" for word, lesson in LESSONS.items())
    return f"""\
{opening} No model reads this; a short script of IronCurtain's stands in for one, because no key was found. \
All the rest is real: the agent, its container, the proxy, the policy and the audit log.

Type one of these words and watch the panels:
```
{commands}
{"help":<{width}}  this text
```
To work with a real model, set ANTHROPIC_API_KEY on your machine and start again."""
