"""A tool server that does what tests need: over stdio, or over streamable HTTP on the listening socket it is given."""

import asyncio
import os
import socket
import sys
from pathlib import Path
from typing import Any

import uvicorn
from mcp.server.fastmcp import Context, FastMCP

server = FastMCP("echo", log_level="WARNING")
Calling = Context[Any, Any, Any]


@server.tool()
def echo(text: str, path: str = "", times: int = 1) -> str:
    """Say it back."""
    return f"{text * times} {path}".strip()


@server.tool()
def environment(name: str) -> str:
    """One variable."""
    return os.environ.get(name, "(none)")


@server.tool()
async def wait(marker: str, context: Calling) -> str:
    """Never ends; leaves a file when it begins and another one when it is cancelled."""
    Path(marker, "began").touch()
    try:
        await context.report_progress(1, 10, "one of ten")
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        Path(marker, "cancelled").touch()
        raise
    return ""


@server.tool()
def crash() -> str:
    """End without an answer."""
    sys.stderr.write("about to crash\n")
    sys.stderr.flush()
    os._exit(3)


@server.tool()
async def grow(context: Calling) -> str:
    """Get another tool, and say so."""
    server.add_tool(lambda: "new", name="grown")
    await context.session.send_tool_list_changed()
    return "grown"


@server.tool(name="not a name!")
def odd() -> str:
    """Has a name no agent could use."""
    return ""


@server.resource("note://one")
def note() -> str:
    """A note."""
    return f"a note in {os.getcwd()}"  # noqa: PTH109


@server.resource("note://about/{topic}")
def about(topic: str) -> str:
    """Notes about anything."""
    return f"about {topic}"


@server.prompt()
def greet(name: str) -> str:
    """A greeting."""
    return f"Say hello to {name}."


if __name__ == "__main__":
    Path(os.environ.get("PID_FILE", os.devnull)).write_text(str(os.getpid()))
    if len(sys.argv) > 1:
        web = uvicorn.Server(uvicorn.Config(server.streamable_http_app(), log_level="warning"))
        web.run(sockets=[socket.socket(fileno=int(sys.argv[1]))])
    else:
        server.run()
