"""Git on a repository that the agent can write to, without running or following anything it put there.

A repository's configuration names programs to run (``core.fsmonitor``, ``core.sshCommand``, filters, merge and diff
drivers, hooks, ...), and its files may be symlinks to anywhere. So git never sees the repository's own configuration:
``GIT_COMMON_DIR`` (gitrepository-layout(5)) points to a private directory whose configuration we write, from the few
harmless keys of the real one. Attributes and hooks of the repository's own directory are left out the same way, and
the fence keeps every git process inside the repository, whatever symlinks are put in its way meanwhile.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mcp.server.fastmcp.exceptions import ToolError

from ironcurtain_tui.gateway.servers.child import Finished, Owner, run
from ironcurtain_tui.gateway.servers.fence import Fence

LOCAL_SECONDS, NETWORK_SECONDS = 60.0, 600.0
LARGEST_CONFIG = 1 << 20

_HARMLESS = re.compile(
    r"core\.(bare|filemode|symlinks|ignorecase|precomposeunicode|autocrlf|eol|safecrlf|logallrefupdates)"
    r"|extensions\.objectformat|user\.(name|email)|init\.defaultbranch|pull\.(rebase|ff)|merge\.ff|push\.default"
    r"|branch\..+\.(remote|merge|pushremote|rebase)|remote\..+\.(url|pushurl|fetch)"
)
_UNSUPPORTED = re.compile(r"extensions\.(?!objectformat$|worktreeconfig$|noop$).*")
_REMOTE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,100}")
_SCP_LIKE = re.compile(r"(?:[\w.-]+@)?[\w.-]+:(?!//).+")
_URL = re.compile(r"(?:https?|ssh|git)://\S+")

_SETTINGS = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.pager=cat",
    "core.editor=false",
    "commit.gpgSign=false",
    "tag.gpgSign=false",
    "push.gpgSign=false",
    "log.showSignature=false",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=no",
    "push.recurseSubmodules=no",
    "diff.ignoreSubmodules=all",
    "protocol.ext.allow=never",
    "credential.interactive=false",
    "maintenance.auto=false",
    "gc.auto=0",
)
_OF_THE_PERSON = (".gitconfig", ".config/git", ".config/gh", ".config/glab-cli", ".ssh", ".netrc", ".git-credentials")
"""Below the home directory: how the person reaches their own servers."""
_PASSED_ON = ("PATH", "HOME", "USER", "LOGNAME", "SSH_AUTH_SOCK", "GIT_SSH_COMMAND", "SSL_CERT_FILE", "SSL_CERT_DIR",
              "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "GIT_CONFIG_GLOBAL",
              "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM")  # fmt: skip


def environment(private: Path, owner: Owner | None) -> dict[str, str]:
    """Variables for any git process. ``private``: a directory for its temporary files."""
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    if owner is not None:
        kept["HOME"] = str(private)  # root's own is not theirs to read
    return {
        "GIT_SSH_COMMAND": "ssh -oBatchMode=yes -oConnectTimeout=30 -oControlMaster=no",
        **kept,
        "LC_ALL": "C.UTF-8",
        "TMPDIR": str(private),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "false",
        "SSH_ASKPASS": "false",
        "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_CEILING_DIRECTORIES": str(private.parent),
    }


@asynccontextmanager
async def private_directory(owner: Owner | None) -> AsyncIterator[Path]:
    """A directory nobody but us and ``owner`` can reach, removed afterwards."""
    path = Path(tempfile.mkdtemp(prefix="ironcurtain-git-"))
    try:
        if owner is not None:
            os.chown(path, owner.uid, owner.gid)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


async def git(
    arguments: Sequence[str],
    *,
    private: Path,
    owner: Owner | None,
    extra: Mapping[str, str] | None = None,
    readable: Sequence[Path] = (),
    writable: Sequence[Path] = (),
    seconds: float = LOCAL_SECONDS,
    data: bytes = b"",
) -> Finished:
    """Run git, inside its fence, with everything off that could run something else."""
    settings = [part for setting in _SETTINGS for part in ("-c", setting)]
    home = Path(os.environ.get("HOME", "/"))
    agent_socket = [Path(os.environ["SSH_AUTH_SOCK"])] if "SSH_AUTH_SOCK" in os.environ else []
    of_the_person = (*(home / name for name in _OF_THE_PERSON), *_named_by_the_person())
    fence = Fence([*of_the_person, *readable], [private, *agent_socket, *writable])
    try:
        return await run(
            ["git", *settings, *arguments],
            environment={**environment(private, owner), **(extra or {})},
            cwd=private,
            fence=fence,
            seconds=seconds,
            owner=owner,
            data=data,
        )
    finally:
        fence.close()


@cache
def _named_by_the_person() -> tuple[Path, ...]:
    """Files that the person's own configuration consists of and names: includes, certificates, credential helpers."""
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    listing = ["git", "config", "--global", "--includes", "--show-origin", "--null", "--list"]
    try:
        listed = subprocess.run(listing, env=kept, cwd="/", capture_output=True, timeout=LOCAL_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    parts = listed.stdout.decode("utf-8", "replace").split("\0")
    found: dict[Path, None] = {}
    for origin, entry in zip(parts[::2], parts[1::2], strict=False):
        source = Path(origin.removeprefix("file:"))
        value = entry.partition("\n")[2].removeprefix("!").split(" ")[0]
        named = source.parent / os.path.expanduser(value)  # noqa: PTH111 -- which raises nothing
        found |= dict.fromkeys(path for path in (source, named) if os.path.isfile(path))  # noqa: PTH113 -- the same
    return tuple(found)


@dataclass(frozen=True)
class Repository:
    """A working tree with its ``.git`` directory, opened by ``opened``."""

    path: Path
    private: Path
    owner: Owner | None
    configuration: tuple[tuple[str, str], ...]
    """Harmless keys of the repository's own configuration, in order, with their values."""

    @property
    def remotes(self) -> dict[str, str]:
        """Name to URL, of those that have one name and one URL."""
        return self._urls("url")

    def url_for(self, remote: str, *, push: bool) -> str:
        """Where ``remote`` leads: the URL of a remote of this name, or ``remote`` itself if it is a URL or a path.

        Paths come out real and absolute. ToolError for what git is not allowed to speak to.
        """
        url = (self._urls("pushurl").get(remote) if push else None) or self.remotes.get(remote) or remote
        if _REMOTE_NAME.fullmatch(remote) and url == remote and "/" not in remote:
            raise ToolError(f"there is no remote called {remote}; known are {', '.join(self.remotes) or 'none'}")
        return checked_url(url, self.path)

    def name_of(self, url: str) -> str | None:
        """The name of the remote that leads to ``url``."""
        for name in self.remotes:
            try:
                if url in {self.url_for(name, push=False), self.url_for(name, push=True)}:
                    return name
            except ToolError:
                continue
        return None

    async def git(self, *arguments: str, url: str = "", push: bool = False, seconds: float = LOCAL_SECONDS) -> str:
        """Run git on it; what it prints. ``url``: the other side, which may be a directory of this machine.

        ToolError with git's own words when it fails.
        """
        other = local_path(url)
        within = [Path(other)] if other else []
        finished = await git(
            arguments,
            private=self.private,
            owner=self.owner,
            extra={
                "GIT_DIR": str(self.path / ".git"),
                "GIT_COMMON_DIR": str(self.private),
                "GIT_WORK_TREE": str(self.path),
                "GIT_OBJECT_DIRECTORY": str(self.path / ".git" / "objects"),
            },
            readable=within,
            writable=[self.path, *(within if push else [])],
            seconds=seconds,
        )
        if finished.code != 0:
            raise ToolError(f"git {arguments[0]} failed: {(finished.errors or finished.output).strip()[-4000:]}")
        return "\n".join(part for part in (finished.output.strip(), finished.errors.strip()) if part)

    def connect(self, url: str) -> None:
        """Make every name of a remote that leads to ``url`` lead there whatever the repository says by now."""
        name = self.name_of(url)
        self._write_configuration({} if name is None else {name: url})

    def prepare(self) -> None:
        """Furnish the private directory."""
        own = self.path / ".git"
        for name in ("refs", "logs", "packed-refs", "shallow"):
            (self.private / name).symlink_to(own / name)
        (self.private / "info").mkdir()
        self._give(self.private / "info")
        exclude = self.private / "info" / "exclude"
        exclude.write_bytes(_read(own / "info" / "exclude"))
        self._give(exclude)
        self._write_configuration({})

    def _give(self, path: Path) -> None:
        """Let the owner have what we made, whatever our umask is."""
        if self.owner is not None:
            os.chown(path, self.owner.uid, self.owner.gid)

    def _write_configuration(self, urls: Mapping[str, str]) -> None:
        lines = ["[core]\n\trepositoryformatversion = 1\n"]
        for key, value in self.configuration:
            section, _, rest = key.partition(".")
            subsection, _, name = rest.rpartition(".")
            if name in {"url", "pushurl"} and subsection in urls:
                continue
            lines.append(f"[{section}{f' {_quoted(subsection)}' if subsection else ''}]\n\t{name} = {_quoted(value)}\n")
        lines += [f"[remote {_quoted(name)}]\n\turl = {_quoted(url)}\n" for name, url in urls.items()]
        (self.private / "config").write_text("".join(lines), "utf-8")
        self._give(self.private / "config")

    def _urls(self, kind: str) -> dict[str, str]:
        found: dict[str, list[str]] = {}
        for key, value in self.configuration:
            if key.startswith("remote.") and key.endswith(f".{kind}"):
                found.setdefault(key.removeprefix("remote.").removesuffix(f".{kind}"), []).append(value)
        return {name: urls[0] for name, urls in found.items() if _REMOTE_NAME.fullmatch(name) and len(urls) == 1}


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Repository]:
    """The repository at ``path``, a real path. ToolError when there is none that can be used safely."""
    own = path / ".git"
    for part in (path, own, own / "objects", own / "refs"):
        if not _is_directory(part):
            raise ToolError(f"{path} is no repository of its own: {part} is no directory")
    for name in ("HEAD", "index", "packed-refs", "shallow", "logs", "objects/info", "objects/pack", "refs/heads"):
        if (own / name).is_symlink():
            raise ToolError(f"{own / name} is a symlink, which a repository does not need")
    if (own / "objects/info/alternates").exists():
        raise ToolError(f"{path} borrows objects from another repository, which is not supported")
    owner = Owner.of(path)
    async with private_directory(owner) as private:
        configuration = await _harmless(_read(own / "config"), private, owner)
        repository = Repository(path, private, owner, configuration)
        repository.prepare()
        yield repository


