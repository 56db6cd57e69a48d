"""Images of ours: built from ``images/<name>/``, rebuilt only when what they are made of has changed."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import docker.errors
import urllib3.exceptions

from ironcurtain_tui.containers import bootstrap
from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.containers.failures import DISK_FULL_REMEDY, EngineUnavailableError, disk_full, explained
from ironcurtain_tui.containers.progress import BuildProgress, Report, plain
from ironcurtain_tui.containers.spec import ENTRYPOINT
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.paths import resource

BASE = "base"
SIDECAR = "sidecar"
ON_DEBIAN = frozenset({BASE, SIDECAR})
"""Built on plain Debian; every other image is built on the base."""
HASH_LABEL = "ironcurtain.build-hash"
OWN_HASH_LABEL = "ironcurtain.own-build-hash"
"""Of images that the user describes: those are not ours to clean up."""
REGISTRY_BASE = ("debian", "bookworm-slim")
IDLE_SECONDS = 300
"""A build that prints nothing for so long is stuck."""
PULL_SECONDS = 60
"""How long a registry may stay silent before we do without it."""
TAIL_LINES = 20

STEP = re.compile(r"Step (\d+)/(\d+) : (.*)")
CA_VARIABLES = (
    "SSL_CERT_FILE",
    "NODE_EXTRA_CA_CERTS",
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
)
"""Where a host behind a TLS-inspecting gateway names that gateway's certificate."""


def image_names(directory: Path | None = None) -> tuple[str, ...]:
    """Names of the images we can build, the base first."""
    found = sorted(path.parent.name for path in (directory or resource("images")).glob("*/Dockerfile"))
    return (BASE, *(name for name in found if name != BASE))


def tag_of(name: str) -> str:
    """The tag under which the image ``name`` is kept."""
    return f"ironcurtain-{name}:latest"


def own_tag(agent: str) -> str:
    """The tag under which the image of the user's own ``agent`` is kept."""
    return f"ironcurtain/{agent.lower()}:latest"


def build_hash(name: str, directory: Path | None = None) -> str:
    """What the image ``name`` is made of, as a SHA-256: its folder's files, after its parent's hash.

    The authorities of the building host are no part of it: images stay the same when those change.
    """
    parent = "" if name in ON_DEBIAN else build_hash(BASE, directory)
    return _hash((directory or resource("images")) / name, parent)


