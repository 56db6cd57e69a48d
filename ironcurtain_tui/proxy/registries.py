"""What the proxy knows of package registries: which requests are about what, and how old each file is."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urljoin, urlsplit

import msgspec

from ironcurtain_tui.packages import cargo, debian, npm, pypi
from ironcurtain_tui.packages.package import (
    HTTPS,
    Answer,
    Artifact,
    Asked,
    Document,
    File,
    Kind,
    Listing,
    Package,
    Plain,
    Registry,
    UnreadableError,
    Unserved,
)
from ironcurtain_tui.packages.rules import PackageRules, Screening
from ironcurtain_tui.policy.action import HttpRequest
from ironcurtain_tui.policy.endpoint import is_host_name
from ironcurtain_tui.proxy.refusal import Refusal
from ironcurtain_tui.proxy.registry_client import Fetched, RegistryClient
from ironcurtain_tui.proxy.registry_login import RegistryLogin

FRESH = 3600.0
"""Seconds for which a listing is believed. A version that is missing in it is looked for again sooner."""
AGAIN = 10.0
MAX_FILES = 200_000
"""Files of all listings that are remembered."""
MAX_LISTINGS = 4096
MAX_FILE_PLACES = 64
MAX_REDIRECTS = 1024
_PER_FILE = 1024
"""Bytes of a document that count as much work as one file in a listing."""
_LARGE = 256 << 10
"""Bytes from which a document is read in a thread."""


@dataclass(frozen=True)
class Inquiry:
    """A request to a registry, understood."""

    registry: Registry
    asked: Asked
    place: str
    """Host, and port where it is not 443."""
    target: str
    origin: tuple[str, str] | None = None
    """Place and target by which the registry tells of the file, where redirects have led from there to here."""

    @property
    def listed(self) -> tuple[str, str]:
        """Place and target by which the registry tells of it."""
        return self.origin or (self.place, self.target)

    @property
    def answered_here(self) -> bool:
        """Whether the proxy fetches the document and answers itself. Everything else is passed on as it is."""
        if isinstance(self.asked, Plain):
            return self.registry.kind is Kind.CARGO
        return isinstance(self.asked, Document)

    @property
    def metadata(self) -> Inquiry:
        """The inquiry for the metadata of the same package."""
        name = self.asked.name if isinstance(self.asked, File) else ""
        target = urlsplit(_document_url(self.registry, name)).path
        return Inquiry(self.registry, Document(name=name), self.registry.place, target)

    def request(self) -> HttpRequest:
        """The same as an action, for asking the policy about a document that the proxy itself wants."""
        package = Package(registry=self.registry.kind, name=getattr(self.asked, "name", ""))
        host, _, port = self.place.partition(":")
        return HttpRequest(
            host=host,
            port=int(port or HTTPS),
            method="GET",
            path=self.target,
            package=package,
            content_length=0,
        )


_Source = npm.Packument | pypi.Project | cargo.IndexFile


class Registries:
    """The registries of a session. File hosts are learnt from what the registries say."""

    def __init__(
        self,
        registries: Iterable[Registry],
        rules: PackageRules,
        client: RegistryClient,
        logins: Mapping[Registry, RegistryLogin] | None = None,
        unserved: Iterable[Unserved] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``logins``: passwords of those that have one. ``clock``: seconds since the epoch."""
        self._unserved = tuple(unserved)
        self._logins = dict(logins or {})
        self._registries = sorted(registries, key=lambda each: -len(each.prefix))
        self._rules = rules
        self._client = client
        self._clock = clock
        self._listings: OrderedDict[tuple[Registry, str], tuple[Listing, float]] = OrderedDict()
        self._files: dict[tuple[str, str], tuple[Registry, str]] = {}
        self._file_places: defaultdict[str, list[Registry]] = defaultdict(list)
        self._redirects: OrderedDict[tuple[str, str], Inquiry] = OrderedDict()
        self._downloads: dict[Registry, cargo.Downloads] = {}
        self._unexplored = [each for each in self._registries if each.kind in (Kind.PYPI, Kind.CARGO)]
        self._reading = asyncio.Semaphore(2)

    async def close(self) -> None:
        """Close the connections to the registries."""
        await self._client.close()

    # --- understanding requests ----------------------------------------------------------------------

    def kind_at(self, place: str) -> str:
        """The kind of registry whose index or files are at ``place``; empty when it is none's."""
        own = next((each.kind for each in self._registries if each.place == place), None)
        learnt = self._file_places.get(place)
        return own or (learnt[0].kind if learnt else "")

    def unexplored(self) -> list[Inquiry]:
        """What to load to learn where the files of each registry are, told once.

        A lock file leads installers there without a look at the index. The package pip is in every Python index.
        """
        rest, self._unexplored = self._unexplored, []
        return [
            Inquiry(registry, Plain(), registry.place, registry.prefix + cargo.CONFIG)
            if registry.kind is Kind.CARGO
            else Inquiry(registry, File(name="pip"), registry.place, registry.prefix).metadata
            for registry in rest
        ]

    def login(self, inquiry: Inquiry) -> RegistryLogin | None:
        """The password that goes along with ``inquiry``, if there is one for that place and path."""
        login = self._logins.get(inquiry.registry)
        return login if login is not None and login.covers(inquiry.place, inquiry.target) else None

    def unserved(self, place: str, target: str) -> str:
        """Why what lies there cannot be served, and what to do; empty when there is nothing of that kind."""
        found = (each for each in self._unserved if each.place == place and target.startswith(each.prefix))
        return next((each.sentence for each in found), "")

    def owns(self, place: str, target: str) -> bool:
        """Whether ``target`` lies in a registry itself, where nothing may be asked that is not understood."""
        return any(each.place == place and each.under(target) is not None for each in self._registries)

    def read(self, place: str, target: str, accept: str) -> Inquiry | None:
        """What a request asks; None when that is not understood."""
        if (known := self._files.get((place, pypi.main_file(target)))) is not None:
            return Inquiry(known[0], File(name=known[1]), place, target)
        if (led := self._redirects.get((place, target))) is not None:
            return led
        if "?" in target:
            return None
        for registry in self._registries:
            if registry.place == place and (asked := self._read(registry, target, accept)) is not None:
                return Inquiry(registry, asked, place, target)
        for registry in self._file_places.get(place, ()):
            downloads = self._downloads.get(registry)
            file = downloads.read(place, target) if downloads else pypi.read_file(target)
            if file is not None:
                return Inquiry(registry, file, place, target)
        return None

    def _read(self, registry: Registry, target: str, accept: str) -> Asked | None:
        path = registry.under(target)
        match registry.kind:
            case Kind.NPM:
                return None if path is None else npm.read(path, accept)
            case Kind.PYPI:
                return (None if path is None else pypi.read(path, accept)) or pypi.read_project(registry, target)
            case Kind.CARGO:
                return None if path is None else cargo.read(path)
            case Kind.DEBIAN:
                return None if path is None else debian.read(path)

    def redirected(self, inquiry: Inquiry, location: str) -> None:
        """A file that was asked for lies elsewhere: what the client asks next is that very file."""
        url = urljoin(f"https://{inquiry.place}{inquiry.target}", location)
        there = Artifact(url=url, version="", published=None)
        if not self._knows(there.place, inquiry.registry):
            return
        moved = replace(inquiry, place=there.place, target=there.target, origin=inquiry.listed)
        self._redirects[there.place, there.target] = moved
        if len(self._redirects) > MAX_REDIRECTS:
            self._redirects.popitem(last=False)

    # --- what is known of packages -------------------------------------------------------------------

    def needs_metadata(self, inquiry: Inquiry) -> bool:
        """Whether the package's metadata must be loaded before ``package`` can tell."""
        if not isinstance(inquiry.asked, File) or inquiry.registry.kind is Kind.DEBIAN:
            return False
        listing, loaded = self._listings.get((inquiry.registry, inquiry.asked.name), (None, 0.0))
        if listing is None:
            return True
        found = _artifact(listing, inquiry)
        return time.monotonic() - loaded > (FRESH if found else AGAIN)

    async def load(self, inquiry: Inquiry) -> None:
        """Fetch what ``inquiry`` is about, and remember what it tells of files. Refusal 502 when that fails."""
        if isinstance(inquiry.asked, Document):
            await self._source(inquiry.registry, inquiry.asked.name)
        else:
            await self._cargo_config(inquiry.registry)

    def package(self, inquiry: Inquiry) -> Package:
        """What the policy decides on. Refusal 403 for a file that the registry does not tell of."""
        kind, asked = inquiry.registry.kind, inquiry.asked
        file = urlsplit(inquiry.listed[1]).path.rpartition("/")[2]
        if not isinstance(asked, File):
            name = asked.name if isinstance(asked, Document) else ""
            return Package(registry=kind, name=name)
        if kind is Kind.DEBIAN:
            return Package(registry=kind, name=asked.name, version=asked.version, file=file)
        listing, _ = self._listings.get((inquiry.registry, asked.name), (None, 0.0))
        artifact = _artifact(listing, inquiry) if listing else None
        if listing is None or artifact is None:
            raise Refusal(403, f"{file} is not among the files of {asked.name} that its registry tells of")
        screening = self._screening(kind, asked.name)
        package = msgspec.structs.replace(screening.package(artifact), file=file)
        if not screening.objection(artifact):
            return package
        return msgspec.structs.replace(package, alternative=screening.newest(listing))

    # --- answering -----------------------------------------------------------------------------------

    async def answer(self, inquiry: Inquiry) -> Answer:
        """The document that was asked for, without what the rules hold back. Refusal when there is none to be had."""
        registry, asked = inquiry.registry, inquiry.asked
        if isinstance(asked, Plain):
            return Answer("application/json", cargo.without_login(await self._cargo_config(registry)))
        if not isinstance(asked, Document):
            raise Refusal(403, "a file is no document")
        screening = self._screening(registry.kind, asked.name)
        if asked.form == pypi.PROJECT:
            return await self._project_answer(registry, asked, screening)
        source = await self._source(registry, asked.name)
        if source is None:
            return Answer("application/json", b'{"error":"Not found"}\n', status=404)
        answer = await self._off_loop(
            lambda: source.answer(asked, screening), _PER_FILE * len(source.listing.artifacts)
        )
        if answer is None:
            raise self._held_back(asked, source.listing, screening)
        return answer

    async def _project_answer(self, registry: Registry, asked: Document, screening: Screening) -> Answer:
        fetched = await self._get(registry, pypi.project_url(registry, asked.name, asked.version), "application/json")
        if fetched is None:
            return Answer("application/json", b'{"message":"Not Found"}\n', status=404)
        document = await self._parse(fetched, lambda: pypi.ProjectDocument(asked.name, fetched.body))
        answer = document.answer(screening)
        if answer is not None:
            return answer
        source = await self._source(registry, asked.name)
        newest = screening.newest(source.listing) if source else ""
        if asked.version or not newest:
            listing = source.listing if source else Listing(registry=registry.kind, name=asked.name, artifacts=())
            raise self._held_back(asked, listing, screening)
        older = await self._get(registry, pypi.project_url(registry, asked.name, newest), "application/json")
        if older is None:
            raise Refusal(502, f"the registry tells nothing of {asked.name} {newest}")
        other = await self._parse(older, lambda: pypi.ProjectDocument(asked.name, older.body))
        answer = document.with_info_of(other).answer(screening)
        if answer is None:
            raise Refusal(403, f"no version of {asked.name} may be installed yet")
        return answer

    def _held_back(self, asked: Document, listing: Listing, screening: Screening) -> Refusal:
        """The refusal of a document about one version."""
        newest = screening.newest(listing)
        for artifact in listing.artifacts:
            if artifact.version == asked.version and screening.objection(artifact):
                package = msgspec.structs.replace(screening.package(artifact), alternative=newest)
                return Refusal(403, self._rules.judge(package).reason)
        if not newest:
            return Refusal(403, f"no version of {asked.name} may be installed yet")
        return Refusal(404, f"{asked.name} has no version {asked.version}; use {newest}")

    # --- fetching ------------------------------------------------------------------------------------

    async def _source(self, registry: Registry, name: str) -> _Source | None:
        """The metadata of a package, fetched now; None when the registry does not know it."""
        source: _Source | None
        match registry.kind:
            case Kind.NPM:
                source = await self._packument(registry, name)
            case Kind.PYPI:
                source = await self._simple_page(registry, name)
            case Kind.CARGO:
                source = await self._index_file(registry, name)
            case Kind.DEBIAN:
                raise Refusal(403, "an archive has no metadata of single packages")
        if source is not None:
            self._learn(registry, name, source.listing)
        return source

    async def _packument(self, registry: Registry, name: str) -> npm.Packument | None:
        fetched = await self._get(registry, npm.document_url(registry, name), "application/json")
        return None if fetched is None else await self._parse(fetched, lambda: _packument(name, fetched.body))

    async def _index_file(self, registry: Registry, name: str) -> cargo.IndexFile | None:
        await self._cargo_config(registry)
        downloads = self._downloads[registry]
        fetched = await self._get(registry, cargo.document_url(registry, name), "text/plain, */*")
        if fetched is None:
            return None
        return await self._parse(fetched, lambda: cargo.IndexFile(name, fetched.body, downloads))

    async def _simple_page(self, registry: Registry, name: str) -> pypi.Project | None:
        accept = f"{pypi.SIMPLE_JSON}, {pypi.SIMPLE_HTML}; q=0.2, text/html; q=0.1"
        page = await self._get(registry, pypi.document_url(registry, name), accept)
        if page is None:
            return None
        project = await self._parse(page, lambda: pypi.Project(name, page.body, page.content_type, page.url))
        url = pypi.project_url(registry, name)
        if project.tells_times or not self._rules.min_age or not url:
            return project
        other = await self._get(registry, url, "application/json")
        if other is None:
            return project
        times = (await self._parse(other, lambda: pypi.ProjectDocument(name, other.body))).upload_times()
        return await self._parse(page, lambda: pypi.Project(name, page.body, page.content_type, page.url, times))

    async def _cargo_config(self, registry: Registry) -> bytes:
        fetched = await self._get(registry, cargo.config_url(registry), "application/json")
        if fetched is None:
            raise Refusal(502, f"the index at {registry.host} has no configuration")
        downloads = await self._parse(fetched, lambda: cargo.Downloads(fetched.body))
        if not self._knows(downloads.place, registry):
            raise Refusal(502, f"the crates of the index at {registry.host} cannot be reached")
        self._downloads[registry] = downloads
        return fetched.body

    async def _get(self, registry: Registry, url: str, accept: str) -> Fetched | None:
        login = self._logins.get(registry)
        fetched = await self._client.get(url, accept, login)
        if fetched.status in (404, 410):
            return None
        if fetched.status != 200:
            about = f"the registry at {registry.place} answered {fetched.status}"
            if fetched.status in (401, 403):
                about += f" to the password from {login.origin}" if login else ", and no password for it was found"
            raise Refusal(502, f"{about}, so nothing is known of the package")
        return fetched

    async def _parse[T](self, fetched: Fetched, parse: Callable[[], T]) -> T:
        try:
            return await self._off_loop(parse, len(fetched.body))
        except UnreadableError as error:
            raise Refusal(502, str(error)) from error

    async def _off_loop[T](self, work: Callable[[], T], size: int) -> T:
        if size < _LARGE:
            return work()
        async with self._reading:
            return await asyncio.to_thread(work)

    def _screening(self, kind: Kind, name: str) -> Screening:
        return Screening(rules=self._rules, registry=kind, name=name, now=self._clock())

    # --- memory --------------------------------------------------------------------------------------

    def _knows(self, place: str, registry: Registry) -> bool:
        """Remember that files of ``registry`` are at ``place``. False when nothing may be there.

        A port of its own only a registry itself may have.
        """
        known = self._file_places.get(place)
        possible = is_host_name(place) or place == registry.place
        if known is None and (not possible or len(self._file_places) >= MAX_FILE_PLACES):
            return False
        if registry not in self._file_places[place]:
            self._file_places[place].append(registry)
        return True

    def _learn(self, registry: Registry, name: str, listing: Listing) -> None:
        self._forget(registry, name)
        self._listings[registry, name] = listing, time.monotonic()
        for place in {each.place for each in listing.artifacts}:
            self._knows(place, registry)
        for each in listing.artifacts:
            self._files[each.place, each.target] = registry, name
        while len(self._listings) > MAX_LISTINGS or (len(self._files) > MAX_FILES and len(self._listings) > 1):
            self._forget(*next(iter(self._listings)))

    def _forget(self, registry: Registry, name: str) -> None:
        listing, _ = self._listings.pop((registry, name), (None, 0.0))
        for each in listing.artifacts if listing else ():
            self._files.pop((each.place, each.target), None)


def _artifact(listing: Listing, inquiry: Inquiry) -> Artifact | None:
    place, target = inquiry.listed
    return listing.find(place, pypi.main_file(target))


def _packument(name: str, body: bytes) -> npm.Packument:
    packument = npm.Packument(body)
    if packument.listing.name != name:
        raise UnreadableError("the registry answered about another package")
    return packument


def _document_url(registry: Registry, name: str) -> str:
    match registry.kind:
        case Kind.NPM:
            return npm.document_url(registry, name)
        case Kind.PYPI:
            return pypi.document_url(registry, name)
        case _:
            return cargo.document_url(registry, name)
