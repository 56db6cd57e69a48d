"""Which commits a push would send, asked of git in a way that runs nothing a repository's configuration names.

The repository is the agent's to write. ``git log`` reads objects and references; what could make it run a program
or open a connection (signature checks, partial clones, monitors, hooks, pagers) is switched off.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping

MOST = 200
SECONDS = 5.0
LARGEST = 256 << 10

_ENVIRONMENT = {
    "PATH": os.defpath,
    "HOME": "/nonexistent",
    "LC_ALL": "C.UTF-8",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_ALLOW_PROTOCOL": "none",
}
_OPTIONS = (
    *("-c", "core.fsmonitor="),
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.pager=cat"),
    *("-c", "log.showSignature=false"),
    *("-c", "safe.directory=*"),
    *("-c", "protocol.allow=never"),
)


async def outgoing_commits(arguments: Mapping[str, object]) -> str:
    """The commits, newest first, one a line; or why they cannot be told. Never fails."""
    repository = next((arguments[name] for name in ("repo_path", "path", "repository") if name in arguments), None)
    if not isinstance(repository, str) or not repository.startswith("/"):
        return "cannot be told: no repository is named"
    remote = _word(arguments.get("remote"), "origin")
    branch = _word(arguments.get("commit"), _word(arguments.get("branch"), "HEAD"))
    if remote.startswith("-") or branch.startswith("-"):
        return "cannot be told: a name begins with a dash"
    known = f"--remotes={remote}" if _plain(remote) else "--remotes"
    form = "--format=%h %ad %an: %s"
    lines = await _git(
        repository, "log", f"--max-count={MOST + 1}", "--date=short", "--no-color", form, branch, "--not", known, "--"
    )
    commits = lines.splitlines()
    if len(commits) > MOST:
        return "\n".join([*commits[:MOST], f"and more: only the newest {MOST} are listed"])
    return lines or f"none that {remote} does not have already, as far as the repository knows"


def _word(value: object, default: str) -> str:
    return value if isinstance(value, str) and value else default


def _plain(name: str) -> bool:
    return all(letter.isalnum() or letter in "._-" for letter in name)


async def _git(repository: str, *arguments: str) -> str:
    """What git says; its complaint when it fails."""
    try:
        process = await asyncio.create_subprocess_exec(
            "git",
            *_OPTIONS,
            "--no-pager",
            "-C",
            repository,
            *arguments,
            env=_ENVIRONMENT,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except (OSError, ValueError) as error:
        return f"cannot be told: {error}"
    try:
        async with asyncio.timeout(SECONDS):
            out, complaint = await process.communicate()
    except TimeoutError:
        return "cannot be told: git took too long"
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        return f"cannot be told: {complaint[:500].decode('utf-8', 'replace').strip()}"
    return out[:LARGEST].decode("utf-8", "replace").strip()
