"""The tools of different agents under the names that the script knows them by. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping

from ironcurtain_tui.rehearsal.conversation import Tool
from ironcurtain_tui.rehearsal.examples import example

SHELLS = ("Bash", "bash", "run_shell_command", "shell", "developer__shell", "exec_command", "shell_command")
"""Claude Code, OpenCode and Copilot, Gemini CLI and Qwen Code, Goose twice, Codex with its older models twice."""
COMMANDS = ("command", "cmd")
"""What the argument is called that holds the command."""
EXEC_PRAGMA = '// @exec: {"yield_time_ms": 3600000}'
"""Codex would else take back control from JavaScript that runs longer than half a minute."""


def shell(tools: Mapping[str, Tool]) -> Tool | None:
    """The tool that runs a shell command, None when there is none."""
    return next((tools[name] for name in SHELLS if name in tools), None) or _for_code(tools)


def named(name: str, tools: Mapping[str, Tool]) -> Tool | None:
    """The tool ``name``, before which the agent may have put its server's name; None when it is not offered."""
    endings = tuple(f"{separator}{name}" for separator in ("_", "-", "."))
    fitting = sorted(each for each in tools if each == name or each.endswith(endings))
    return tools[fitting[0]] if fitting else _for_code(tools)


def command_arguments(tool: Tool, command: str) -> dict[str, object]:
    """Arguments with which ``tool`` runs ``command``."""
    properties = tool.parameters.get("properties")
    offered = properties if isinstance(properties, Mapping) else {}
    place = next((each for each in COMMANDS if each in offered), COMMANDS[0])
    return {place: command} | missing(tool, {place})


def missing(tool: Tool, given: set[str]) -> dict[str, object]:
    """An example of every argument that ``tool`` wants and is not among ``given``."""
    match tool.parameters:
        case {"required": list(required), "properties": dict(properties)}:
            return {name: example(properties.get(name, {})) for name in required if name not in given}
        case _:
            return {}


def command_code(command: str) -> str:
    """JavaScript by which Codex runs ``command`` and shows what it printed."""
    return f"""\
{EXEC_PRAGMA}
let step = await tools.exec_command({json.dumps({"cmd": command, "yield_time_ms": 30000})});
let output = step.output;
while (step.session_id !== undefined) {{
  step = await tools.write_stdin({{ session_id: step.session_id, yield_time_ms: 300000 }});
  output += step.output;
}}
text(output);
"""


def call_code(name: str, arguments: Mapping[str, object]) -> str:
    """JavaScript by which Codex calls the tool ``name`` and shows its result."""
    return f"""\
{EXEC_PRAGMA}
const name = {json.dumps(name)};
const found = ALL_TOOLS.find((tool) => tool.name === name || tool.name.endsWith("_" + name));
const result = found ? await tools[found.name]({json.dumps(arguments)}) : `There is no tool called ${{name}}.`;
text(result.content ? result.content.map((part) => part.text).join("\\n") : result);
"""


def _for_code(tools: Mapping[str, Tool]) -> Tool | None:
    return next((tool for tool in tools.values() if tool.takes_code and tool.name == "exec"), None)
