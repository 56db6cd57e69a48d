"""Which processes are alike: a spare stands in for the process that a command would have started itself.

What such a process would have from its starter, and what cannot be handed to it later: code, libraries, user, rights,
limits, namespaces, and the variables that are read while something is imported. Everything else is handed over.
Imports next to nothing: every `run` goes through here first.
"""

from __future__ import annotations

import os
import resource
import sys

VARIABLES = frozenset({
    "DOCKER_API_VERSION", "DOCKER_CERT_PATH", "DOCKER_CONFIG", "DOCKER_CONTEXT", "DOCKER_HOST", "DOCKER_TLS",
    "DOCKER_TLS_VERIFY", "DYLD_FALLBACK_LIBRARY_PATH", "DYLD_INSERT_LIBRARIES", "DYLD_LIBRARY_PATH", "LD_AUDIT",
    "LD_LIBRARY_PATH", "LD_PRELOAD", "HOME", "IRONCURTAIN_HOME", "LANG", "LANGUAGE", "NO_COLOR", "TEMP", "TMP",
    "TMPDIR", "TZ", "MITMPROXY_SSLKEYLOGFILE", "OPENSSL_CONF", "OPENSSL_MODULES", "SSLKEYLOGFILE", "SSL_CERT_DIR",
    "SSL_CERT_FILE", "PYTHONASYNCIODEBUG", "PYTHONCOERCECLOCALE", "PYTHONDEVMODE", "PYTHONDONTWRITEBYTECODE",
    "PYTHONHASHSEED", "PYTHONHOME", "PYTHONIOENCODING", "PYTHONMALLOC", "PYTHONNOUSERSITE", "PYTHONOPTIMIZE",
    "PYTHONPATH", "PYTHONPLATLIBDIR", "PYTHONPYCACHEPREFIX", "PYTHONSAFEPATH", "PYTHONUSERBASE", "PYTHONUTF8",
    "PYTHONWARNINGS", "PYTHON_GIL",
})  # fmt: skip
"""What is, or may be, read before there is a call, or kept from then on. By their whole names: LANGSMITH_API_KEY, and
HOMEBREW_GITHUB_API_TOKEN, are others."""
FAMILIES = ("LC_", "TEXTUAL_")
"""How the names of such begin."""
HOME_VARIABLE = "IRONCURTAIN_HOME"
"""Where it leads is what counts, not how it is written, or whether it is at all."""
RIGHTS = ("CapEff:", "CapBnd:", "NoNewPrivs:", "Seccomp:")
"""Lines of /proc/self/status (proc(5))."""


def state_directory() -> str:
    """What ``paths.home()`` says, without what that imports."""
    override = os.environ.get(HOME_VARIABLE)
    return os.path.realpath(os.path.expanduser(override)) if override else os.path.expanduser("~/.ironcurtain")


def variables() -> dict[str, str]:
    """The environment that two processes must have in common. Holds no key."""
    return {name: value for name, value in sorted(os.environ.items()) if name in VARIABLES or name.startswith(FAMILIES)}


def inherited() -> dict[str, str]:
    """The environment for a process that is to be our like, and no more of ours than that."""
    return {**variables(), "PATH": os.environ.get("PATH", os.defpath)}


def kin() -> list[str]:
    """What this process is like, for comparison; each is an entry of its own that says what it is of."""
    return [
        f"code {_code()}",
        f"python {sys.executable} {sys.version}",
        *(f"libraries {path} {_changed(path)}" for path in sys.path if path.endswith("-packages")),
        f"user {os.getuid()} {os.geteuid()} {os.getgid()} {sorted(os.getgroups())}",
        f"files {resource.getrlimit(resource.RLIMIT_NOFILE)}",
        *_kernels_view(),
        f"state {os.path.realpath(state_directory())}",
        *(f"variable {name}={value}" for name, value in variables().items() if name != HOME_VARIABLE),
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
