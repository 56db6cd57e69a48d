"""Which commits a push would send. The repository is the agent's to write, so git sees it only through its fence."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mcp.server.fastmcp.exceptions import ToolError

from ironcurtain_tui.gateway.servers.repository import Repository, local_path, opened

MOST = 200


async def outgoing_commits(arguments: Mapping[str, object]) -> str:
    """The commits, newest first, one a line; or why they cannot be told. Never fails.

    ``arguments`` of a push: ``path`` or ``repo_path``, ``remote`` (a URL or a path), ``branch`` and maybe ``commit``.
    """
    path = arguments.get("path") or arguments.get("repo_path")
    remote, branch = arguments.get("remote"), arguments.get("branch")
    commit = arguments.get("commit") or branch
    if not all(isinstance(each, str) and each for each in (path, remote, branch, commit)):
        return "cannot be told: the call does not say which repository, remote and branch"
    try:
        async with opened(Path(str(path))) as repository:
            return await _listed(repository, str(remote), str(branch), str(commit))
    except (ToolError, OSError, ValueError) as error:
        return f"cannot be told: {error}"


async def _listed(repository: Repository, remote: str, branch: str, commit: str) -> str:
    there = await _there(repository, remote, branch)
    known = ("--end-of-options", f"^{there}") if there else ("--not", "--remotes", "--not", "--end-of-options")
    source = f"{remote} has {there[:12]} as {branch}" if there else "as far as the repository knows"
    form = ("log", f"--max-count={MOST + 1}", "--no-color", "--date=short", "--format=%h %ad %an: %s")
    listed = await repository.git(*form, *known, commit, "--")
    commits = listed.splitlines()
    if len(commits) > MOST:
        commits[MOST:] = [f"and more: only the newest {MOST} are listed"]
    lost = await repository.git(*form, "--end-of-options", there, f"^{commit}", "--") if there else ""
    losses = ["", "Commits that the remote would lose, if it lets go of them:", *lost.splitlines()[:MOST]]
    return "\n".join([*(commits or ["none"]), f"({source})", *(losses if lost else [])])


async def _there(repository: Repository, remote: str, branch: str) -> str:
    """The commit that ``branch`` is at the remote, if that lies on this machine and the repository knows the commit."""
    if not local_path(remote):
        return ""
    told = await repository.git("ls-remote", "--heads", "--", remote, f"refs/heads/{branch}", url=remote)
    commit = told.partition("\t")[0].strip()
    if not commit:
        return ""
    try:
        await repository.git("cat-file", "-e", f"{commit}^{{commit}}")
    except ToolError:
        return ""
    return commit
