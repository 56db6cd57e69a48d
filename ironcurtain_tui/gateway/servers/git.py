"""Git's traffic with other machines, on the person's behalf. What needs no network, the agent does in its container."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Annotated, Any

from mcp.server.fastmcp import FastMCP
from mcp.server.fastmcp.exceptions import ToolError
from mcp.types import ToolAnnotations
from pydantic import Field

from ironcurtain_tui.gateway.servers.child import Owner, run
from ironcurtain_tui.gateway.servers.fence import Fence
from ironcurtain_tui.gateway.servers.repository import (
    NETWORK_SECONDS,
    Repository,
    checked_url,
    environment,
    git,
    local_path,
    opened,
    private_directory,
)
from ironcurtain_tui.gateway.upstream import COMPLETES

server = FastMCP("git", log_level="WARNING")

READS = ToolAnnotations(readOnlyHint=True, openWorldHint=False)
ASKS = ToolAnnotations(readOnlyHint=True, openWorldHint=True)
WRITES = ToolAnnotations(readOnlyHint=False, destructiveHint=False, openWorldHint=True)
DESTROYS = ToolAnnotations(readOnlyHint=False, destructiveHint=True, openWorldHint=True)

PathArgument = Annotated[str, Field(description="The repository; default: the workspace.")]
RemoteArgument = Annotated[str, Field(description="Name of a remote, or a URL.")]
COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
MOST_COMMITS = 200
_AS_A_WHOLE = ("-T",) if sys.platform == "linux" else ()
"""Not into the target, should it exist by then."""


@server.tool(annotations=READS, structured_output=False)
async def git_status(path: PathArgument = ".") -> str:
    """Branch and changed files of a repository, as `git status` shows them."""
    async with opened(_real(path)) as repository:
        return await repository.git("status", "--branch", "--short", "--ignore-submodules=all", "--no-renames")


@server.tool(annotations=READS, structured_output=False)
async def git_log(path: PathArgument = ".", max_count: Annotated[int, Field(ge=1, le=MOST_COMMITS)] = 20) -> str:
    """The newest commits of the current branch."""
    async with opened(_real(path)) as repository:
        return await repository.git("log", f"--max-count={max_count}", "--format=%h %ad %an: %s", "--date=short")


@server.tool(annotations=READS, structured_output=False)
async def git_remote(path: PathArgument = ".") -> str:
    """The remotes of a repository and their URLs."""
    async with opened(_real(path)) as repository:
        return "\n".join(f"{name}\t{url}" for name, url in repository.remotes.items()) or "There is no remote."


@server.tool(annotations=ASKS, structured_output=False)
async def git_ls_remote(path: PathArgument = ".", remote: RemoteArgument = "origin") -> str:
    """The branches and tags of a remote."""
    async with opened(_real(path)) as repository:
        url = repository.url_for(remote, push=False)
        _outside(url, repository.path)
        return await repository.git("ls-remote", "--heads", "--tags", "--", url, url=url, seconds=NETWORK_SECONDS)


@server.tool(annotations=WRITES, structured_output=False)
async def git_fetch(path: PathArgument = ".", remote: RemoteArgument = "origin") -> str:
    """Fetch the branches of a remote. Changes no branch of the repository, only what it knows of the remote's."""
    async with opened(_real(path)) as repository:
        return await _fetch(repository, remote) or "Nothing new."


@server.tool(annotations=WRITES, structured_output=False)
async def git_pull(
    path: PathArgument = ".",
    remote: RemoteArgument = "origin",
    branch: Annotated[str, Field(description="Default: the branch that is checked out.")] = "",
) -> str:
    """Fetch a branch and move the checked-out branch forward to it. Merges nothing: to merge, fetch."""
    async with opened(_real(path)) as repository:
        branch = branch or await _current_branch(repository)
        fetched = await _fetch(repository, remote)
        name = repository.name_of(repository.url_for(remote, push=False))
        merged = await repository.git("merge", "--ff-only", "--no-verify-signatures", f"refs/remotes/{name}/{branch}")
        return "\n".join(part for part in (fetched, merged) if part)


@server.tool(annotations=DESTROYS, structured_output=False)
async def git_push(
    path: PathArgument = ".",
    remote: RemoteArgument = "origin",
    branch: Annotated[
        str, Field(description="Branch to push, to one of the same name; default: the current one.")
    ] = "",
    commit: Annotated[str, Field(description="What to push, all of its hash; default: the branch's newest.")] = "",
    force: Annotated[bool, Field(description="Also replace commits that the remote has and you have not.")] = False,
) -> str:
    """Push one branch. A person usually has to approve it and sees the commits that would go."""
    async with opened(_real(path)) as repository:
        asked = await _completed_push(repository, remote, branch, commit)
        url = asked["remote"]
        repository.connect(url)
        refspec = f"{'+' if force else ''}{asked['commit']}:refs/heads/{asked['branch']}"
        where = repository.name_of(url) or url
        return await repository.git(
            "push", "--porcelain", "--no-verify", "--no-follow-tags", "--", where, refspec,
            url=url, push=True, seconds=NETWORK_SECONDS,
        )  # fmt: skip


