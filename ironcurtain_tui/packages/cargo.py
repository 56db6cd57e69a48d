"""Cargo's registries with a sparse index.

Source: https://doc.rust-lang.org/cargo/reference/registry-index.html.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from ironcurtain_tui.packages.package import (
    Answer,
    Artifact,
    Asked,
    Document,
    File,
    Kind,
    Listing,
    Plain,
    Registry,
    UnreadableError,
)
from ironcurtain_tui.packages.rules import Screening
from ironcurtain_tui.packages.versions import is_prerelease, moment, semver

CONFIG = "config.json"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_VERSION = re.compile(r"[0-9A-Za-z.+-]{1,128}")
_MARKER = re.compile(r"\{(crate|version|prefix|lowerprefix|sha256-checksum)\}")

Json = dict[str, Any]


def read(path: str) -> Asked | None:
    """What ``path`` (below the index) asks; None when it is nothing an installer needs."""
    if path == CONFIG:
        return Plain()
    name = path.rpartition("/")[2]
    # The file's own name may keep the crate's case; the directories never do.
    if _NAME.fullmatch(name) and path == f"{prefix(name.lower())}/{name}":
        return Document(name=name.lower())
    return None


def prefix(name: str) -> str:
    """The directories of crate ``name`` in an index."""
    if len(name) <= 2:
        return str(len(name))
    return f"3/{name[0]}" if len(name) == 3 else f"{name[:2]}/{name[2:4]}"


def config_url(registry: Registry) -> str:
    """Where the index tells about itself."""
    return registry.url + CONFIG


def document_url(registry: Registry, name: str) -> str:
    """Where the index tells of crate ``name``."""
    return f"{registry.url}{prefix(name)}/{name}"


class Downloads:
    """Where an index says that the crates are."""

    def __init__(self, config: bytes) -> None:
        """``config``: the index's config.json. UnreadableError when it tells no place on HTTPS."""
        try:
            template = msgspec.json.decode(config)["dl"]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TypeError, KeyError):
            raise UnreadableError("the index does not tell where its crates are") from None
        if not isinstance(template, str) or not template.startswith("https://"):
            raise UnreadableError("the index's crates are not behind https://")
        self._template = template if _MARKER.search(template) else template.rstrip("/") + "/{crate}/{version}/download"
        probe = Artifact(url=_MARKER.sub("x", self._template), version="", published=None)
        self.place = probe.place
        """Host, and port where it is not 443; empty when it cannot be reached."""
        parts = _MARKER.split(self._template.removeprefix(f"https://{self.place}"))
        pattern, seen = "", set()
        for index, part in enumerate(parts):
            if index % 2 == 0:
                pattern += re.escape(part)
            elif part in ("crate", "version") and part not in seen:
                pattern += f"(?P<{part}>{(_NAME if part == 'crate' else _VERSION).pattern})"
                seen.add(part)
            else:
                pattern += "[A-Za-z0-9_/.+-]+"
        self._pattern = re.compile(pattern)

    def url(self, name: str, version: str, checksum: str) -> str:
        """The URL of one crate."""
        values = {
            "crate": name,
            "version": version,
            "prefix": prefix(name),
            "lowerprefix": prefix(name.lower()),
            "sha256-checksum": checksum,
        }
        return _MARKER.sub(lambda match: values[match[1]], self._template)

    def read(self, place: str, target: str) -> File | None:
        """The crate that ``target`` at ``place`` is the file of, by its form; None when it is none."""
        match = self._pattern.fullmatch(target) if place == self.place else None
        name = match.groupdict().get("crate") if match else None
        return File(name=name.lower()) if name else None


def without_login(config: bytes) -> bytes:
    """An index's config.json for a client that has no token: it is the proxy that shows one."""
    document = msgspec.json.decode(config)
    return msgspec.json.encode({name: value for name, value in document.items() if name != "auth-required"})


class IndexFile:
    """What the index tells of one crate: a line of JSON for each version."""

    def __init__(self, name: str, body: bytes, downloads: Downloads) -> None:
        """UnreadableError when not even one line can be read; a line that cannot be is left out."""
        found: list[tuple[Artifact, Json]] = []
        lines = [line for line in body.split(b"\n") if line.strip()]
        for line in lines:
            try:
                entry = msgspec.json.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                continue
            if not isinstance(entry, dict):
                continue
            crate, version, checksum = entry.get("name"), entry.get("vers"), entry.get("cksum")
            if not isinstance(crate, str) or not isinstance(version, str) or not isinstance(checksum, str):
                continue
            if crate.lower() != name or not _VERSION.fullmatch(version) or not _NAME.fullmatch(crate):
                continue
            url = downloads.url(crate, version, checksum)
            found.append((Artifact(url=url, version=version, published=moment(entry.get("pubtime"))), entry))
        if lines and not found:
            raise UnreadableError("the index's file cannot be read")
        ordered = sorted(found, key=lambda each: semver(each[0].version) or ((-1, 0, 0), False, ()))
        ordered.sort(key=lambda each: not is_prerelease(each[0].version))
        self._entries = found
        self.listing = Listing(registry=Kind.CARGO, name=name, artifacts=tuple(each for each, _ in ordered))

    def answer(self, _: Document, screening: Screening) -> Answer:
        """The file with what is too new marked as yanked, which Cargo takes only where a lock file names it."""
        lines, told = [], []
        newest = screening.newest(self.listing)
        for artifact, entry in self._entries:
            objection = screening.objection(artifact, newest)
            if objection:
                told.append(objection)
                if screening.forbids(artifact):
                    continue
                entry = {**entry, "yanked": True}
            lines.append(msgspec.json.encode(entry))
        return Answer("text/plain", b"".join(line + b"\n" for line in lines), hidden=tuple(reversed(told)))