def _hash(folder: Path, parent: str) -> str:
    digest = hashlib.sha256()
    if parent:
        digest.update(f"parent:{parent}\n".encode())
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = file.read_bytes()
        digest.update(f"file:{file.relative_to(folder).as_posix()}:{len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def is_fresh(engine: Engine, name: str) -> bool:
    """Whether the engine holds ``name`` as ``images/`` describes it now."""
    return _label(engine, tag_of(name), HASH_LABEL) == build_hash(name)


def is_ready(engine: Engine, name: str) -> bool:
    """Whether ``name`` and what it is built on are fresh."""
    return is_fresh(engine, name) and (name in ON_DEBIAN or is_fresh(engine, BASE))


def ensure_image(engine: Engine, name: str, report: Report, *, force: bool = False) -> str:
    """Build the image ``name`` and its parent unless they are fresh, and return its tag.

    ``force`` builds ``name`` anew without the engine's cache. ``report`` is called with every line of progress.
    Raises UserFacingError when ``name`` is unknown or the build fails, with the end of what it printed.
    """
    if name not in image_names():
        raise UserFacingError(f"There is no image {name!r}.", f"Choose one of: {', '.join(image_names())}.")
    if not force and is_ready(engine, name):
        return tag_of(name)
    arguments = {}
    if name in ON_DEBIAN:
        arguments["BASE_IMAGE"] = _debian(engine, report)
    else:
        ensure_image(engine, BASE, report)
    content = Content(name, tag_of(name), resource("images") / name, HASH_LABEL, build_hash(name))
    _build(engine, content, arguments, report, without_cache=force)
    return tag_of(name)


def ensure_own_image(engine: Engine, agent: str, folder: Path, report: Report) -> str:
    """Build the image of the user's own ``agent`` from ``folder``, on our base, unless it is fresh; its tag.

    UserFacingError when it cannot be built, or is not built on our base.
    """
    if not (folder / "Dockerfile").is_file():
        raise UserFacingError(f"There is no Dockerfile in {folder}.", f"Correct agents.{agent}.dockerfile.")
    ensure_image(engine, BASE, report)
    if not is_own_ready(engine, agent, folder):
        content = Content(agent, own_tag(agent), folder, OWN_HASH_LABEL, _hash(folder, build_hash(BASE)))
        _build(engine, content, {}, report, without_cache=False)
    return on_our_base(engine, own_tag(agent))


def is_own_ready(engine: Engine, agent: str, folder: Path) -> bool:
    """Whether the image of the user's own ``agent`` is as ``folder`` describes it now, on our base of now."""
    own = _label(engine, own_tag(agent), OWN_HASH_LABEL)
    return own == _hash(folder, build_hash(BASE)) and is_fresh(engine, BASE)


def on_our_base(engine: Engine, tag: str) -> str:
    """``tag``, if that image is on the engine and starts as ours do; else UserFacingError."""
    image = _inspect(engine, tag)
    if image is None:
        raise UserFacingError(f"The engine has no image {tag}.", "Build or pull it first.")
    if image["Config"].get("Entrypoint") != [ENTRYPOINT]:
        raise UserFacingError(
            f"The image {tag} is not built on ironcurtain-base, or starts another way.",
            "Begin its Dockerfile with `FROM ironcurtain-base:latest` and set no ENTRYPOINT.",
        )
    return tag


@dataclass(frozen=True)
class Content:
    """What an image is built from."""

    name: str
    """For messages."""
    tag: str
    folder: Path
    label: str
    """Under which the image remembers ``hash``."""
    hash: str


def _label(engine: Engine, tag: str, name: str) -> str | None:
    """What the image ``tag`` says under the label ``name``, None when there is neither."""
    image = _inspect(engine, tag)
    return None if image is None else (image["Config"].get("Labels") or {}).get(name)


def _build(
    engine: Engine, content: Content, arguments: Mapping[str, str], report: Report, *, without_cache: bool
) -> None:
    """Build it, and remove what had its tag before."""
    name = content.name
    replaced = _inspect(engine, content.tag)
    tail: deque[str] = deque(maxlen=TAIL_LINES)
    step, fraction = "", None
    with _context(content.folder) as context, explained(f"build the image {name}", engine.address):
        messages = engine.client.build(
            path=str(context),
            tag=content.tag,
            buildargs=dict(arguments),
            labels={content.label: content.hash},
            nocache=without_cache,
            rm=True,
            forcerm=True,
            timeout=IDLE_SECONDS,
            decode=True,
        )
        for message in messages:
            for line in plain(message.get("stream") or message.get("status") or message.get("error") or ""):
                if found := STEP.match(line):
                    step, fraction = found[3], (int(found[1]) - 1) / int(found[2])
                tail.append(line)
                report(BuildProgress(name, step, line, fraction))
            if "error" in message:
                raise build_failure(name, step, tail)
    _forget(engine, replaced)
    report(BuildProgress(name, "", f"{content.tag} is ready", 1.0))


def build_failure(name: str, step: str, tail: deque[str]) -> UserFacingError:
    """The error for a build of ``name`` that failed in ``step`` having printed ``tail``, with a remedy that fits."""
    text = "\n".join(tail)
    if disk_full(text):
        remedy = DISK_FULL_REMEDY
    elif "CERTIFICATE" in text.upper() and "VERIFY" in text.upper():
        remedy = "If your network inspects TLS, name its certificate file in SSL_CERT_FILE and try again."
    else:
        remedy = f"Look at the lines above; `ironcurtain-tui image build {name}` tries again."
    indented = "\n".join(f"    {line}" for line in tail)
    return UserFacingError(f"The image {name} could not be built. It failed in: {step}\n{indented}", remedy)


@contextmanager
def _context(folder: Path) -> Iterator[Path]:
    """A temporary copy of ``folder`` with the host's extra authorities in ``build-ca/``."""
    with tempfile.TemporaryDirectory(prefix="ironcurtain-build-") as directory:
        context = Path(directory) / "context"
        shutil.copytree(folder, context)
        authorities = context / "build-ca"
        authorities.mkdir(exist_ok=True)
        for number, file in enumerate(extra_authorities(os.environ)):
            shutil.copyfile(file, authorities / f"host-{number}.crt")
        yield context


def extra_authorities(environment: Mapping[str, str]) -> list[Path]:
    """The certificate files that ``environment`` names, each once."""
    named = [Path(value) for name in CA_VARIABLES if (value := environment.get(name))]
    return list(dict.fromkeys(path.resolve() for path in named if path.is_file()))


def _debian(engine: Engine, report: Report) -> str:
    """An image of plain Debian to build on: local, or from the registry, or made from Debian's packages."""
    registry_image = ":".join(REGISTRY_BASE)
    for tag in (registry_image, bootstrap.TAG):
        if _inspect(engine, tag) is not None:
            return tag
    try:
        _pull(engine, report)
    except EngineUnavailableError:
        raise
    except UserFacingError as error:
        report(BuildProgress(BASE, f"FROM {registry_image}", f"{error.message} Using Debian's packages instead."))
        bootstrap.debian_image(engine, report)
        return bootstrap.TAG
    return registry_image


def _pull(engine: Engine, report: Report) -> None:
    """Pull Debian; UserFacingError when the registry refuses, cannot be reached or stays silent."""
    repository, tag = REGISTRY_BASE
    step = f"FROM {repository}:{tag}"
    report(BuildProgress(BASE, step, f"pulling {repository}:{tag}"))
    engine.ping()
    client = ImpatientClient(base_url=engine.address, version=engine.client.api_version, timeout=PULL_SECONDS)
    try:
        for message in client.pull(repository, tag, stream=True, decode=True):
            if "error" in message:
                raise UserFacingError(f"The registry does not give {repository}:{tag}: {message['error']}.")
            for line in plain(f"{message.get('id', '')} {message.get('status', '')} {message.get('progress', '')}"):
                report(BuildProgress(BASE, step, line))
    except docker.errors.APIError as error:
        raise UserFacingError(f"The registry cannot be reached: {error.explanation or error}.") from error
    except (OSError, urllib3.exceptions.HTTPError) as error:
        raise UserFacingError(f"The registry did not answer within {PULL_SECONDS} s.") from error
    finally:
        client.close()


class ImpatientClient(docker.APIClient):  # type: ignore[misc]  # docker-py has no types
    """docker-py lets a pull be silent for ever; here its time-out holds for every call."""

    def send(self, request: Any, **settings: Any) -> Any:
        """Send ``request`` as requests.Session does, with this client's time-out."""
        return super().send(request, **(settings | {"timeout": self.timeout}))


def _inspect(engine: Engine, tag: str) -> Any:
    with explained(f"inspect the image {tag}", engine.address):
        try:
            return engine.client.inspect_image(tag)
        except docker.errors.ImageNotFound:
            return None


def _forget(engine: Engine, replaced: Any) -> None:
    """Remove the image that a build has just taken the tag from, unless something still uses it."""
    if replaced is None:
        return
    with explained("remove the former image", engine.address):
        try:
            if not engine.client.inspect_image(replaced["Id"])["RepoTags"]:
                engine.client.remove_image(replaced["Id"])
        except docker.errors.APIError as error:
            if error.status_code not in {404, 409}:
                raise
