"""The Python package index.

Sources: PEP 503 (simple API, HTML), 592 (yanking), 658/714 (metadata files), 691 (JSON), 700 (versions, upload times);
the JSON API of projects, as Warehouse documents it ("JSON API").
"""

from __future__ import annotations

import re
from html import escape
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urldefrag, urljoin

import msgspec
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

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
from ironcurtain_tui.packages.versions import moment, pep440

SIMPLE_JSON = "application/vnd.pypi.simple.v1+json"
SIMPLE_HTML = "application/vnd.pypi.simple.v1+html"
HTML = "text/html"
PROJECT = "project"
"""The form of the index's other API, ``/pypi/<name>/json``."""
COMPANIONS = (".metadata", ".provenance", ".asc")
"""What may be asked beside a file, under its name with one of these behind it."""

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,212}[A-Za-z0-9])?"
_SIMPLE = re.compile(rf"({_NAME})/?")
_PROJECT = re.compile(rf"pypi/({_NAME})/(?:([A-Za-z0-9._!+-]{{1,128}})/)?json")
_FILE = re.compile(r"(?:.*/)?([A-Za-z0-9][A-Za-z0-9._!+-]*\.(?:whl|tar\.gz|zip|tar\.bz2|egg|exe))")

Json = dict[str, Any]


def read(path: str, accept: str) -> Asked | None:
    """What ``path`` (below the index) asks; None when it is nothing an installer needs."""
    if simple := _SIMPLE.fullmatch(path):
        form = SIMPLE_JSON if SIMPLE_JSON in accept else SIMPLE_HTML if SIMPLE_HTML in accept else HTML
        return Document(name=canonicalize_name(simple[1]), form=form)
    return None


def read_project(registry: Registry, target: str) -> Asked | None:
    """What ``target`` asks of the JSON API, which lies beside an index at ``.../simple/``."""
    base = project_base(registry)
    match = _PROJECT.fullmatch(target.removeprefix(base)) if base and target.startswith(base) else None
    return Document(name=canonicalize_name(match[1]), form=PROJECT, version=match[2] or "") if match else None


def project_base(registry: Registry) -> str:
    """The path below which the JSON API would lie; empty when there is none."""
    return registry.prefix.removesuffix("simple/") if registry.prefix.endswith("/simple/") else ""


def read_file(target: str) -> File | None:
    """The package that a file at ``target`` belongs to by its name; None when the name does not tell."""
    match = _FILE.fullmatch(main_file(target))
    name, _ = name_and_version(match[1]) if match else ("", "")
    return File(name=name) if name else None


def main_file(target: str) -> str:
    """``target`` without what marks a companion of a file. Only one such mark is taken off."""
    return next((target.removesuffix(each) for each in COMPANIONS if target.endswith(each)), target)


def name_and_version(file: str) -> tuple[str, str]:
    """What a file's name tells; empty texts where it does not."""
    try:
        if file.endswith(".whl"):
            name, version, _, _ = parse_wheel_filename(file)
        else:
            name, version = parse_sdist_filename(file)
    except (InvalidWheelFilename, InvalidSdistFilename):
        return "", ""
    return name, str(version)


def document_url(registry: Registry, name: str) -> str:
    """Where the simple API tells of package ``name``."""
    return f"{registry.url}{name}/"


def project_url(registry: Registry, name: str, version: str = "") -> str:
    """Where the JSON API tells of package ``name``; empty when there is none."""
    base = project_base(registry)
    return f"https://{registry.place}{base}pypi/{name}/{f'{version}/' if version else ''}json" if base else ""


