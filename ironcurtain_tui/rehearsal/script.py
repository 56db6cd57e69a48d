"""What the scripted model answers: a pure function from the conversation to the next turn.

Made for two readers. A newcomer types a word and is shown one thing each. A test writes directives, each on a
line of its own, carried out in order:

``RUN: <shell command>``   uses the agent's shell tool, whatever it is called, with exactly this command
``TOOL: <name> <json>``    uses this tool with these arguments; the name may leave out what stands for the server
``SAY: <text>``            ends the turn with this text instead of a quotation of the last result
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from ironcurtain_tui.rehearsal import toolbox
from ironcurtain_tui.rehearsal.conversation import Conversation, Result, Tool
from ironcurtain_tui.rehearsal.examples import example

QUOTED_LINES = 12
QUOTED_WIDTH = 200


@dataclass(frozen=True)
class Say:
    """Text for the person."""

    text: str


@dataclass(frozen=True)
class Use:
    """A tool for the agent to use, by the name under which it offers it."""

    tool: str
    arguments: dict[str, object]
    code: str = ""
    """Instead of arguments, for a tool that takes JavaScript."""


@dataclass(frozen=True)
class Turn:
    """One answer of the model."""

    blocks: tuple[Say | Use, ...]


@dataclass(frozen=True)
class Run:
    """A shell command that is to be run by whatever tool the agent has for it."""

    command: str


@dataclass(frozen=True)
class Call:
    """A tool that is to be called, by its name at its server."""

    tool: str
    arguments: dict[str, object]


@dataclass(frozen=True)
class Lesson:
    """One thing to be seen: said before, done, said after."""

    teaches: str
    before: str
    do: Run | Call
    after: str


LESSONS = {
    "look": Lesson(
        "list your project, as the agent sees it",
        "I ask the agent to list the directory it works in.",
        Run("pwd; ls -la"),
        "That is your project, mounted into the container. The rest of your disk is not there at all.",
    ),
    "write": Lesson(
        "create a file in your project",
        "I ask the agent to write a file.",
        Run(
            "echo 'Written by an agent in a container without a network. You can delete this file.' > rehearsal.txt\n"
            "ls -l rehearsal.txt"
        ),
        "rehearsal.txt now lies in your project, on your own disk and owned by you. In here the agent works freely.",
    ),
    "fetch": Lesson(
        "ask for a page from a host that is not on the list: you decide",
        "I ask the agent to fetch a page from a host that is not on the list. The request is held now, and nothing "
        "has left your machine. Press F2 to see exactly what it asks, and approve (a) or deny (d).",
        Run("curl -sS -m 110 -D - https://example.com/"),
        "Approved, the very bytes you saw went out; denied or left alone, nothing did. The traffic panel has the "
        "request, the audit log has the decision.",
    ),
    "key": Lesson(
        "look for API keys in the container",
        "I ask the agent to print the API keys in its environment.",
        Run("env | grep -i api_key"),
        "What looks like a key is a stand-in made for this session. The proxy replaces it on the way to the one host "
        "it is for. The real key never enters the container, so it cannot leak from there.",
    ),
    "network": Lesson(
        "try to get out without the proxy",
        "I ask the agent to go around the proxy.",
        Run(
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
        Call("ironcurtain__where_am_i", {}),
        "The agent asked over MCP, through the second of its two doors. Tools that reach outside will come this way.",
    ),
}

_DIRECTIVE = re.compile(r"^(RUN|TOOL|SAY): ?(.*)$", re.MULTILINE)
_TOOL = re.compile(r"(\S+)\s*(.*)", re.DOTALL)


def next_turn(conversation: Conversation, key_variable: str = "ANTHROPIC_API_KEY") -> Turn:
    """The scripted model's next turn. ``key_variable`` is where a person puts the key of a real model."""
    if conversation.schema is not None:
        return Turn((Say(json.dumps(example(conversation.schema))),))
    if conversation.aside:
        return Turn((Say("Rehearsal"),))
    if directives := _DIRECTIVE.findall(conversation.prompt):
        return _directed(conversation, directives)
    words = re.findall(r"[a-z]+", conversation.prompt.lower())
    lesson = LESSONS.get(words[0]) if words else None
    if lesson is None:
        return Turn((Say(_explanation(words, key_variable)),))
    if conversation.results:
        return Turn((Say(f"{_quoted(conversation.results[-1])}\n\n{lesson.after}"),))
    return _doing(conversation, lesson.do, f"{lesson.before} (This is a rehearsal: I am a script.)")


def _directed(conversation: Conversation, directives: list[tuple[str, str]]) -> Turn:
    uses = [(word, rest) for word, rest in directives if word != "SAY"]
    said = [rest for word, rest in directives if word == "SAY"]
    done = len(conversation.results)
    if done < len(uses):
        word, rest = uses[done]
        if word == "RUN":
            return _doing(conversation, Run(rest))
        match = _TOOL.fullmatch(rest)
        try:
            arguments = json.loads(match[2] or "{}") if match else None
        except ValueError:
            arguments = None
        if match is None or not isinstance(arguments, dict):
            return Turn((Say(f"This is no `TOOL: <name> <json object>`: {rest}"),))
        return _doing(conversation, Call(match[1], arguments))
    return Turn((Say("\n".join(said) if said else _quoted(conversation.results[-1])),))


def _doing(conversation: Conversation, what: Run | Call, before: str = "") -> Turn:
    """A turn that uses a tool, under the name by which the agent offers it; or says that it does not."""
    tools = conversation.tools
    tool = toolbox.shell(tools) if isinstance(what, Run) else toolbox.named(what.tool, tools)
    if tool is None:
        wanted = "that runs commands" if isinstance(what, Run) else f"called {what.tool}"
        offered = ", ".join(sorted(tools)) or "none"
        return Turn((Say(f"This needs a tool {wanted}, which this agent does not offer. Offered: {offered}."),))
    said = (Say(before),) if before else ()
    return Turn((*said, _use(tool, what)))


def _use(tool: Tool, what: Run | Call) -> Use:
    match what:
        case Run() if tool.takes_code:
            return Use(tool.name, {}, toolbox.command_code(what.command))
        case Run():
            return Use(tool.name, toolbox.command_arguments(tool, what.command))
        case Call() if tool.takes_code:
            return Use(tool.name, {}, toolbox.call_code(what.tool, what.arguments))
        case Call():
            return Use(tool.name, what.arguments)


def _quoted(result: Result) -> str:
    lines = [line[:QUOTED_WIDTH] for line in result.text.splitlines()]
    shown = lines[:QUOTED_LINES]
    if len(lines) > len(shown):
        shown.append(f"({len(lines) - len(shown)} more lines)")
    heading = "It failed and said:" if result.failed else "The result:"
    return "\n".join([heading, "```", *shown, "```"])


def _explanation(words: list[str], key_variable: str) -> str:
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
To work with a real model, set {key_variable} on your machine and start again."""
