"""Which packages may be installed: names that never may, names that always may, and an age all others must have."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

import msgspec

from ironcurtain_tui.events import Decision, Value
from ironcurtain_tui.packages.package import Artifact, Kind, Listing, Package

DAY = 86400.0
_PATTERN = re.compile(
    rf"(?:(?P<kind>{'|'.join(Kind)}):)?(?P<name>@?[A-Za-z0-9._~*+/-]+)(?:@(?P<version>[A-Za-z0-9._~*+!:-]+))?"
)
_UNITS = ((DAY, "day"), (3600.0, "hour"), (60.0, "minute"))


class Ruling(Value, frozen=True):
    """What the rules say of a package."""

    decision: Decision
    reason: str = ""
    rule: str = ""


class PackageRules(Value, frozen=True):
    """The rules of a session. A pattern is ``[kind:]name[@version]``, with ``*`` for anything; deny beats allow."""

    deny: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    """Allowed at any age, even one that nobody tells."""
    min_age: float = 2 * DAY
    """Seconds since a file was published; 0 for any age. Debian's archives tell none, so it does not hold there."""
    ask: bool = False
    """Whether a person is asked about what is too new."""

    def __post_init__(self) -> None:
        for pattern in (*self.deny, *self.allow):
            if not _PATTERN.fullmatch(pattern):
                raise ValueError(f"{pattern!r} is no pattern of a package, like 'left-pad', 'npm:@mine/*' or 'x@1.2.*'")

    def judge(self, package: Package) -> Ruling:
        """The decision on ``package``."""
        label = f"packages: {package.registry}"
        denied = next((each for each in self.deny if _fits(each, package)), None)
        if denied is not None:
            return Ruling(
                decision=Decision.DENY, reason=f"{package.title} is on the deny list", rule=f"{label}, deny {denied}"
            )
        allowed = next((each for each in self.allow if package.name and _fits(each, package)), None)
        if allowed is not None:
            return Ruling(decision=Decision.ALLOW, rule=f"{label}, allow {allowed}")
        if not package.file or package.registry is Kind.DEBIAN or not self.min_age:
            return Ruling(decision=Decision.ALLOW, rule=label)
        if package.age is not None and package.age >= self.min_age:
            return Ruling(decision=Decision.ALLOW, rule=f"{label}, old enough")
        known = (
            f"was published {_words(package.age)} ago"
            if package.age is not None
            else "does not tell when it was published"
        )
        use = f"; use {package.alternative}" if package.alternative else ""
        return Ruling(
            decision=Decision.ESCALATE if self.ask else Decision.DENY,
            reason=f"{package.title} {known}, and packages must be {_words(self.min_age)} old{use}",
            rule=f"{label}, too new",
        )


class Screening(Value, frozen=True):
    """The rules applied to one package, now."""

    rules: PackageRules
    registry: Kind
    name: str
    now: float
    """Seconds since the epoch."""

    def package(self, artifact: Artifact) -> Package:
        """``artifact`` as what the rules judge."""
        return Package(
            registry=self.registry,
            name=self.name,
            version=artifact.version,
            file=artifact.file or artifact.version,
            age=None if artifact.published is None else self.now - artifact.published,
        )

    def objection(self, artifact: Artifact, alternative: str = "") -> str:
        """Why ``artifact`` is held back, and that ``alternative`` is not; empty when it is not held back either."""
        ruling = self.rules.judge(msgspec.structs.replace(self.package(artifact), alternative=alternative))
        return "" if ruling.decision is Decision.ALLOW else ruling.reason

    def objections(self, artifacts: Sequence[Artifact]) -> tuple[str, ...]:
        """For each of ``artifacts``, the newest version last, why it is held back; empty where it is not."""
        newest = next((each.version for each in reversed(artifacts) if not self.objection(each)), "")
        return tuple(self.objection(each, newest) for each in artifacts)

    def forbids(self, artifact: Artifact) -> bool:
        """Whether not even a person could let ``artifact`` through, or a day's patience."""
        return any(_fits(each, self.package(artifact)) for each in self.rules.deny)

    def newest(self, listing: Listing) -> str:
        """The newest version in ``listing`` that is allowed; empty when there is none."""
        return next((each.version for each in reversed(listing.artifacts) if not self.objection(each)), "")


def _fits(pattern: str, package: Package) -> bool:
    match = _PATTERN.fullmatch(pattern)
    if match is None or match["kind"] not in (None, package.registry):
        return False
    if not fnmatchcase(_plain(package.name, package.registry), _plain(match["name"], package.registry)):
        return False
    return match["version"] is None or (bool(package.version) and fnmatchcase(package.version, match["version"]))


def _plain(name: str, kind: Kind) -> str:
    """``name`` in a form in which two spellings of one package are the same."""
    match kind:
        case Kind.PYPI:
            return re.sub(r"[-_.]+", "-", name).lower()
        case Kind.CARGO:
            return name.replace("_", "-").lower()
        case _:
            return name.lower()


def _words(seconds: float) -> str:
    for size, unit in _UNITS:
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return "less than a minute"
