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
from ironcurtain_tui.standby.kin import kin, state_directory, variables

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
    assert state_directory() == str(paths.home())


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
    ],
)
def test_what_is_read_early_must_be_the_same(name: str, value: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(paths.__file__).parent.parent)}
    assert set(told_by(environment)) ^ set(told_by({**environment, name: value}))


def test_other_limits_are_another_kind() -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(paths.__file__).parent.parent)}
    limited = told_by(environment, "sh", "-c", 'ulimit -n 222; exec "$@"', "sh")
    assert [entry for entry in set(told_by(environment)) ^ set(limited) if not entry.startswith("files ")] == []
    assert any("222" in entry for entry in limited)


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
