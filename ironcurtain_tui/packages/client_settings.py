"""What the installers in the container are told: the same registries as on the host, as files in the agent's home.

Without passwords: what a registry's URL held of one is gone. A project's own settings still come first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ironcurtain_tui.packages.package import Kind, Registry

PATIENT = 600
"""Seconds an installer waits for a file, because a person may be asked about it."""


def files(
    registries: Sequence[Registry],
    npm_scopes: Mapping[str, Registry],
    archives: Sequence[str],
    *,
    ca_bundle: str,
) -> dict[str, bytes]:
    """Paths relative to the agent's home, with their content.

    ``npm_scopes``: registries for some scopes only. ``archives``: ``URL suite component...`` of Debian archives.
    """
    of = {kind: [each for each in registries if each.kind is kind] for kind in Kind}
    made: dict[str, list[str]] = {}
    if of[Kind.NPM]:
        scopes = [f"{scope}:registry={registry.url}" for scope, registry in npm_scopes.items()]
        main = [each for each in of[Kind.NPM] if each not in npm_scopes.values()] or of[Kind.NPM]
        quiet = ["audit=false", "fund=false", "update-notifier=false"]
        made[".npmrc"] = [f"registry={main[0].url}", *scopes, *quiet, f"fetch-timeout={PATIENT * 1000}"]
    if of[Kind.PYPI]:
        index, *others = of[Kind.PYPI]
        extra = ["extra-index-url =", *(f"    {each.url}" for each in others)] if others else []
        made[".config/pip/pip.conf"] = [
            "[global]",
            f"index-url = {index.url}",
            *extra,
            f"timeout = {PATIENT}",
            "disable-pip-version-check = true",
        ]
        made[".config/uv/uv.toml"] = [
            *(f'[[index]]\nurl = "{each.url}"' for each in others),
            f'[[index]]\nurl = "{index.url}"\ndefault = true',
        ]
    if of[Kind.CARGO]:
        made[".cargo/config.toml"] = [
            '[source.crates-io]\nreplace-with = "ironcurtain"',
            f'[source.ironcurtain]\nregistry = "sparse+{of[Kind.CARGO][0].url}"',
            f'[http]\ncainfo = "{ca_bundle}"\ntimeout = {PATIENT}',
        ]
    if archives:
        made[".apt/sources.list"] = [f"deb {each}" for each in archives]
        made[".apt/state/lists/partial/.keep"] = made[".apt/cache/archives/partial/.keep"] = []
    return {path: "".join(f"{line}\n" for line in lines).encode() for path, lines in made.items()}


def apt_settings(home: str) -> str:
    """Lines for apt.conf: the agent is not root and the file system is read-only, so all of apt's state is in its home.

    Source: apt.conf(5). It can load lists and download packages then, not install them.
    """
    return (
        f'Dir::Etc::SourceList "{home}/.apt/sources.list";\n'
        'Dir::Etc::SourceParts "-";\n'
        f'Dir::State "{home}/.apt/state";\n'
        'Dir::State::Status "/var/lib/dpkg/status";\n'
        f'Dir::Cache "{home}/.apt/cache";\n'
    )
