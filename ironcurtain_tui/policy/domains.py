"""Hosts and git remotes: reading them out of URLs, and patterns of them.

A pattern is ``*`` (any host name), ``*.example.org`` (that domain and all below it) or a host name; for git remotes
a path may follow: ``github.com/owner/repository`` or ``github.com/owner/*``. A pattern never matches an address.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from ironcurtain_tui.policy.endpoint import is_host_name

_ODD = re.compile(r"[^\x21-\x7e]|\\")
"""What URL parsers disagree about."""
_SCP_FORM = re.compile(r"(?:[A-Za-z0-9._-]+@)?([A-Za-z0-9.-]+):(?!//)(.+)")
"""Of git: ``user@host:path``."""
_REMOTE_PATH = re.compile(r"(?!.*(?:^|/)\.{1,2}(?:/|$))[A-Za-z0-9._~+-]+(?:/[A-Za-z0-9._~+-]+)*")
_REMOTE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_GIT_PORTS = {"https": 443, "ssh": 22, "git+ssh": 22}
_WEB_PORTS = {"https": 443, "http": 80}


def is_pattern(pattern: str, *, paths: bool = False) -> bool:
    """Whether ``pattern`` is one, with a path behind the host where ``paths``."""
    host, slash, path = pattern.partition("/")
    if slash and not (paths and re.fullmatch(r"[A-Za-z0-9._~+*-]+(/[A-Za-z0-9._~+*-]+)*", path)):
        return False
    return host == "*" or is_host_name(host.lower().removeprefix("*."))


def matches(pattern: str, subject: str, *, caseless: bool = False) -> bool:
    """Whether ``subject`` (a lower-case host, or ``host/path`` of a git remote) fits ``pattern``.

    ``caseless``: also in the path, which is one and the same to the large hosters in whatever case.
    """
    if caseless:
        pattern, subject = pattern.lower(), subject.lower()
    host, _, path = subject.partition("/")
    wanted_host, slash, wanted_path = pattern.partition("/")
    wanted_host = wanted_host.lower()
    if not is_host_name(host):
        return False
    if wanted_host.startswith("*."):
        if host != wanted_host[2:] and not host.endswith(wanted_host[1:]):
            return False
    elif wanted_host not in ("*", host):
        return False
    wanted_path = wanted_path.removesuffix(".git")  # as in every subject
    return not slash or re.fullmatch(re.escape(wanted_path).replace(r"\*", "[^/]+"), path) is not None


def url_host(url: str) -> str | None:
    """The lower-case host of an ``http`` or ``https`` URL, with its port where that is not the usual one.

    None when it is no such URL, or one that can be read in two ways.
    """
    if _ODD.search(url):
        return None
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    usual = _WEB_PORTS.get(parts.scheme.lower())
    if usual is None or not host or "%" in host:
        return None
    host = f"[{host}]" if ":" in host else host.lower().removesuffix(".")
    return host if port in (None, usual) else f"{host}:{port}"


def address_of(host: str) -> str | None:
    """The address that ``host`` (from ``url_host``) spells out, in any notation a resolver takes; None for a name."""
    bare = re.sub(r"(?<=\]):\d+$|^([^\[\]:]*):\d+$", r"\1", host).strip("[]")
    if bare == "localhost" or bare.endswith(".localhost"):
        return "127.0.0.1"
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        pass
    parts = bare.split(".")
    try:  # inet_aton's notations: 127.1, 0x7f000001, 017700000001
        numbers = [_number(part) for part in parts]
    except ValueError:
        return None
    if not 1 <= len(numbers) <= 4 or any(number > 255 for number in numbers[:-1]):
        return None
    value = sum(number << (24 - 8 * place) for place, number in enumerate(numbers[:-1])) + numbers[-1]
    return str(ipaddress.IPv4Address(value)) if value < 1 << 32 else None


def _number(text: str) -> int:
    if re.fullmatch(r"0[xX][0-9a-fA-F]+", text):
        return int(text, 16)
    if re.fullmatch(r"[0-9]+", text):
        return int(text, 8 if text.startswith("0") and len(text) > 1 else 10)
    raise ValueError(text)


def is_remote_name(value: str) -> bool:
    """Whether ``value`` is the name of a remote rather than a place."""
    return _REMOTE_NAME.fullmatch(value) is not None


def is_remote_subject(subject: str) -> bool:
    """Whether it is known where a remote leads: ``host/path`` or a path of this machine."""
    return "/" in subject and "://" not in subject


def remote_path(value: str) -> str | None:
    """The path of a remote on this machine's file system; None when it is another kind of remote."""
    if value.startswith("file://"):
        return value.removeprefix("file://").removeprefix("localhost")
    return value if value.startswith(("/", "./", "../", "~/")) else None


def remote_subject(url: str) -> str | None:
    """``host/owner/repository`` of a git URL over HTTPS or SSH, for matching; None for every other."""
    if _ODD.search(url) or "::" in url or "%" in url:
        return None
    if "://" in url:
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            return None
        scheme = parts.scheme.lower()
        if scheme not in _GIT_PORTS or parts.query or parts.fragment or port not in (None, _GIT_PORTS[scheme]):
            return None
        path = parts.path
    elif scp := _SCP_FORM.fullmatch(url):
        host, path = scp[1], scp[2]
    else:
        return None
    host, path = host.lower(), path.strip("/").removesuffix(".git")
    return f"{host}/{path}" if is_host_name(host) and _REMOTE_PATH.fullmatch(path) else None
