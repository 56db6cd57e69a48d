"""Which processes are alike: a spare stands in for the process that a command would have started itself.

What such a process would have from its starter, and what cannot be handed to it later: code, libraries, user, rights,
limits, namespaces, and the variables that are read while something is imported. Everything else is handed over.
Imports next to nothing: every `run` goes through here first.
"""

from __future__ import annotations

import os
import resource
import sys

VARIABLES = (
    "DOCKER_",
    "DYLD_",
    "HOME",
    "IRONCURTAIN_",
    "LANG",
    "LC_",
    "LD_",
    "MITMPROXY_",
    "NO_COLOR",
    "OPENSSL_",
    "PYTHON",
    "SSL",
    "TEMP",
    "TEXTUAL",
    "TMP",
    "TZ",
    "VIRTUAL_ENV",
    "XDG_",
)
"""How the names begin of what is, or may be, read before there is a call, or kept from then on."""
RIGHTS = ("CapEff:", "CapBnd:", "NoNewPrivs:", "Seccomp:")
"""Lines of /proc/self/status (proc(5))."""


def state_directory() -> str:
    """What ``paths.home()`` says, without what that imports."""
    override = os.environ.get("IRONCURTAIN_HOME")
    return os.path.realpath(os.path.expanduser(override)) if override else os.path.expanduser("~/.ironcurtain")


def variables() -> dict[str, str]:
    """The environment that two processes must have in common. Holds no key."""
    return {name: value for name, value in sorted(os.environ.items()) if name.startswith(VARIABLES)}


def kin() -> list[str]:
    """What this process is like, for comparison; each is an entry of its own that says what it is of."""
    return [
        f"code {_code()}",
        f"python {sys.executable} {sys.version}",
        *(f"libraries {path} {_changed(path)}" for path in sys.path if path.endswith("-packages")),
        f"user {os.getuid()} {os.geteuid()} {os.getgid()} {sorted(os.getgroups())}",
        f"files {resource.getrlimit(resource.RLIMIT_NOFILE)}",
        *_kernels_view(),
        *(f"variable {name}={value}" for name, value in variables().items()),
    ]


def _code() -> str:
    """Of our own files: where they are, how many, and when one was changed last."""
    package = os.path.dirname(os.path.dirname(__file__))
    times = [
        entry.stat().st_mtime_ns
        for directory, _, _ in os.walk(package)
        if not directory.endswith("__pycache__")
        for entry in os.scandir(directory)
        if entry.is_file()
    ]
    return f"{package} {len(times)} {max(times)}"


def _changed(path: str) -> int:
    """When something was last put into, or taken out of, the directory ``path``."""
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0


def _kernels_view() -> list[str]:
    """Log-in session, namespaces and rights, where the kernel tells."""
    if sys.platform != "linux":
        return []
    with open("/proc/self/status") as status:
        rights = [line.strip() for line in status if line.startswith(RIGHTS)]
    try:
        with open("/proc/self/sessionid") as session:
            rights.append(f"log-in {session.read()}")
    except OSError:
        pass  # a kernel without auditing
    namespaces = [f"{name} {os.readlink(f'/proc/self/ns/{name}')}" for name in ("mnt", "net", "pid", "user")]
    return rights + namespaces
