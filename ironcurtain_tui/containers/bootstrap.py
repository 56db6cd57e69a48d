"""A Debian base image made from Debian's packages, for hosts that reach no image registry.

The mirror is the one the host itself uses, read from its apt sources. Needs root and debootstrap.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.containers.failures import DISK_FULL_REMEDY, disk_full, explained
from ironcurtain_tui.containers.progress import BuildProgress, Report, plain
from ironcurtain_tui.errors import UserFacingError

SUITE = "bookworm"
REPOSITORY = "ironcurtain-debian"
TAG = f"{REPOSITORY}:{SUITE}"
LIMIT_SECONDS = 900.0
"""How long debootstrap may take: a minute is usual."""
TAIL_LINES = 20
IMAGE = "base"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
DEBIAN_SUITES = {"bullseye", "bookworm", "trixie", "forky", "sid", "stable", "oldstable", "testing", "unstable"}
SECURITY_SUITES = {f"{suite}-security" for suite in DEBIAN_SUITES}

DPKG_SLIM = """\
path-exclude=/usr/share/doc/*
path-include=/usr/share/doc/*/copyright
path-exclude=/usr/share/man/*
path-exclude=/usr/share/locale/*
path-include=/usr/share/locale/locale.alias
path-exclude=/usr/share/info/*
path-exclude=/usr/share/lintian/*
"""
APT_FOR_IMAGES = """\
Acquire::Languages "none";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb || true"; };
"""


@dataclass(frozen=True)
class Source:
    """One archive and suite of apt's sources."""

    uri: str
    suite: str
    components: tuple[str, ...]


@dataclass(frozen=True)
class Mirrors:
    """Where Debian and its security updates come from; ``security`` is empty when the host names none."""

    archive: str
    security: str = ""


def parse_one_line(text: str) -> Iterator[Source]:
    """Sources of a ``.list`` file: ``deb [options] uri suite component...`` a line. Source: sources.list(5)."""
    for line in text.splitlines():
        words = re.sub(r"\[[^\]]*\]", " ", line.split("#", 1)[0]).split()
        if len(words) >= 3 and words[0] == "deb":
            yield Source(words[1].rstrip("/"), words[2], tuple(words[3:]))


def parse_deb822(text: str) -> Iterator[Source]:
    """Sources of a ``.sources`` file: stanzas of fields, some over several lines. Source: sources.list(5)."""
    for stanza in re.split(r"\n[ \t]*\n", text):
        fields: dict[str, list[str]] = {}
        name = ""
        for line in stanza.splitlines():
            if line.lstrip().startswith("#"):
                continue
            if line[:1] in {" ", "\t"}:
                fields.setdefault(name, []).extend(line.split())
            elif ":" in line:
                name, value = line.split(":", 1)
                name = name.strip().lower()
                fields[name] = value.split()
        enabled = (fields.get("enabled") or ["yes"])[0].lower() not in {"no", "false", "0"}
        if not enabled or "deb" not in fields.get("types", []):
            continue
        for uri in fields.get("uris", []):
            for suite in fields.get("suites", []):
                yield Source(uri.rstrip("/"), suite, tuple(fields.get("components", [])))


def debian_mirrors(sources: Iterable[Source]) -> Mirrors | None:
    """The first Debian archive and security archive among ``sources``; None when no archive of Debian is there."""
    usable = [
        source
        for source in sources
        if "main" in source.components and source.uri.startswith(("http://", "https://", "file:/"))
    ]
    archive = next((source.uri for source in usable if source.suite in DEBIAN_SUITES), "")
    security = next((source.uri for source in usable if source.suite in SECURITY_SUITES), "")
    return Mirrors(archive, security) if archive else None


def host_sources(directory: Path = Path("/etc/apt")) -> list[Source]:
    """What the host's apt is configured with, in apt's order; empty when it has no apt."""
    lists = [directory / "sources.list", *sorted((directory / "sources.list.d").glob("*.list"))]
    found = [source for file in lists if file.is_file() for source in parse_one_line(file.read_text())]
    for file in sorted((directory / "sources.list.d").glob("*.sources")):
        found += parse_deb822(file.read_text())
    return found


def debian_sources(mirrors: Mirrors) -> str:
    """The image's own ``debian.sources``."""
    stanza = f"Types: deb\nURIs: {{uri}}\nSuites: {{suites}}\nComponents: main\nSigned-By: {KEYRING}\n"
    stanzas = [stanza.format(uri=mirrors.archive, suites=f"{SUITE} {SUITE}-updates")]
    if mirrors.security:
        stanzas.append(stanza.format(uri=mirrors.security, suites=f"{SUITE}-security"))
    return "\n".join(stanzas)


def debian_image(engine: Engine, report: Report) -> None:
    """Make the image ``TAG``. Takes about a minute and 300 MB of temporary space.

    Raises UserFacingError when this host cannot do it, saying which commands to run instead.
    """
    mirrors = _preconditions()
    with tempfile.TemporaryDirectory(prefix="ironcurtain-debian-") as directory:
        root = Path(directory) / "root"
        # In a mount namespace of its own: whatever debootstrap mounts goes when it ends, however it ends.
        command = ["unshare", "--mount", "--propagation", "private", "debootstrap", "--variant=minbase"]
        _run(
            [*command, f"--keyring={KEYRING}", "--include=ca-certificates", SUITE, str(root), mirrors.archive],
            lambda line: report(BuildProgress(IMAGE, "debootstrap", line)),
        )
        report(BuildProgress(IMAGE, "debootstrap", "making it slim"))
        _slim(root, mirrors)
        report(BuildProgress(IMAGE, "import", f"importing {TAG}"))
        _import(engine, root)


def _preconditions() -> Mirrors:
    mirrors = debian_mirrors(host_sources())
    anyway = f"or load a Debian image yourself: `docker pull debian:{SUITE}-slim` where a registry can be reached."
    if mirrors is None:
        raise UserFacingError(
            "No image registry can be reached, and this host's apt sources name no Debian archive to make a base image "
            "from.",
            f"Make a registry reachable, {anyway}",
        )
    if shutil.which("debootstrap") is None or not Path(KEYRING).is_file():
        raise UserFacingError(
            "No image registry can be reached, and debootstrap, which makes a base image from Debian's packages, is "
            "not installed.",
            f"Run `sudo apt-get install debootstrap debian-archive-keyring`, {anyway}",
        )
    if os.geteuid() != 0:
        raise UserFacingError(
            "No image registry can be reached, and making a base image from Debian's packages needs root.",
            f"Run `sudo -E ironcurtain-tui image build base` once, {anyway}",
        )
    return mirrors


def _slim(root: Path, mirrors: Mirrors) -> None:
    """What the official slim images do: no manuals, no translations, no caches; and the host's mirrors as sources."""
    (root / "etc/apt/sources.list").unlink(missing_ok=True)
    (root / "etc/apt/sources.list.d/debian.sources").write_text(debian_sources(mirrors))
    (root / "etc/dpkg/dpkg.cfg.d/01-slim").write_text(DPKG_SLIM)
    (root / "etc/apt/apt.conf.d/90-image").write_text(APT_FOR_IMAGES)
    policy = root / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    for file in (root / "usr/share/doc").glob("*/**/*"):
        if file.name != "copyright" and (file.is_file() or file.is_symlink()):
            file.unlink()
    for emptied in (
        "usr/share/man",
        "usr/share/info",
        "usr/share/locale",
        "var/lib/apt/lists",
        "var/cache/apt",
        "var/log",
    ):
        for path in (root / emptied).iterdir():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    (root / "etc/resolv.conf").write_text("")
    (root / "etc/hostname").write_text("")


def _import(engine: Engine, root: Path) -> None:
    """Stream the tree into the engine as an image of one layer."""
    command = ["tar", "--directory", str(root), "--numeric-owner", "--one-file-system", "--create", "."]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE) as tar,
        explained("import the Debian base image", engine.address),
    ):
        answer = engine.client.import_image_from_stream(
            tar.stdout, repository=REPOSITORY, tag=SUITE, changes=['CMD ["bash"]', "ENV LANG=C.UTF-8"]
        )
    if tar.returncode != 0 or '"error"' in answer:
        with explained("remove the broken Debian base image", engine.address):
            engine.client.remove_image(TAG, force=True)
        raise UserFacingError(f"Importing the Debian base image failed: {answer.strip() or 'tar failed'}")


def _run(command: list[str], on_line: Callable[[str], None]) -> None:
    """Run ``command``, passing on its lines; UserFacingError with their end when it fails or takes too long."""
    tail: deque[str] = deque(maxlen=TAIL_LINES)
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env={**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"},
        start_new_session=True,
    ) as process:
        watchdog = threading.Timer(LIMIT_SECONDS, os.killpg, [process.pid, signal.SIGKILL])
        watchdog.start()
        try:
            for output in process.stdout or ():
                for line in plain(output):
                    tail.append(line)
                    on_line(line)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        finally:
            watchdog.cancel()
    if process.returncode != 0:
        text = "\n".join(f"    {line}" for line in tail)
        remedy = DISK_FULL_REMEDY if disk_full(text) else "Check that this host's Debian mirror can be reached."
        raise UserFacingError(f"debootstrap failed (exit code {process.returncode}):\n{text}", remedy)
