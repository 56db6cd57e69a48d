"""Reads the policy of a session: its files, those of the user, and what comes with the program."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

from ironcurtain_tui.packages.rules import PackageRules
from ironcurtain_tui.policy.annotations import ServerAnnotations
from ironcurtain_tui.policy.decide import HostRules, PlacedRule, Policy
from ironcurtain_tui.policy.document import parse_annotations, parse_policy, read_text
from ironcurtain_tui.policy.rules import PolicyDocument, Web, with_lists
from ironcurtain_tui.policy.surroundings import Surroundings

DEFAULT = Path(__file__).with_name("default.toml")
SHIPPED_ANNOTATIONS = Path(__file__).with_name("servers")
USER_FILE = "policy.toml"
USER_ANNOTATIONS = "annotations"


def load_policy(
    paths: Mapping[str, Path],
    hosts: Iterable[HostRules],
    workspace: Path,
    state_dir: Path,
    *,
    remote_url: Callable[[str, str], str | None] | None = None,
) -> Policy:
    """The policy made of the files in ``paths`` (``{"session": ..., "user": ...}``, the strongest first).

    A file that is not there counts as empty. ``state_dir`` is where our own state lies, which nothing may touch, and
    the user's annotations. UserFacingError names file, line and rule of whatever is wrong.
    """
    return build_policy(read_documents(paths), hosts, workspace, state_dir, remote_url=remote_url)


def read_documents(paths: Mapping[str, Path]) -> dict[str, PolicyDocument]:
    """Every file of ``paths``, read. UserFacingError as ``load_policy``."""
    return {origin: parse_policy(read_text(path) or "", str(path)) for origin, path in paths.items()}


def build_policy(
    documents: Mapping[str, PolicyDocument],
    hosts: Iterable[HostRules],
    workspace: Path,
    state_dir: Path,
    *,
    remote_url: Callable[[str, str], str | None] | None = None,
    packages: PackageRules | None = None,
) -> Policy:
    """The policy made of ``documents``, the strongest first; the program's own rules follow unless one objects.

    ``packages``: the rules for package registries; None where none may be reached.
    """
    documents = dict(documents)
    if all(document.defaults for document in documents.values()):
        documents["default"] = parse_policy(read_text(DEFAULT) or "", str(DEFAULT))
    place = partial(Surroundings, workspace=os.path.realpath(workspace), protected=(os.path.realpath(state_dir),))
    return Policy(
        hosts,
        _rules(documents),
        web=next((document.web for document in documents.values() if document.web), Web()),
        annotations=load_annotations(state_dir / USER_ANNOTATIONS),
        surroundings=place(remote_url=remote_url) if remote_url else place(),
        packages=packages,
    )


def load_annotations(user: Path) -> dict[str, ServerAnnotations]:
    """The tables of every server: the program's own, and over them, tool by tool, those in the directory ``user``."""
    found: dict[str, ServerAnnotations] = {}
    for directory in (SHIPPED_ANNOTATIONS, user):
        for path in sorted(directory.glob("*.toml")):
            table = parse_annotations(read_text(path) or "", str(path))
            before = found.get(path.stem, ServerAnnotations())
            found[path.stem] = ServerAnnotations(
                local=before.local if table.local is None else table.local, tools={**before.tools, **table.tools}
            )
    return found


def _rules(documents: Mapping[str, PolicyDocument]) -> list[PlacedRule]:
    return [
        PlacedRule(origin=origin, rule=with_lists(rule, document.lists))
        for origin, document in documents.items()
        for rule in document.rule
    ]