def checked_url(url: str, base: Path) -> str:
    """``url`` if git may speak to it, real and absolute if it is a path; ToolError otherwise."""
    if url.startswith("-") or "::" in url or any(ord(character) < 0x20 for character in url):
        raise ToolError(f"{url!r} is not a remote that may be spoken to")
    if _URL.fullmatch(url) or (_SCP_LIKE.fullmatch(url) and not url.startswith(("/", "."))):
        return url
    if "://" in url and not url.startswith("file:///"):
        raise ToolError(f"{url!r}: only https, http, ssh, git and file are spoken")
    return os.path.realpath(base / url.removeprefix("file://"))


def local_path(url: str) -> str:
    """The directory of this machine that ``url``, checked, is; empty when it is elsewhere."""
    return url if url.startswith("/") else ""


async def _harmless(text: bytes, private: Path, owner: Owner | None) -> tuple[tuple[str, str], ...]:
    """The keys of a configuration that may be used. Git reads it as data: that runs nothing and includes nothing."""
    finished = await git(
        ["config", "--file", "-", "--no-includes", "--null", "--list"], private=private, owner=owner, data=text or b"\n"
    )
    if finished.code != 0:
        raise ToolError(f"the repository's configuration cannot be read: {finished.errors.strip()[:500]}")
    found = []
    for entry in finished.output.split("\0"):
        key, _, value = entry.partition("\n")
        if _UNSUPPORTED.fullmatch(key):
            raise ToolError(f"the repository uses {key}, which is not supported")
        if _HARMLESS.fullmatch(key) and "\n" not in value:
            found.append((key, value))
    return tuple(found)


def _read(path: Path) -> bytes:
    """A small file of the agent's; nothing when it is anything else."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b""
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return b""
        return file.read(LARGEST_CONFIG)


def _is_directory(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def _quoted(text: str) -> str:
    """As git-config(1) wants it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t") + '"'
