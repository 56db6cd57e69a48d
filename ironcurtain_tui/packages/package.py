"""The words of this room."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Self
from urllib.parse import SplitResult, urlsplit

import msgspec

from ironcurtain_tui.events import Value

_HOST = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
_PATH = re.compile(r"(?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._~@+-]+)*/?")


HTTPS = 443


def place_of(host: str, port: int) -> str:
    """``host``, or ``host:port`` where that is not 443: what tells registries, and where their files are, apart."""
    return host if port == HTTPS else f"{host}:{port}"


class Kind(StrEnum):
    """The protocol a registry speaks."""

    NPM = "npm"
    PYPI = "pypi"
    CARGO = "cargo"
    DEBIAN = "debian"


class UnreadableError(ValueError):
    """A registry's document is not what it should be; the text says in what way, and quotes nothing of it."""


class Registry(Value, frozen=True):
    """A registry as its clients know it."""

    kind: Kind
    host: str
    """Lower case. Always HTTPS."""
    prefix: str
    """The path under which everything of it lies; begins and ends with a slash."""
    port: int = HTTPS

    @classmethod
    def parse(cls, kind: Kind, url: str) -> Self:
        """The registry at ``url``. ValueError says what is wrong with it; the text holds nothing of a password.

        Plain HTTP is taken for HTTPS where the kind's clients use it by habit (Debian) and refused elsewhere.
        """
        parts = urlsplit(url.removeprefix("sparse+"))
        try:
            host, port = (parts.hostname or "").lower(), parts.port
        except ValueError:
            raise ValueError("it has no valid port") from None
        if parts.scheme != "https" and not (kind is Kind.DEBIAN and parts.scheme == "http"):
            raise ValueError("only registries behind https:// can be reached")
        if parts.scheme == "http":
            if port not in (None, 80):
                raise ValueError("only registries behind https:// can be reached on a port of their own")
            port = HTTPS
        if not _HOST.fullmatch(host):
            raise ValueError("it names no host")
        if parts.query or parts.fragment or not _PATH.fullmatch(parts.path):
            raise ValueError("its path cannot be read in one way only")
        if port == 0:
            raise ValueError("it has no valid port")
        return cls(kind=kind, host=host, prefix=parts.path.rstrip("/") + "/", port=port or HTTPS)

    @property
    def place(self) -> str:
        """``host``, or ``host:port`` where that is not 443."""
        return place_of(self.host, self.port)

    @property
    def url(self) -> str:
        """With a slash at its end, and without any password."""
        return f"https://{self.place}{self.prefix}"

    def under(self, target: str) -> str | None:
        """``target`` without the prefix; None when it lies elsewhere."""
        return target.removeprefix(self.prefix) if target.startswith(self.prefix) else None


class Unserved(Value, frozen=True):
    """A registry that a client on the host uses, and that cannot be served."""

    sentence: str
    """Why, and what to do about it."""
    place: str = ""
    """Where a client may ask for it all the same; empty where it cannot get there anyway."""
    prefix: str = "/"


class Package(Value, frozen=True):
    """What a request to a registry is about, as far as it is known."""

    registry: Kind
    name: str = ""
    """In the registry's own normal form; empty for what belongs to the registry as a whole."""
    version: str = ""
    """Empty for a package's metadata."""
    file: str = ""
    """The file that is asked for; empty for metadata."""
    age: float | None = None
    """Seconds since the file was published; None when nobody says."""
    alternative: str = ""
    """The newest version that is allowed, when this one is not; empty when there is none."""

    @property
    def title(self) -> str:
        """The package in one line."""
        return " ".join(part for part in (self.registry.value, self.name, self.version or self.file) if part)


class Artifact(Value, frozen=True):
    """A file of a package, as the registry's metadata tells of it."""

    url: str
    version: str
    """Empty when the file's name does not tell it."""
    published: float | None
    """Seconds since the epoch; None when the metadata does not tell."""

    @property
    def place(self) -> str:
        """``host``, or ``host:port`` where that is not 443; lower case. Empty where it is not on HTTPS."""
        parts = self._parts
        try:
            host, port = (parts.hostname or "").lower(), parts.port or HTTPS
        except ValueError:
            return ""
        return place_of(host, port) if parts.scheme == "https" and host and "@" not in parts.netloc else ""

    @property
    def target(self) -> str:
        """Path and query, as they stand in the URL."""
        parts = self._parts
        return parts.path + (f"?{parts.query}" if parts.query else "")

    @property
    def file(self) -> str:
        """The last part of the path."""
        return self._parts.path.rpartition("/")[2]

    @property
    def _parts(self) -> SplitResult:
        """All empty for what is no URL: registries are not to be trusted with that."""
        try:
            return urlsplit(self.url)
        except ValueError:
            return urlsplit("")


class Listing(Value, frozen=True):
    """All files of one package."""

    registry: Kind
    name: str
    artifacts: tuple[Artifact, ...]
    """The newest version last."""

    def find(self, place: str, target: str) -> Artifact | None:
        """The artifact behind ``https://place`` + ``target``, spelled as in the metadata."""
        return next((each for each in self.artifacts if each.target == target and each.place == place), None)


class Asked(Value, frozen=True):
    """What a client asks of a registry. One of its subclasses."""


class Document(Asked, frozen=True):
    """Metadata of the package ``name``."""

    name: str
    form: str = ""
    """Which of the kind's forms of it; each kind has names of its own."""
    version: str = ""
    """Of this version (or tag) only."""


class File(Asked, frozen=True):
    """A file of the package ``name``, at exactly this target."""

    name: str
    version: str = ""
    """Where the target itself tells it and the metadata is not asked."""


class Plain(Asked, frozen=True):
    """Something that is passed on as it is: it is not about one package, and nothing in it needs to be held back."""


class Answer(msgspec.Struct, frozen=True):
    """A document for the client."""

    content_type: str
    body: bytes
    status: int = 200
    hidden: tuple[str, ...] = ()
    """Versions or files that were held back, each with the reason."""