class Project:
    """What the simple API tells of one package, in either of its forms."""

    def __init__(
        self, name: str, body: bytes, content_type: str, url: str, times: dict[str, float] | None = None
    ) -> None:
        """``times`` (from ``upload_times``) are used for files whose time is not told. UnreadableError for nonsense."""
        if "json" in content_type.lower():
            self._document = _decode(body)
        else:
            self._document = {"meta": {"api-version": "1.0"}, "name": name, "files": _read_html(body)}
        files = self._document.get("files")
        if not isinstance(files, list) or not all(isinstance(file, dict) for file in files):
            raise UnreadableError("the index's page has no list of files")
        found: list[tuple[Artifact, Json]] = []
        for file in files:
            link = file.get("url")
            if not isinstance(link, str):
                continue
            plain, _ = urldefrag(urljoin(url, link))
            entry = {**file, "url": plain}
            said = entry.get("filename")
            file_name = said if isinstance(said, str) else plain.rpartition("/")[2]
            published = moment(file.get("upload-time")) or (times or {}).get(file_name)
            version = name_and_version(file_name)[1]
            found.append((Artifact(url=plain, version=version, published=published), entry))
        found.sort(key=lambda each: _order(each[0].version))
        self._files = found
        self.listing = Listing(registry=Kind.PYPI, name=name, artifacts=tuple(each for each, _ in found))

    @property
    def tells_times(self) -> bool:
        """Whether it is known of any file when it was published."""
        return any(each.published is not None for each in self.listing.artifacts) or not self._files

    def answer(self, asked: Document, screening: Screening) -> Answer:
        """The page in the form that was asked for.

        Files that are too new are yanked (PEP 592): nobody picks one, but who names the version hears why not.
        """
        form, files, told = asked.form, [], []
        objections = screening.objections(self.listing.artifacts)
        for (artifact, file), objection in zip(self._files, objections, strict=True):
            if not objection:
                files.append(file)
                continue
            told.append(objection)
            if not screening.forbids(artifact):
                kept = {name: value for name, value in file.items() if name not in _COMPANION_KEYS}
                files.append({**kept, "yanked": f"IronCurtain: {objection}"})
        told.reverse()
        hidden = tuple(dict.fromkeys(told))
        if form != SIMPLE_JSON:
            return Answer(f"{form}; charset=utf-8", _write_html(self.listing.name, files), hidden=hidden)
        left = {name_and_version(str(file.get("filename", "")))[1] for file in files}
        document = {**self._document, "files": files}
        versions = document.get("versions")
        if isinstance(versions, list):
            document["versions"] = [each for each in versions if isinstance(each, str) and str(pep440(each)) in left]
        return Answer(form, msgspec.json.encode(document), hidden=hidden)


class ProjectDocument:
    """What the JSON API tells of one package, or of one of its versions."""

    def __init__(self, name: str, body: bytes) -> None:
        """UnreadableError when ``body`` is none."""
        self._name = name
        self._document = _decode(body)
        info = self._document.get("info")
        if not isinstance(info, dict):
            raise UnreadableError("the package's metadata has no info")
        self._info: Json = info

    @property
    def version(self) -> str:
        """The version it is about."""
        return str(self._info.get("version", ""))

    def upload_times(self) -> dict[str, float]:
        """When each file was published, by its name; seconds since the epoch."""
        return {
            str(file.get("filename")): published
            for files in [*self._releases().values(), self._document.get("urls")]
            for file in _dicts(files)
            if (published := moment(file.get("upload_time_iso_8601"))) is not None
        }

    def answer(self, screening: Screening) -> Answer | None:
        """The document without files that are held back; None when nothing is left of the version it is about."""
        urls, told = self._left(self._document.get("urls"), screening)
        if told and not urls:
            return None
        document = {**self._document, "urls": urls}
        if "releases" in self._document:
            document["releases"] = {}
            for version, files in self._releases().items():
                left, objections = self._left(files, screening)
                told += objections
                if left or not objections:
                    document["releases"][version] = left
        return Answer("application/json", msgspec.json.encode(document), hidden=tuple(dict.fromkeys(told)))

    def with_info_of(self, other: ProjectDocument) -> ProjectDocument:
        """This document, but about the version that ``other`` is about."""
        document = ProjectDocument.__new__(ProjectDocument)
        document._name, document._info = self._name, other._info
        document._document = {**self._document, "info": other._info, "urls": other._document.get("urls")}
        return document

    def _releases(self) -> dict[str, object]:
        releases = self._document.get("releases")
        return releases if isinstance(releases, dict) else {}

    def _left(self, files: object, screening: Screening) -> tuple[list[Json], list[str]]:
        left, told = [], []
        for file in _dicts(files):
            name = str(file.get("filename", ""))
            published = moment(file.get("upload_time_iso_8601"))
            artifact = Artifact(url=str(file.get("url", "")), version=name_and_version(name)[1], published=published)
            objection = screening.objection(artifact)
            if objection:
                told.append(objection)
            else:
                left.append(file)
        return left, told


