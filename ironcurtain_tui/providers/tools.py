"""What the wire formats with a list of typed tools share: which of them, and which models, act out of sight."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from ironcurtain_tui.providers.body import Findings, Malformed, Object, objects, shown

_SEARCHING = re.compile(r"search-(preview|api)|deep-research|(^|[/-])(sonar|compound)(-|$)", re.IGNORECASE)
"""Models that search the web by themselves."""
_ONLINE = ":online"
"""OpenRouter's suffix for a model that is given what a web search found."""
_PRESET = "@preset/"
"""Stands in the name of a configuration that OpenRouter keeps, which may hold tools."""


def check_tools(holder: Object, findings: Findings, is_client_tool: Callable[[Object], bool]) -> None:
    """Find in ``tools`` those that the provider runs. With the last that was forced, ``tool_choice`` goes too."""
    tools = holder.get("tools")
    for tool in list(objects(tools, "tools")):
        if not is_client_tool(tool):
            named = tool.get("type") or tool.get("name")
            what = f"tool {shown(named)}" if isinstance(named, str) else "tool without a name"
            findings.add(what, partial(_take_out, holder, tool))


def check_model(document: Object, findings: Findings) -> None:
    """Find models that act by themselves."""
    models = document.get("models") or []
    if not isinstance(models, list):
        raise Malformed("models is not an array")
    for name in [document.get("model"), *models]:
        if name is None:
            continue
        if not isinstance(name, str):
            raise Malformed("a model's name is not a text")
        if _ONLINE in name.lower() or _PRESET in name.lower() or _SEARCHING.search(name):
            findings.add(f"model {shown(name)}", _without_suffix(document, name))


def _without_suffix(document: Object, name: str) -> Callable[[], None] | None:
    plain = name.removesuffix(_ONLINE)
    if plain == name or name != document.get("model") or _PRESET in plain.lower() or _SEARCHING.search(plain):
        return None
    return lambda: document.update(model=plain)


def _take_out(holder: Object, tool: Object) -> None:
    tools = holder["tools"]
    if not isinstance(tools, list):
        raise TypeError("tools were an array a moment ago")
    tools[:] = [each for each in tools if each is not tool]
    choice = holder.get("tool_choice")
    if not tools or (isinstance(choice, dict) and _is_forced(tool, choice)):
        holder.pop("tool_choice", None)


def _is_forced(tool: Object, choice: Object) -> bool:
    """Whether ``choice`` is of this tool: by its name, by its type, or as one among several."""
    several = choice.get("tools")
    if isinstance(several, list):
        return any(isinstance(each, dict) and _is_forced(tool, each) for each in several)
    name = tool.get("name")
    return choice.get("type") == tool.get("type") or (name is not None and choice.get("name") == name)
