"""``ironcurtain-tui mcp``: the tool servers of the agent, and adding one."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec
from mcp.types import Tool

from ironcurtain_tui import config, paths
from ironcurtain_tui.config import McpServerSettings, McpSettings
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.gateway.defaults import BUILT_IN, servers
from ironcurtain_tui.gateway.proposal import propose, render
from ironcurtain_tui.gateway.upstream import START_SECONDS, ServerState, Upstream
from ironcurtain_tui.policy.annotations import ServerAnnotations
from ironcurtain_tui.policy.document import parse_annotations, read_text, toml, write_text
from ironcurtain_tui.policy.load import USER_ANNOTATIONS, load_annotations
from ironcurtain_tui.supervisor.way_out import WayOut


def run(options: argparse.Namespace) -> str:
    """Carry out the command; what to print. UserFacingError says why not."""
    return _add(options) if options.mcp_command == "add" else _list()


def _list() -> str:
    settings = config.load().mcp
    annotations = load_annotations(paths.home() / USER_ANNOTATIONS)
    active = servers(settings)
    lines = [f"{'SERVER':<20}{'FROM':<10}{'ANNOTATED':<11}COMMAND OR ADDRESS"]
    for name in dict.fromkeys((*BUILT_IN, *settings.servers)):
        one = active.get(name)
        origin = "settings" if name in settings.servers else "built in"
        how = "(switched off)" if one is None else one.url or " ".join((one.command, *one.args))
        known = len(annotations.get(name, ServerAnnotations()).tools)
        lines.append(
            f"{name:<20}{origin:<10}{known:<11}{_printable(how) if one is None or name in settings.servers else ''}"
        )
    return "\n".join(lines)


def _add(options: argparse.Namespace) -> str:
    name, home = options.name, paths.home()
    one = _settings(name, options, options.server_command)
    table, settings = home / USER_ANNOTATIONS / f"{name}.toml", home / "config.toml"
    if name in config.load(settings).mcp.servers:
        raise UserFacingError(f"There is a server called {name} already.", f"Edit {settings}, or take another name.")
    tools = asyncio.run(_look(name, one))
    known = read_text(table)
    annotations = propose(tools)
    if known is None:
        text = render(name, annotations)
        if parse_annotations(text, str(table)) != annotations:
            raise UserFacingError("The proposal would not read as meant.", "Please report it with the server's name.")
        write_text(table, text)
    else:
        annotations = parse_annotations(known, str(table))
    before = read_text(settings) or ""
    separator = "" if not before else "\n" if before.endswith("\n") else "\n\n"
    write_text(settings, f"{before}{separator}{_section(name, one)}")
    config.load(settings)
    width = max((len(tool.name) for tool in tools), default=0)
    lines = [f"{name} has {len(tools)} tools:"]
    lines += [f"  {tool.name:<{width}}  {_roles(annotations, tool.name)}" for tool in tools]
    lines += [
        f"It is in {settings}; what its arguments mean is {'a guess ' if known is None else 'told '}in {table}.",
        "Read that file through: the policy judges calls by it. New sessions have the server.",
    ]
    return "\n".join(lines)


def _settings(name: str, options: argparse.Namespace, command: Sequence[str]) -> McpServerSettings:
    try:
        one = McpServerSettings(
            command=command[0] if command else "",
            args=tuple(command[1:]),
            env=dict(map(_variable, options.env)),
            cwd=options.cwd,
            url=options.url,
            headers=dict(map(_variable, options.header)),
        )
        McpSettings(servers={name: one})
    except ValueError as error:
        raise UserFacingError(
            f"That is no server: {error}.", "Like this: ironcurtain-tui mcp add NAME -- COMMAND ARGUMENTS..."
        ) from error
    return one


def _variable(text: str) -> tuple[str, str]:
    """``NAME=VALUE``; ``NAME`` alone stands for the host's variable of this name, whose value is not written down."""
    name, given, value = text.partition("=")
    return name, value if given else f"${{{name}}}"


async def _look(name: str, one: McpServerSettings) -> Sequence[Tool]:
    """The server's tools. UserFacingError when it does not start."""
    settled: asyncio.Queue[tuple[ServerState, str]] = asyncio.Queue()
    with tempfile.TemporaryDirectory(prefix="ironcurtain-mcp-") as directory:
        log = Path(directory) / "log"
        server = Upstream(
            name,
            one,
            Path(directory),
            log,
            lambda _, state, reason: settled.put_nowait((state, reason)),
            transport=WayOut(config.load().network).transport,
        )
        server.start()
        try:
            async with asyncio.timeout(START_SECONDS + 5):
                state, reason = await settled.get()
            if state is ServerState.UP:
                return await server.tools()
        except TimeoutError:
            reason = "it does not answer"
        finally:
            await server.stop()
        words = (read_text(log) or "").splitlines()[-8:]
    said = "\n".join(f"  {_printable(line)}" for line in words)
    raise UserFacingError(f"The server {name} did not start: {reason}.\n{said}", "Try its command by hand.")


def _section(name: str, one: McpServerSettings) -> str:
    values = {key: value for key, value in msgspec.to_builtins(one).items() if value not in ("", (), [], {}, True)}
    return f"[mcp.servers.{name}]\n" + "".join(f"{key} = {toml(value)}\n" for key, value in values.items())


def _roles(annotations: ServerAnnotations, tool: str) -> str:
    arguments = annotations.tools[tool].arguments if tool in annotations.tools else {}
    named = (
        f"{argument}: {' + '.join(roles) if isinstance(roles, tuple) else roles}"
        for argument, roles in arguments.items()
        if isinstance(roles, (str, tuple)) and roles != "none"
    )
    return _printable(", ".join(named) or "-")


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)
