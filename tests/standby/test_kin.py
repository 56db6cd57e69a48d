"""A spare stands in only for a process that would have been its like."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ironcurtain_tui import paths
from ironcurtain_tui.standby import kin as kinship
from ironcurtain_tui.standby.kin import fix_state_directory, kin, state_directory, variables

SECRETS = (
    "ANTHROPIC_API_KEY",
    "AWS_SECRET_ACCESS_KEY",
    "DOCKER_AUTH_CONFIG",
    "DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE",
    "HOMEBREW_GITHUB_API_TOKEN",
    "LANGSMITH_API_KEY",
    "LD_SDK_KEY",
    "OPENAI_API_KEY",
    "PYTHONANYWHERE_API_TOKEN",
    "TOKEN",
)


@pytest.mark.parametrize("override", [None, "", "~/somewhere", "relative/home", "/nowhere/at/all", "link/home"])
def test_its_state_directory_is_everybodys(
    override: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    monkeypatch.chdir(tmp_path)
    if override is None:
        monkeypatch.delenv("IRONCURTAIN_HOME", raising=False)
    else:
        monkeypatch.setenv("IRONCURTAIN_HOME", override)
    meant = state_directory()
    assert meant == str(paths.home())
    fix_state_directory()
    monkeypatch.chdir("/")
    assert state_directory() == str(paths.home()) == meant, "wherever somebody works"
    assert ("IRONCURTAIN_HOME" in os.environ) is (override is not None)


def test_no_key_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SECRETS:
        monkeypatch.setenv(name, "a-real-secret")
    assert "a-real-secret" not in json.dumps(kin())
    assert "a-real-secret" not in variables().values()


def told_by(environment: dict[str, str], *under: str) -> list[str]:
    """What another process says of itself."""
    printed = subprocess.run(
        [
            *under,
            sys.executable,
            "-c",
            "import json; from ironcurtain_tui.standby.kin import kin; print(json.dumps(kin()))",
        ],
        env=environment,
        check=True,
        capture_output=True,
        cwd="/",
    ).stdout
    told: list[str] = json.loads(printed)
    return told


def test_two_processes_with_the_same_start_are_alike() -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(paths.__file__).parent.parent)}
    assert told_by(environment) == told_by({**environment, "ANTHROPIC_API_KEY": "x", "PWD": "/elsewhere"})


def test_a_state_directory_is_the_same_however_it_is_named(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(paths.__file__).parent.parent), "HOME": str(tmp_path)}
    environment.pop("IRONCURTAIN_HOME", None)
    unnamed = told_by(environment)
    assert told_by({**environment, "IRONCURTAIN_HOME": str(tmp_path / ".ironcurtain")}) == unnamed
    assert told_by({**environment, "IRONCURTAIN_HOME": "~/.ironcurtain"}) == unnamed
    assert told_by({**environment, "IRONCURTAIN_HOME": str(tmp_path / "other")}) != unnamed
    (tmp_path / "link").symlink_to(".")
    assert set(told_by({**environment, "HOME": str(tmp_path / "link")})) ^ set(unnamed) == {
        f"variable HOME={tmp_path}",
        f"variable HOME={tmp_path}/link",
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TZ", "Asia/Tokyo"),
        ("LC_ALL", "C"),
        ("DOCKER_HOST", "unix:///other"),
        ("PYTHONHASHSEED", "7"),
        ("SSL_CERT_FILE", "/x"),
        ("ESCDELAY", "25"),
    ],
)
def test_what_is_read_early_must_be_the_same(name: str, value: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(paths.__file__).parent.parent)}
    assert set(told_by(environment)) ^ set(told_by({**environment, name: value}))


@pytest.mark.parametrize(
    ("under", "entry"),
    [
        (("sh", "-c", 'ulimit -n 222; exec "$@"', "sh"), "limit RLIMIT_NOFILE (222, 222)"),
        (("sh", "-c", 'ulimit -S -t 3600; exec "$@"', "sh"), "limit RLIMIT_CPU (3600, "),
        (("nice", "-n", "19"), "priority 19"),
        (("setpriv", "--no-new-privs"), "NoNewPrivs:\t1"),
        (("sh", "-c", 'echo 1000 > /proc/self/oom_score_adj; exec "$@"', "sh"), "oom_score_adj 1000"),
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="has them all")
def test_other_limits_are_another_kind(under: tuple[str, ...], entry: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(paths.__file__).parent.parent)}
    other = set(told_by(environment, *under)) - set(told_by(environment))
    assert len(other) == 1
    assert other.pop().startswith(entry)


def test_other_processors_are_another_kind() -> None:
    if sys.platform != "linux" or len(processors := os.sched_getaffinity(0)) < 2:
        pytest.skip("has one processor, or does not tell")
    environment = {**os.environ, "PYTHONPATH": str(Path(paths.__file__).parent.parent)}
    bound = told_by(environment, "taskset", "--cpu-list", str(min(processors)))
    assert {entry.partition(":")[0] for entry in set(bound) ^ set(told_by(environment))} == {"Cpus_allowed"}


def test_core_dumps_which_every_supervisor_gives_up_make_no_other_kind() -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(paths.__file__).parent.parent)}
    assert told_by(environment, "sh", "-c", 'ulimit -c 0; exec "$@"', "sh") == told_by(environment)


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="makes a namespace")
def test_other_namespaces_and_rights_are_another_kind() -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(paths.__file__).parent.parent)}
    here = set(told_by(environment))
    assert any(entry.startswith("net ") for entry in here ^ set(told_by(environment, "unshare", "--net")))
    bounded = set(told_by(environment, "setpriv", "--bounding-set", "-sys_admin"))
    assert any(entry.startswith("CapBnd:") for entry in here ^ bounded)


def test_changed_code_is_another_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "ironcurtain_tui"
    (package / "standby" / "__pycache__").mkdir(parents=True)
    module = package / "policy.py"
    module.write_text("allow = False\n")
    monkeypatch.setattr(kinship, "__file__", str(package / "standby" / "kin.py"))
    before = kin()
    (package / "standby" / "__pycache__" / "kin.pyc").write_bytes(b"")
    assert kin() == before
    os.utime(module, ns=(1, module.stat().st_mtime_ns + 1))
    changed = kin()
    assert changed != before
    (package / "new.py").write_text("")
    assert kin() not in (before, changed)


def test_upgraded_libraries_are_another_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    libraries = tmp_path / "site-packages"
    libraries.mkdir()
    monkeypatch.syspath_prepend(str(libraries))
    before = kin()
    (libraries / "mitmproxy-99.dist-info").mkdir()
    assert kin() != before


HARMLESS = {
    *("ANDROID_DATA", "PYTHONTZPATH", "REQUEST_METHOD", "_PYTHON_PROJECT_BASE", "_PYTHON_SYSCONFIGDATA_NAME"),
    *("PYDANTIC_DISABLE_PLUGINS", "PYDANTIC_VALIDATE_CORE_SCHEMAS", "PYTHON_ZSTANDARD_IMPORT_POLICY", "RUAMEL_DEBUG"),
}
"""What libraries look at when they are imported, for developers of theirs and for other systems."""
READ_EARLY = """
import os, sys
read = set()
real = type(os.environ).__getitem__
def look(environment, name):
    read.add(name)
    return real(environment, name)
type(os.environ).__getitem__ = look
if sys.argv[1] == "screen":
    from ironcurtain_tui import config
    from ironcurtain_tui.commands import screen
    from ironcurtain_tui.paths import SessionPaths
    screen.load()
else:
    from ironcurtain_tui.commands import standby
    standby._load()
print(*read)
"""


@pytest.mark.parametrize("what", ["screen", "supervisor"])
def test_all_that_is_read_while_it_loads_is_compared(what: str) -> None:
    """It would be the starter's, and not the caller's, from then on."""
    environment = {**os.environ, "PYTHONPATH": str(Path(paths.__file__).parent.parent)}
    command = [sys.executable, "-c", READ_EARLY, what]
    read = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.split()
    assert "HOME" in read or "TEXTUAL_FPS" in read
    compared = {name for name in read if name in kinship.VARIABLES or name.startswith(kinship.FAMILIES)}
    assert set(read) - compared - HARMLESS == set()
