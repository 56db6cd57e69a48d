from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ironcurtain_tui.supervisor.gatehouse.outgoing_commits import outgoing_commits


def git(where: Path, *arguments: str) -> str:
    environment = {
        **os.environ,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_AUTHOR_NAME": "A",
        "GIT_AUTHOR_EMAIL": "a@example.org",
        "GIT_COMMITTER_NAME": "A",
        "GIT_COMMITTER_EMAIL": "a@example.org",
    }
    command = ["git", "-c", "init.defaultBranch=main", "-C", str(where), *arguments]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()


def commit(where: Path, subject: str) -> str:
    git(where, "commit", "--allow-empty", "-qm", subject)
    return git(where, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    work, bare = tmp_path / "work", tmp_path / "bare.git"
    work.mkdir()
    git(work, "init", "-q")
    commit(work, "first")
    git(tmp_path, "clone", "-q", "--bare", str(work), str(bare))
    git(work, "remote", "add", "origin", str(bare))
    return work


def push(repository: Path, commit: str) -> dict[str, object]:
    bare = str(repository.parent / "bare.git")
    return {"path": str(repository), "remote": bare, "branch": "main", "commit": commit, "force": False}


async def test_the_commits_that_would_go(repository: Path) -> None:
    commit(repository, "second")
    newest = commit(repository, "third")
    lines = (await outgoing_commits(push(repository, newest))).splitlines()
    assert [line.split(": ")[1] for line in lines[:2]] == ["third", "second"]
    assert lines[2].endswith("as main)")
    assert "first" not in "\n".join(lines)


async def test_the_remote_itself_is_asked_not_the_repositorys_notes(repository: Path) -> None:
    newest = commit(repository, "hidden")
    git(repository, "update-ref", "refs/remotes/origin/main", newest)
    assert "hidden" in await outgoing_commits(push(repository, newest))


async def test_commits_that_would_be_lost(repository: Path) -> None:
    newest = commit(repository, "precious")
    git(repository, "push", "-q", "origin", "HEAD:main")
    git(repository, "reset", "-q", "--hard", "HEAD~1")
    other = commit(repository, "rewritten")
    told = await outgoing_commits(push(repository, other))
    assert "would lose" in told
    assert "precious" in told.partition("would lose")[2]
    assert newest[:7] in told


async def test_nothing_the_repository_names_is_run(repository: Path, tmp_path: Path) -> None:
    trap = tmp_path / "sprung"
    script = tmp_path / "trap.sh"
    script.write_text(f"#!/bin/sh\ntouch {trap}\n")
    script.chmod(0o755)
    newest = commit(repository, "bait")
    for key in ("core.fsmonitor", "gpg.program", "core.pager", "core.sshCommand", "diff.external", "pager.log"):
        git(repository, "config", key, str(script))
    git(repository, "config", "log.showSignature", "true")
    assert "bait" in await outgoing_commits(push(repository, newest))
    assert not trap.exists()


@pytest.mark.parametrize("missing", ["path", "remote", "branch"])
async def test_what_cannot_be_told_is_said(repository: Path, missing: str) -> None:
    arguments = push(repository, "HEAD")
    del arguments[missing]
    assert (await outgoing_commits(arguments)).startswith("cannot be told")


async def test_no_repository(tmp_path: Path) -> None:
    assert (await outgoing_commits(push(tmp_path / "nothing", "HEAD"))).startswith("cannot be told")
