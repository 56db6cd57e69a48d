"""Which registries the clients on the host use, read from their own settings. Takes texts, finds URLs.

Sources: npmrc(5); pip's "Configuration"; Cargo's "Configuration" (``[source]``, ``[registries]``); sources.list(5).
"""

from __future__ import annotations

import configparser
import re
import tomllib
from collections.abc import Iterable, Mapping

_NPM_SETTING = re.compile(r"\s*((?:@[A-Za-z0-9._~-]+:)?registry)\s*=\s*(\S+)\s*")
_NPM_LOGIN = re.compile(r"\s*//([^\s=]+?)/?:(_authToken|_auth|username|_password)\s*=\s*(\S+)\s*")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_ONE_LINE = re.compile(r"deb\s+(?:\[(?P<options>[^\]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)(?P<components>(?:\s+\S+)*)")
_DEBIANS_OWN = re.compile(r"(?:.*/)?debian-archive-keyring\.(?:gpg|pgp|asc)")


def npm(texts: Iterable[str], environment: Mapping[str, str]) -> dict[str, str]:
    """URLs by scope (``@mine``; empty for everything else), from npmrc files, the strongest first."""
    found: dict[str, str] = {}
    for text in texts:
        for line in text.splitlines():
            if match := _NPM_SETTING.fullmatch(line):
                url = _VARIABLE.sub(lambda name: environment.get(name[1], ""), match[2].strip("\"'"))
                found.setdefault(match[1].rpartition(":")[0], url)
    return found


def npm_logins(text: str, environment: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Of an npmrc file, what opens registries: setting to value, by ``host[:port]/path/``."""
    found: dict[str, dict[str, str]] = {}
    for line in text.splitlines():
        if match := _NPM_LOGIN.fullmatch(line):
            place, _, path = match[1].partition("/")
            key = f"{place.lower().removesuffix(':443')}/{path}".rstrip("/") + "/"
            value = _VARIABLE.sub(lambda name: environment.get(name[1], ""), match[3].strip("\"'"))
            if value:
                found.setdefault(key, {}).setdefault(match[2], value)
    return found


def pip(texts: Iterable[str]) -> tuple[str, ...]:
    """URLs of indices, the main one first (empty when none is set), from pip.conf files, the strongest first."""
    main, extra = "", ""
    for text in texts:
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read_string(text)
        except configparser.Error:
            continue
        main = main or parser.get("global", "index-url", fallback="").strip()
        extra = extra or parser.get("global", "extra-index-url", fallback="").strip()
    return main, *extra.split()


def pip_default(help_text: str) -> str:
    """The index that pip uses when nothing is set, from ``pip install --help``; empty when it does not tell."""
    match = re.search(r"--index-url\b.*?\(default\s+(https://[^\s)]+)\)", help_text, re.DOTALL)
    return match[1] if match else ""


def cargo(text: str) -> tuple[str, ...]:
    """URLs of sparse indices, what stands in for the public registry first, from a config.toml."""
    try:
        settings = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return ()
    sources, registries = _tables(settings.get("source")), _tables(settings.get("registries"))
    urls = [
        sources[name].get("registry") or registries.get(name, {}).get("index")
        for each in sources.values()
        if isinstance(name := each.get("replace-with"), str) and name in {*sources, *registries}
        if name in sources or name in registries
    ]
    urls += [each.get("index") for each in registries.values()]
    return tuple(dict.fromkeys(url for url in urls if isinstance(url, str) and url.startswith("sparse+")))


def cargo_git(text: str) -> tuple[str, ...]:
    """URLs of the registries in a config.toml whose index is a git repository."""
    try:
        settings = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return ()
    urls = [each.get("registry") for each in _tables(settings.get("source")).values()]
    urls += [each.get("index") for each in _tables(settings.get("registries")).values()]
    return tuple(dict.fromkeys(url for url in urls if isinstance(url, str) and not url.startswith("sparse+")))


def cargo_names(text: str) -> tuple[tuple[str, str], ...]:
    """Name and index of every registry in a config.toml."""
    try:
        registries = _tables(tomllib.loads(text).get("registries"))
    except tomllib.TOMLDecodeError:
        return ()
    return tuple((name, url) for name, each in registries.items() if isinstance(url := each.get("index"), str))


def cargo_token(text: str, name: str) -> str:
    """The token of the registry ``name``, from a credentials.toml; empty without one."""
    try:
        token = _tables(tomllib.loads(text).get("registries")).get(name, {}).get("token")
    except tomllib.TOMLDecodeError:
        return ""
    return token if isinstance(token, str) else ""


def _tables(value: object) -> dict[str, dict[str, object]]:
    return {name: each for name, each in value.items() if isinstance(each, dict)} if isinstance(value, dict) else {}


def debian(texts: Iterable[str]) -> tuple[str, ...]:
    """``URL suite component...`` of every archive that Debian itself signs, from sources.list and .sources files."""
    return tuple(dict.fromkeys(line for text in texts for line in (*_one_line_style(text), *_deb822_style(text))))


def _one_line_style(text: str) -> list[str]:
    matches = (_ONE_LINE.fullmatch(line.partition("#")[0].strip()) for line in text.splitlines())
    return [
        f"{match['uri']} {match['suite']}{match['components']}"
        for match in matches
        if match
        and _is_debians_own(dict(_pair(option) for option in (match["options"] or "").split()).get("signed-by", ""))
    ]


def _pair(option: str) -> tuple[str, str]:
    name, _, value = option.partition("=")
    return name, value


def _deb822_style(text: str) -> list[str]:
    found = []
    for stanza in re.split(r"\n\s*\n", text):
        fields: dict[str, str] = {}
        name = ""
        for line in stanza.splitlines():
            if line.startswith("#"):
                continue
            if line[:1].isspace():
                fields[name] = f"{fields.get(name, '')} {line.strip()}"
            elif ":" in line:
                name, _, value = line.partition(":")
                name = name.strip().lower()
                fields[name] = value.strip()
        if "deb" in fields.get("types", "").split() and _is_debians_own(fields.get("signed-by", "")):
            found += [
                f"{uri} {suite} {fields.get('components', '')}".rstrip()
                for uri in fields.get("uris", "").split()
                for suite in fields.get("suites", "").split()
            ]
    return found


def _is_debians_own(signed_by: str) -> bool:
    return not signed_by or _DEBIANS_OWN.fullmatch(signed_by) is not None


def netrc(text: str) -> dict[str, tuple[str, str]]:
    """Login and password by host, of the machines in a netrc file (curl's and Python's reading, without macros)."""
    found: dict[str, tuple[str, str]] = {}
    words = iter(text.split())
    host = ""
    said: dict[str, str] = {}
    for word in words:
        if word in ("machine", "default"):
            host, said = (next(words, "").lower() if word == "machine" else ""), {}
        elif word in ("login", "password", "account"):
            said[word] = next(words, "")
            if host and {"login", "password"} <= said.keys():
                found.setdefault(host, (said["login"], said["password"]))
    return found
