"""Git on a repository that the agent wrote: it works, and nothing the agent put there is run or followed."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from mcp.server.fastmcp.exceptions import ToolError

from ironcurtain_tui.gateway.servers import repository
from ironcurtain_tui.gateway.servers.child import run
from ironcurtain_tui.gateway.servers.fence import Fence
from ironcurtain_tui.gateway.servers.git import (
    complete_git_fetch,
    complete_git_push,
    git_clone,
    git_fetch,
    git_log,
    git_ls_remote,
    git_pull,
    git_push,
    git_remote,
    git_status,
)
from tests.waiting import until

needs_fence = pytest.mark.skipif(not Fence([], []).stands, reason="this kernel has no Landlock")


class Place:
    """A project, a bare repository it came from, and a file that exists only when something was run."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.project, self.bare, self.canary = root / "project", root / "bare.git", root / "CANARY"
        self.sh(f"git init -q --bare -b main {self.bare}; git init -q -b main {self.project}")
        self.sh("git config user.name Ada; git config user.email ada@example.org; git remote add origin ../bare.git")
        self.commit("one")

    def sh(self, command: str, cwd: Path | None = None) -> str:
        at = cwd or (self.project if self.project.exists() else self.root)
        return subprocess.run(["sh", "-ec", command], cwd=at, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, text: str, cwd: Path | None = None) -> str:
        return self.sh(f"echo {text} > file; git add file; git commit -qm {text}; git rev-parse HEAD", cwd)

    def trap(self) -> str:
        """A command that leaves the canary."""
        return f"touch {self.canary}"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    settings = tmp_path / "gitconfig"
    settings.write_text("[user]\n\tname = Person\n\temail = person@example.org\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    repository._named_by_the_person.cache_clear()
    made = Place(tmp_path)
    monkeypatch.chdir(made.project)
    return made


async def test_from_push_to_pull(place: Place) -> None:
    head = place.sh("git rev-parse HEAD")
    project = str(place.project)
    assert await git_remote(project) == "origin\t../bare.git"
    asked = await complete_git_push(project)
    expected = {"path": project, "remote": str(place.bare), "branch": "main", "commit": head, "force": False}
    assert asked == expected, "everything is named before it is decided on"
    assert "[new branch]" in await git_push(**asked)
    assert place.sh("git rev-parse main", place.bare) == head
    assert place.sh("git rev-parse origin/main") == head, "the repository knows what the remote has now"
    assert head in await git_ls_remote(project)

    other = place.root / "other"
    place.sh(f"git clone -q {place.bare} {other}")
    newer = place.commit("two", other)
    place.sh("git push -q", other)
    await git_fetch(project)
    assert place.sh("git rev-parse origin/main HEAD") == f"{newer}\n{head}"
    await git_pull(project)
    assert (place.project / "file").read_text() == "two\n"
    assert place.sh("git status --porcelain") == ""
    assert "two" in await git_log(project)
    assert (await git_status(project)).startswith("## main")


async def test_exactly_the_approved_commit_goes(place: Place) -> None:
    asked = await complete_git_push(str(place.project))
    place.commit("sneaked-in")
    place.sh("git remote set-url origin ../elsewhere.git")
    await git_push(**asked)
    assert place.sh("git rev-parse main", place.bare) == asked["commit"]
    assert not (place.root / "elsewhere.git").exists()


async def test_history_is_replaced_only_by_force(place: Place) -> None:
    await git_push(str(place.project))
    place.sh("git commit -q --amend -m rewritten")
    with pytest.raises(ToolError, match="rejected"):
        await git_push(str(place.project))
    await git_push(str(place.project), force=True)
    assert place.sh("git log -1 --format=%s main", place.bare) == "rewritten"


async def test_pull_merges_nothing(place: Place) -> None:
    await git_push(str(place.project))
    other = place.root / "other"
    place.sh(f"git clone -q {place.bare} {other}")
    place.commit("theirs", other)
    place.sh("git push -q", other)
    place.commit("ours")
    with pytest.raises(ToolError, match="merge"):
        await git_pull(str(place.project))
    assert (place.project / "file").read_text() == "ours\n"


async def test_the_persons_own_settings_hold_wherever_they_lie(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    more, helper = place.root / "elsewhere" / "more", place.root / "helper"
    more.parent.mkdir()
    more.write_text(f'[credential]\n\thelper = {helper} --of=mine\n[url "{place.bare}"]\n\tinsteadOf = work:\n')
    with (place.root / "gitconfig").open("a") as settings:
        settings.write(f"[include]\n\tpath = {more}\n")
    helper.touch()
    repository._named_by_the_person.cache_clear()
    assert set(repository._named_by_the_person()) == {place.root / "gitconfig", more, helper}
    assert "one" in await git_log(str(place.project))


async def test_clone(place: Place) -> None:
    await git_push(str(place.project))
    target = place.project / "copy"
    await git_clone(str(place.bare), str(target))
    assert (target / "file").read_text() == "one\n"
    with pytest.raises(ToolError, match="exists already"):
        await git_clone(str(place.bare), str(target))


TRAPS: dict[str, Callable[[Place], object]] = {
    "fsmonitor": lambda place: place.sh(f"git config core.fsmonitor '{place.trap()}'"),
    "hooks": lambda place: [
        _script(place.project / ".git" / "hooks" / name, place.trap())
        for name in (
            "pre-push",
            "post-merge",
            "post-checkout",
            "reference-transaction",
            "pre-auto-gc",
            "post-index-change",
        )
    ],
    "hooks path": lambda place: (
        place.sh("git config core.hooksPath evil; mkdir evil"),
        _script(place.project / "evil" / "pre-push", place.trap()),
        _script(place.project / "evil" / "reference-transaction", place.trap()),
    ),
    "filters": lambda place: place.sh(
        f"git config filter.x.clean '{place.trap()}'; git config filter.x.smudge '{place.trap()}';"
        f"git config filter.x.process '{place.trap()}'; echo '* filter=x' > .git/info/attributes;"
        "echo '* filter=x diff=x merge=x' > .gitattributes; touch file"
    ),
    "drivers": lambda place: place.sh(
        f"git config diff.x.textconv '{place.trap()}'; git config diff.x.command '{place.trap()}';"
        f"git config merge.x.driver '{place.trap()}'; git config diff.external '{place.trap()}'"
    ),
    "programs": lambda place: place.sh(
        f"git config core.sshCommand '{place.trap()}'; git config core.pager '{place.trap()}';"
        f"git config core.editor '{place.trap()}'; git config core.askPass '{place.trap()}';"
        f"git config credential.helper '!{place.trap()}'; git config gpg.program '{place.trap()}';"
        f"git config core.gitProxy '{place.trap()}'; git config push.gpgSign true; git config log.showSignature true;"
        f"git config core.alternateRefsCommand '{place.trap()}'; git config pack.packObjectsHook '{place.trap()}'"
    ),
    "other side": lambda place: place.sh(
        f"git config remote.origin.receivepack 'sh -c \"{place.trap()}\"';"
        f"git config remote.origin.uploadpack 'sh -c \"{place.trap()}\"'; git config remote.origin.vcs evil"
    ),
    "included": lambda place: (
        (place.root / "more").write_text(f'[core]\n\tfsmonitor = "{place.trap()}"\n'),
        place.sh(f"git config include.path {place.root}/more"),
    ),
    "per worktree": lambda place: (
        place.sh("git config extensions.worktreeConfig true"),
        (place.project / ".git" / "config.worktree").write_text(f'[core]\n\tfsmonitor = "{place.trap()}"\n'),
    ),
    "other place": lambda place: place.sh(f"git config core.worktree {place.root}"),
    "aliases": lambda place: place.sh(
        f"git config alias.push '!{place.trap()}'; git config alias.status '!{place.trap()}'"
    ),
}


@pytest.mark.parametrize("trap", TRAPS)
async def test_nothing_the_repository_names_is_run(place: Place, trap: str) -> None:
    await git_push(str(place.project))
    place.commit("two")
    TRAPS[trap](place)
    project = str(place.project)
    for work in (git_status(project), git_log(project), git_fetch(project), git_pull(project), git_push(project)):
        await work
    assert not place.canary.exists()
    assert place.sh("git log -1 --format=%s main", place.bare) == "two"


@pytest.mark.parametrize(
    "remote",
    [
        "ext::sh -c 'touch CANARY'", "evil::x", "--upload-pack=touch CANARY", "file://host/x", "ftp://example.org/x",
        "nowhere", "-oProxyCommand=x", "http://a\nb",
    ],
)  # fmt: skip
async def test_remotes_that_are_none_are_refused(place: Place, remote: str) -> None:
    for work in (complete_git_push(str(place.project), remote), complete_git_fetch(str(place.project), remote)):
        with pytest.raises(ToolError):
            await work
    place.sh("git remote add bad 'ext::sh -c \"touch CANARY\"'")
    with pytest.raises(ToolError, match="may be spoken to"):
        await git_push(str(place.project), "bad")
    assert not (place.project / "CANARY").exists()


async def test_a_repository_in_the_workspace_is_no_remote(place: Place) -> None:
    """Its hooks, which the agent writes, would run on the host."""
    inner = place.project / "inner.git"
    place.sh(f"git init -q --bare {inner}")
    _script(inner / "hooks" / "pre-receive", place.trap())
    (place.root / "detour").symlink_to(inner)
    for remote in (str(inner), "./inner.git", f"file://{inner}", str(place.root / "detour")):
        with pytest.raises(ToolError, match="inside the workspace"):
            await git_push(str(place.project), remote)
    assert not place.canary.exists()


async def test_another_repository_cannot_be_borrowed(place: Place) -> None:
    private = place.root / "private"
    place.sh(f"git init -q -b main {private}")
    place.sh("git config user.name P; git config user.email p@example.org", private)
    secret = place.commit("secret", private)
    own = place.project / ".git"
    (own / "objects" / "info").mkdir(exist_ok=True)
    (own / "objects" / "info" / "alternates").write_text(f"{private}/.git/objects\n")
    with pytest.raises(ToolError, match="borrows"):
        await git_push(str(place.project), commit=secret)
    (own / "objects" / "info" / "alternates").unlink()
    for name in ("objects", "refs"):
        (own / name).rename(place.root / f"{name}-aside")
        (own / name).symlink_to(private / ".git" / name)
        with pytest.raises(ToolError, match="no directory"):
            await git_log(str(place.project))
        (own / name).unlink()
        (place.root / f"{name}-aside").rename(own / name)
    own.rename(place.root / "git-aside")
    own.write_text(f"gitdir: {private}/.git\n")
    with pytest.raises(ToolError, match="no directory"):
        await git_log(str(place.project))


@needs_fence
async def test_a_symlink_swapped_in_meanwhile_leads_nowhere(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    private = place.root / "private"
    place.sh(f"git init -q -b main {private}")
    place.sh("git config user.name P; git config user.email p@example.org", private)
    place.commit("secret", private)
    prepare = repository.Repository.prepare

    def swap(opened: repository.Repository) -> None:
        prepare(opened)
        for name in ("objects", "refs"):
            (place.project / ".git" / name).rename(place.root / f"{name}-aside")
            (place.project / ".git" / name).symlink_to(private / ".git" / name)

    monkeypatch.setattr(repository.Repository, "prepare", swap)
    with pytest.raises(ToolError) as caught:
        await git_log(str(place.project))
    assert "secret" not in str(caught.value)


@needs_fence
async def test_the_fence(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (outside / "secret").write_text("secret")
    (inside / "link").symlink_to(outside / "secret")
    fence = Fence([], [inside])
    script = f"echo ok > ok; cat link; cat {outside}/secret; echo x > {outside}/new; ls {outside}; true"
    finished = await run(["sh", "-c", script], environment={"PATH": os.defpath}, cwd=inside, fence=fence, seconds=20)
    fence.close()
    assert (finished.code, finished.output) == (0, "")
    assert finished.errors.count("Permission denied") == 4
    assert (inside / "ok").read_text() == "ok\n"
    assert not (outside / "new").exists()


async def test_output_is_bounded_and_time_is_limited(tmp_path: Path) -> None:
    fence = Fence([sys.prefix, sys.base_prefix], [tmp_path])
    environment = {"PATH": os.environ["PATH"]}
    much = await run(
        ["head", "-c", "1000000", "/dev/zero"], environment=environment, cwd=tmp_path, fence=fence, seconds=20
    )
    assert much.output.endswith(f"\n[{1_000_000 - (256 << 10)} more bytes]")
    with pytest.raises(ToolError, match="stopped after"):
        await run(["sleep", "100"], environment=environment, cwd=tmp_path, fence=fence, seconds=0.2)
    fence.close()


async def test_a_cancelled_push_leaves_no_process(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    script = place.project / "ssh"
    pid = place.project / "ssh-pid"
    _script(script, f"echo $$ > {pid}; sleep 1000 & wait")
    monkeypatch.setenv("GIT_SSH_COMMAND", str(script))
    async with asyncio.TaskGroup() as group:
        pushing = group.create_task(git_push(str(place.project), "git@example.org:x.git"))
        await until(lambda: pid.exists() and pid.read_text().strip())
        pushing.cancel()

    def gone() -> bool:
        try:
            os.killpg(os.getpgid(int(pid.read_text())), 0)
        except ProcessLookupError:
            return True
        return False

    await until(gone)


def _script(path: Path, command: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{command}\n")
    path.chmod(0o755)
