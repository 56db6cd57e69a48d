"""How much of the disk is ours: sessions and images, and which images nobody needs any more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker.errors

from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.containers.failures import explained
from ironcurtain_tui.containers.images import HASH_LABEL, image_names, tag_of
from ironcurtain_tui.paths import SESSION_ID, SessionPaths
from ironcurtain_tui.sessions import registry
from ironcurtain_tui.terminal.recording import parts


@dataclass(frozen=True)
class SessionUsage:
    """What one session keeps, in bytes."""

    id: str
    bytes: int
    recording: int
    """Of them."""
    running: bool
    record: registry.SessionRecord | None


@dataclass(frozen=True)
class ImageUsage:
    """One image that we built."""

    id: str
    name: str
    """Its tag, empty when it has lost it."""
    bytes: int
    """What it adds to the image of ours that it is built on."""
    in_use: bool
    """A container is made of it."""
    old: bool
    """No session will ever start from it again."""


def session_usage(root: Path) -> list[SessionUsage]:
    """Every session of which anything is kept, the largest first."""
    found = []
    for directory in (root / "sessions").glob("*"):
        if SESSION_ID.fullmatch(directory.name):
            session = SessionPaths.of(directory.name, root)
            lease = registry.read_lease(session)
            found.append(
                SessionUsage(
                    id=session.session_id,
                    bytes=_size(directory.rglob("*")),
                    recording=_size(parts(session.recording)),
                    running=lease is not None and lease.owner.alive(),
                    record=registry.read_record(session),
                )
            )
    return sorted(found, key=lambda one: one.bytes, reverse=True)


def image_usage(engine: Engine) -> list[ImageUsage]:
    """Every image that is provably ours, the largest first. EngineUnavailableError when the engine does not answer."""
    with explained("tell what its images take", engine.address):
        usage = {image["Id"]: image for image in engine.client.df()["Images"]}
        ours = [
            engine.client.inspect_image(image["Id"]) for image in engine.client.images(filters={"label": HASH_LABEL})
        ]
    found = []
    for image in ours:
        if not _proved(image, ours):
            continue
        tags = [tag for tag in image.get("RepoTags") or () if tag in _names()]
        below = max((int(other["Size"]) for other in ours if _is_below(other, image)), default=0)
        found.append(
            ImageUsage(
                id=image["Id"],
                name=tags[0] if tags else "",
                bytes=int(image["Size"]) - below,
                in_use=int(usage.get(image["Id"], {}).get("Containers", 0)) > 0,
                old=not tags,
            )
        )
    return sorted(found, key=lambda one: one.bytes, reverse=True)


def remove_old_images(engine: Engine, images: Iterable[ImageUsage]) -> tuple[list[ImageUsage], list[ImageUsage]]:
    """Remove those of ``images`` that are old; what was removed, and what stays because something still needs it."""
    removed, kept = [], []
    for image in images:
        if not image.old:
            continue
        try:
            with explained("remove an old image", engine.address):
                engine.client.remove_image(image.id)  # not by force: what a container or an image needs stays
                removed.append(image)
        except docker.errors.APIError:
            kept.append(image)
    return removed, kept


def figure(size: int) -> str:
    """``size`` in bytes for a person: ``1.2 GiB``."""
    value, units = float(size), ["GiB", "MiB", "KiB", "B"]
    while value >= 1024 and len(units) > 1:
        value /= 1024
        units.pop()
    return f"{value:,.0f} {units[-1]}" if units[-1] == "B" or value >= 100 else f"{value:,.1f} {units[-1]}"


def _names() -> set[str]:
    return {tag_of(name) for name in image_names()}


def _layers(image: dict[str, Any]) -> Sequence[str]:
    return tuple((image.get("RootFS") or {}).get("Layers") or ())


def _proved(image: dict[str, Any], ours: Iterable[dict[str, Any]]) -> bool:
    """Whether we built ``image``: by its tag, or because it is not built on one of ours whose label it inherited."""
    tags = image.get("RepoTags") or ()
    if tags:
        return all(tag.startswith("ironcurtain-") for tag in tags)
    label = image["Config"]["Labels"][HASH_LABEL]
    return not any(other["Config"]["Labels"][HASH_LABEL] == label and _is_below(other, image) for other in ours)


def _is_below(other: dict[str, Any], image: dict[str, Any]) -> bool:
    """Whether ``image`` is built on ``other``, as far as layers and dates tell."""
    under, layers = _layers(other), _layers(image)
    return layers[: len(under)] == under and (len(under), other["Created"]) < (len(layers), image["Created"])


def _size(files: Iterable[Path]) -> int:
    total = 0
    for file in files:
        try:
            total += file.lstat().st_size
        except OSError:
            continue  # it went while we looked
    return total
