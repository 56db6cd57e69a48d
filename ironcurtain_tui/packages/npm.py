"""npm's registry protocol.

Sources: https://github.com/npm/registry/blob/main/docs/REGISTRY-API.md and docs/responses/package-metadata.md there;
``policyRestrictions`` is what npm's own client (npm-pick-manifest) knows for versions that a policy forbids.
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
    Registry,
    UnreadableError,
)
from ironcurtain_tui.packages.rules import Screening
from ironcurtain_tui.packages.versions import is_prerelease, moment, semver

ABBREVIATED = "application/vnd.npm.install-v1+json"
FULL = "application/json"
MOST_NAMED = 5
"""Versions of which a message says why they are held back."""

_NAME = r"[A-Za-z0-9~!'()*-][A-Za-z0-9._~!'()*-]{0,213}"
_PACKAGE = re.compile(rf"(?P<name>(?:@{_NAME}/)?{_NAME})(?:/(?P<version>[A-Za-z0-9._~+-]{{1,256}}))?")
_TARBALL = re.compile(rf"(?P<name>(?:@{_NAME}/)?{_NAME})/-/(?:@{_NAME}/)?[A-Za-z0-9._~!'()*+-]+\.tgz")
_INSTALL_FIELDS = (
    "name", "version", "deprecated", "dependencies", "optionalDependencies", "devDependencies", "bundleDependencies",
    "peerDependencies", "peerDependenciesMeta", "bin", "directories", "dist", "engines", "cpu", "os", "libc", "funding",
    "_hasShrinkwrap", "hasInstallScript",
)  # fmt: skip
"""What the abbreviated form has of a version."""
_INSTALL_SCRIPTS = ("preinstall", "install", "postinstall")

Json = dict[str, Any]


def read(path: str, accept: str) -> Asked | None:
    """What ``path`` (below the registry's prefix) asks; None when it is nothing an installer needs."""
    path = re.sub("%40", "@", re.sub("%2f", "/", path, flags=re.IGNORECASE))
    if tarball := _TARBALL.fullmatch(path):
        return File(name=tarball["name"])
    if path == "-" or path.startswith("-/"):
        return None  # the registry's own services
    if package := _PACKAGE.fullmatch(path):
        form = ABBREVIATED if ABBREVIATED in accept and not package["version"] else FULL
        return Document(name=package["name"], form=form, version=package["version"] or "")
    return None


def document_url(registry: Registry, name: str) -> str:
    """Where the whole metadata of package ``name`` is. The abbreviated form tells no times."""
    return registry.url + name.replace("/", "%2f")


class Packument:
    """The metadata of one package."""

    def __init__(self, body: bytes) -> None:
        """UnreadableError when ``body`` is none."""
        try:
            document = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise UnreadableError("the package's metadata is no JSON") from None
        if not isinstance(document, dict) or not isinstance(document.get("name"), str):
            raise UnreadableError("the package's metadata has no name")
        self._document: Json = document
        times = _mapping(document.get("time"))
        versions = {
            version: manifest
            for version, manifest in _mapping(document.get("versions")).items()
            if isinstance(manifest, dict)
        }
        found = [
            (Artifact(url=url, version=version, published=moment(times.get(version))), manifest)
            for version, manifest in versions.items()
            if isinstance(url := _mapping(manifest.get("dist")).get("tarball"), str)
        ]
        found.sort(key=lambda each: (semver(each[0].version) or ((-1, 0, 0), False, ()), each[0].version))
        # What is no full release is the newest only of packages that have none.
        found.sort(key=lambda each: not is_prerelease(each[0].version))
        self._manifests = {artifact.version: manifest for artifact, manifest in found}
        self.listing = Listing(
            registry=Kind.NPM, name=document["name"], artifacts=tuple(artifact for artifact, _ in found)
        )

    def answer(self, asked: Document, screening: Screening) -> Answer | None:
        """The document that was asked for, as far as ``screening`` lets it; None when nothing of it is left.

        A version that is too new stays visible where a person may be asked, but as one that installers avoid.
        """
        versions = [each.version for each in self.listing.artifacts]
        objections = dict(zip(versions, screening.objections(self.listing.artifacts), strict=True))
        hidden = {version for version in versions if objections[version]}
        forbidden = {each.version for each in self.listing.artifacts if screening.forbids(each)}
        shown = dict(self._manifests)
        for version in hidden:
            if screening.rules.ask and version not in forbidden:
                shown[version] = {**shown[version], "deprecated": f"IronCurtain: {objections[version]}"}
            else:
                del shown[version]
        tags = self._tags(hidden)
        told = tuple(objections[version] for version in reversed(versions) if version in hidden)
        if asked.version:
            manifest = shown.get(tags.get(asked.version, asked.version))
            return None if manifest is None else Answer(FULL, msgspec.json.encode(manifest), hidden=told)
        document = dict(self._document)
        times = _mapping(document.get("time"))
        document["dist-tags"] = tags
        document["time"] = {name: time for name, time in times.items() if name not in hidden or name in shown}
        if asked.form == ABBREVIATED:
            document = {"name": self.listing.name, "modified": times.get("modified"), "dist-tags": tags}
            shown = {version: _abbreviated(manifest) for version, manifest in shown.items()}
        document["versions"] = shown
        if restricted := hidden - shown.keys():
            document["policyRestrictions"] = {
                "message": _message(told),
                "versions": {version: {"name": self.listing.name, "version": version} for version in restricted},
            }
        return Answer(asked.form, msgspec.json.encode(document), hidden=told)

    def _tags(self, hidden: set[str]) -> dict[str, str]:
        """Every tag whose version is left; ``latest`` goes back to the release before it."""
        tags = {
            tag: version
            for tag, version in _mapping(self._document.get("dist-tags")).items()
            if isinstance(version, str) and version in self._manifests
        }
        latest = tags.get("latest", "")
        tags = {tag: version for tag, version in tags.items() if version not in hidden}
        if latest in hidden:
            limit = semver(latest)
            earlier = [
                each.version
                for each in self.listing.artifacts
                if each.version not in hidden and limit and (key := semver(each.version)) and key < limit
            ]
            if earlier:
                tags["latest"] = earlier[-1]
        return tags


def _abbreviated(manifest: Json) -> Json:
    short = {field: manifest[field] for field in _INSTALL_FIELDS if field in manifest}
    if any(script in _mapping(manifest.get("scripts")) for script in _INSTALL_SCRIPTS):
        short["hasInstallScript"] = True
    return short


def _message(objections: tuple[str, ...]) -> str:
    lines = [f"IronCurtain: {each}." for each in objections[:MOST_NAMED]]
    more = len(objections) - len(lines)
    return "\n".join([*lines, f"And {more} more versions."] if more else lines)


def _mapping(value: object) -> Json:
    return value if isinstance(value, dict) else {}