_COMPANION_KEYS = frozenset({"core-metadata", "data-dist-info-metadata", "dist-info-metadata", "provenance", "gpg-sig"})


def _decode(body: bytes) -> Json:
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise UnreadableError("the package's metadata is no JSON") from None
    if not isinstance(document, dict):
        raise UnreadableError("the package's metadata is no JSON object")
    return document


def _dicts(value: object) -> list[Json]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _order(version: str) -> tuple[bool, bool, Version]:
    """A key: what cannot be read first, then pre-releases, then releases."""
    key = pep440(version)
    return key is not None, key is not None and not key.is_prerelease, key or Version("0")


class _Links(HTMLParser):
    """The anchors of a page of the simple API."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.files: list[Json] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        said = dict(attributes)
        href = said.get("href")
        if tag != "a" or not href:
            return
        url, fragment = urldefrag(href)
        file: Json = {"url": url, "filename": url.rpartition("/")[2].replace("%2B", "+").replace("%2b", "+")}
        algorithm, _, digest = fragment.partition("=")
        file["hashes"] = {algorithm: digest} if digest else {}
        if said.get("data-requires-python"):
            file["requires-python"] = said["data-requires-python"]
        if "data-yanked" in said:
            file["yanked"] = said["data-yanked"] or True
        for name in ("data-core-metadata", "data-dist-info-metadata"):
            if name in said:
                kind, _, value = (said[name] or "").partition("=")
                file["core-metadata"] = {kind: value} if value else True
        self.files.append(file)


def _read_html(body: bytes) -> list[Json]:
    links = _Links()
    try:
        links.feed(body.decode("utf-8"))
        links.close()
    except (UnicodeDecodeError, AssertionError, ValueError):
        raise UnreadableError("the index's page cannot be read") from None
    return links.files


def _write_html(name: str, files: list[Json]) -> bytes:
    lines = [
        "<!DOCTYPE html>",
        '<html><head><meta name="pypi:repository-version" content="1.0">',
        f"<title>Links for {escape(name)}</title></head><body>",
        *(_anchor(file) for file in files),
        "</body></html>",
    ]
    return "\n".join(lines).encode()


def _anchor(file: Json) -> str:
    hashes = file.get("hashes")
    algorithm, digest = next(iter(hashes.items()), ("", "")) if isinstance(hashes, dict) else ("", "")
    href = f"{file['url']}#{algorithm}={digest}" if digest else str(file["url"])
    attributes = {"href": href, "data-requires-python": file.get("requires-python")}
    if yanked := file.get("yanked"):
        attributes["data-yanked"] = yanked if isinstance(yanked, str) else ""
    metadata = file.get("core-metadata") or file.get("data-dist-info-metadata")
    if metadata:
        said = (
            next((f"{kind}={value}" for kind, value in metadata.items()), "true")
            if isinstance(metadata, dict)
            else "true"
        )
        attributes["data-dist-info-metadata"] = attributes["data-core-metadata"] = said
    spelled = " ".join(f'{key}="{escape(str(value))}"' for key, value in attributes.items() if value is not None)
    return f"<a {spelled}>{escape(str(file.get('filename', '')))}</a><br>"
