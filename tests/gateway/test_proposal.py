"""Guessed roles, on tools as they are found in the wild."""

from typing import Any

import pytest
from mcp.types import Tool, ToolAnnotations

from ironcurtain_tui.gateway.proposal import propose, render
from ironcurtain_tui.policy.document import parse_annotations

TEXT, LIST, NUMBER = {"type": "string"}, {"type": "array", "items": {"type": "string"}}, {"type": "integer"}


def tool(name: str, /, description: str = "", **properties: Any) -> Tool:
    return Tool(name=name, description=description, inputSchema={"type": "object", "properties": properties})


@pytest.mark.parametrize(
    ("asked", "roles"),
    [
        (tool("read_file", path=TEXT, head=NUMBER), {"path": "read-path", "head": "none"}),
        (tool("readMultipleFiles", filePaths=LIST), {"filePaths": "read-path"}),
        (tool("write_file", path=TEXT, content=TEXT), {"path": "write-path", "content": "none"}),
        (tool("edit_file", path=TEXT), {"path": ("read-path", "write-path")}),
        (tool("delete_path", path=TEXT), {"path": "delete-path"}),
        (
            tool("move_file", source=TEXT, destination=TEXT),
            {"source": ("read-path", "delete-path"), "destination": "write-path"},
        ),
        (tool("frobnicate", file=TEXT), {"file": ("read-path", "write-path")}),
        (tool("fetch", url={"type": "string", "format": "uri"}), {"url": "fetch-url"}),
        (tool("git_clone", url=TEXT), {"url": "git-remote-url"}),
        (tool("git_push", repo_path=TEXT, remote=TEXT, branch=TEXT), {
            "repo_path": "write-history", "remote": "git-remote-url", "branch": "branch-name",
        }),
        (tool("create_issue", owner=TEXT, repo=TEXT, title=TEXT), {
            "owner": "github-owner", "repo": "github-repo", "title": "none",
        }),
        (tool("send_email", to=LIST, subject=TEXT, body=TEXT), {
            "to": "email-address", "subject": "none", "body": "email-body",
        }),
        (tool("share", permission=TEXT, flag={"type": "boolean"}), {"permission": "share-permission", "flag": "none"}),
        (tool("lookup", host={"anyOf": [TEXT, {"type": "null"}]}), {"host": "proxy-domain"}),
    ],
)  # fmt: skip
def test_guesses(asked: Tool, roles: dict[str, object]) -> None:
    assert propose([asked]).tools[asked.name].arguments == roles


def test_what_says_that_it_only_reads_is_believed_for_the_guess() -> None:
    asked = tool("frobnicate", file=TEXT)
    asked.annotations = ToolAnnotations(readOnlyHint=True)
    assert propose([asked]).tools["frobnicate"].arguments == {"file": "read-path"}


def test_whatever_a_server_calls_things_the_file_reads_as_meant() -> None:
    hostile = tool('a"b]\n[x', 'say "hi"\n[tools.evil]\x1b[2J', **{'q"\\\n = 1': TEXT, "path": TEXT, "é": LIST})
    proposed = propose([hostile, tool("plain")])
    text = render("some", proposed)
    assert parse_annotations(text, "test") == proposed
    assert "\x1b" not in text