@server.tool(annotations=WRITES, structured_output=False)
async def git_clone(
    remote: Annotated[str, Field(description="URL of what to clone.")],
    path: Annotated[str, Field(description="Where to put it: a directory that does not exist yet.")],
) -> str:
    """Clone a repository."""
    target = _real(path)
    parent = target.parent
    if os.path.lexists(target) or not os.path.isdir(parent):  # noqa: ASYNC240, PTH112
        raise ToolError(f"{target} exists already, or the directory above it does not")
    url = checked_url(remote, parent)
    _outside(url, parent)
    owner = Owner.of(parent)
    other = local_path(url)
    async with private_directory(owner) as private:
        cloned = private / "clone"
        finished = await git(
            ["clone", "--template=", "--no-recurse-submodules", "--", url, str(cloned)],
            private=private, owner=owner, readable=[Path(other)] if other else [], seconds=NETWORK_SECONDS,
        )  # fmt: skip
        if finished.code != 0:
            raise ToolError(f"git clone failed: {finished.errors.strip()[-4000:]}")
        fence = Fence([], [private, parent])
        try:
            copied = await run(
                ["cp", "-a", *_AS_A_WHOLE, "--", str(cloned), str(target)],
                environment=environment(private, owner), cwd=private, fence=fence, seconds=NETWORK_SECONDS, owner=owner,
            )  # fmt: skip
        finally:
            fence.close()
        if copied.code != 0:
            raise ToolError(f"it could not be put there: {copied.errors.strip()[:1000]}")
    return f"Cloned {url} to {target}."


# --- what a call leaves open, filled in before it is decided on ------------------------------------------


@server.tool(meta={COMPLETES: "git_push"})
async def complete_git_push(
    path: str = ".", remote: str = "origin", branch: str = "", commit: str = "", force: bool = False
) -> dict[str, Any]:
    """The same call with URL, branch and commit."""
    async with opened(_real(path)) as repository:
        return {"path": path, **await _completed_push(repository, remote, branch, commit), "force": force}


@server.tool(meta={COMPLETES: "git_pull"})
async def complete_git_pull(path: str = ".", remote: str = "origin", branch: str = "") -> dict[str, Any]:
    """The same call with URL and branch."""
    async with opened(_real(path)) as repository:
        url = repository.url_for(remote, push=False)
        return {"path": path, "remote": url, "branch": branch or await _current_branch(repository)}


@server.tool(meta={COMPLETES: "git_fetch"})
async def complete_git_fetch(path: str = ".", remote: str = "origin") -> dict[str, Any]:
    """The same call with the URL."""
    async with opened(_real(path)) as repository:
        return {"path": path, "remote": repository.url_for(remote, push=False)}


@server.tool(meta={COMPLETES: "git_ls_remote"})
async def complete_git_ls_remote(path: str = ".", remote: str = "origin") -> dict[str, Any]:
    """The same call with the URL."""
    async with opened(_real(path)) as repository:
        return {"path": path, "remote": repository.url_for(remote, push=False)}


@server.tool(meta={COMPLETES: "git_clone"})
async def complete_git_clone(remote: str, path: str) -> dict[str, Any]:
    """The same call with the URL."""
    return {"remote": checked_url(remote, Path(path).parent), "path": path}


async def _completed_push(repository: Repository, remote: str, branch: str, commit: str) -> dict[str, str]:
    url = repository.url_for(remote, push=True)
    _outside(url, repository.path)
    branch = branch or await _current_branch(repository)
    await repository.git("check-ref-format", "--branch", branch)
    wanted = commit or f"refs/heads/{branch}"
    if commit and not COMMIT.fullmatch(commit):
        raise ToolError("commit must be the whole hash")
    found = await repository.git("rev-parse", "--verify", "--end-of-options", f"{wanted}^{{commit}}")
    return {"remote": url, "branch": branch, "commit": found}


async def _fetch(repository: Repository, remote: str) -> str:
    url = repository.url_for(remote, push=False)
    _outside(url, repository.path)
    name = repository.name_of(url)
    if name is None:
        raise ToolError(f"{remote} is not a remote of this repository; add it there first (`git remote add`)")
    repository.connect(url)
    return await repository.git(
        "fetch", "--no-write-fetch-head", "--no-auto-maintenance", "--no-recurse-submodules", "--no-tags", "--",
        name, f"+refs/heads/*:refs/remotes/{name}/*", url=url, seconds=NETWORK_SECONDS,
    )  # fmt: skip


async def _current_branch(repository: Repository) -> str:
    try:
        return await repository.git("symbolic-ref", "--short", "HEAD")
    except ToolError:
        raise ToolError("no branch is checked out; name one") from None


def _real(path: str) -> Path:
    return Path(os.path.realpath(path))


def _outside(url: str, repository: Path) -> None:
    """ToolError for a remote on this machine that lies where the agent can write: its hooks would run on the host."""
    other = local_path(url)
    workspace = Path.cwd()
    if other and any(Path(other).is_relative_to(place) for place in (repository, workspace)):
        raise ToolError("a repository inside the workspace needs no help from outside; use git in your container")


def main() -> None:
    """Serve on standard input and output, until the input ends."""
    os.umask(0o022)  # files of the project, not of ours
    server.run()


if __name__ == "__main__":
    main()
