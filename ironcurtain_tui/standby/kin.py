"""Which processes are alike: a spare stands in for the process that a command would have started itself.

What such a process would have from its starter, and what cannot be handed to it later: code, libraries, user, rights,
limits, priority, namespaces, and the variables that are read while something is imported. Everything else is handed
over, but for the control group: some terminals have one for every tab. Imports next to nothing: every `run` goes
through here first.
"""

from __future__ import annotations

import os
import resource
import sys

VARIABLES = frozenset({
    "DOCKER_API_VERSION", "DOCKER_CERT_PATH", "DOCKER_CONFIG", "DOCKER_CONTEXT", "DOCKER_HOST", "DOCKER_TLS",
    "DOCKER_TLS_VERIFY", "DYLD_FALLBACK_LIBRARY_PATH", "DYLD_INSERT_LIBRARIES", "DYLD_LIBRARY_PATH", "ESCDELAY", "HOME",
    "IRONCURTAIN_HOME", "LANG", "LANGUAGE", "LD_AUDIT", "LD_LIBRARY_PATH", "LD_PRELOAD", "MITMPROXY_SSLKEYLOGFILE",
    "NO_COLOR", "OPENSSL_CONF", "OPENSSL_MODULES", "PYTHONASYNCIODEBUG", "PYTHONCOERCECLOCALE", "PYTHONDEVMODE",
    "PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED", "PYTHONHOME", "PYTHONIOENCODING", "PYTHONMALLOC", "PYTHONNOUSERSITE",
    "PYTHONOPTIMIZE", "PYTHONPATH", "PYTHONPLATLIBDIR", "PYTHONPYCACHEPREFIX", "PYTHONSAFEPATH", "PYTHONUSERBASE",
    "PYTHONUTF8", "PYTHONWARNINGS", "PYTHON_GIL", "SSLKEYLOGFILE", "SSL_CERT_DIR", "SSL_CERT_FILE", "TEMP", "TMP",
    "TMPDIR", "TZ",
})  # fmt: skip
"""What is, or may be, read before there is a call, or kept from then on. By their whole names: LANGSMITH_API_KEY, and
HOMEBREW_GITHUB_API_TOKEN, are others."""
FAMILIES = ("LC_", "TEXTUAL_")
"""How the names of such begin."""
HOME_VARIABLE = "IRONCURTAIN_HOME"
"""Where it leads is what counts, not how it is written, or whether it is at all."""
STATUS = ("Cap", "NoNewPrivs:", "Seccomp:", "Cpus_allowed:")
"""How lines of /proc/<pid>/status begin that tell of rights and limits (proc(5))."""
LIMITS = sorted({name for name in dir(resource) if name.startswith("RLIMIT_")} - {"RLIMIT_CORE", "RLIMIT_OFILE"})
"""A spare gives up core dumps, as any supervisor does; the other is a second name of NOFILE."""


def state_directory() -> str:
    """What ``paths.home()`` says, without what that imports."""
    override = os.environ.get(HOME_VARIABLE)
    return os.path.realpath(os.path.expanduser(override)) if override else os.path.expanduser("~/.ironcurtain")


def fix_state_directory() -> None:
    """Have its name mean the same everywhere: what this process starts works in other directories."""
    if os.environ.get(HOME_VARIABLE):
        os.environ[HOME_VARIABLE] = state_directory()


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
        *(f"limit {name} {resource.getrlimit(getattr(resource, name))}" for name in LIMITS),
        f"priority {os.getpriority(os.PRIO_PROCESS, 0)}",
        *kernels_view("self"),
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


def kernels_view(process: str) -> list[str]:
    """Of what a process is like what the kernel says, where it does: nobody can pretend to that.

    ``process``: a number, or "self". OSError when it has gone, or is somebody else's.
    """
    if sys.platform != "linux":
        return []
    view = [f"{name} {os.readlink(f'/proc/{process}/ns/{name}')}" for name in ("mnt", "net", "pid", "user")]
    with open(f"/proc/{process}/status") as status:
        view += [line.strip() for line in status if line.startswith(STATUS)]
    for name in ("sessionid", "oom_score_adj", "attr/current"):  # log-in, last resort, AppArmor or SELinux
        try:
            with open(f"/proc/{process}/{name}") as file:
                view.append(f"{name} {file.read().strip()}")
        except OSError:
            pass  # a kernel without
    return view
