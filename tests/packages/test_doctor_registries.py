"""What doctor says of package registries, asked for real."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ironcurtain_tui.cli import main

from .world import CARGO, NPM, PYPI, World

TOKEN = "npm-token-of-nobody-0123456789"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, world: World) -> Path:
    home = tmp_path / "home"
    (home / ".cargo").mkdir(parents=True)
    for name in ("HTTPS_PROXY", "https_proxy", "PIP_INDEX_URL", "NPM_CONFIG_REGISTRY", "CARGO_HOME", "NETRC"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("IRONCURTAIN_HOME", str(tmp_path / "ic"))
    (home / ".npmrc").write_text(f"registry=https://{NPM}/\n//{NPM}/:_authToken={TOKEN}\n")
    (home / ".cargo/config.toml").write_text('[registries.old]\nindex = "https://git.example.org/index"\n')
    monkeypatch.setenv("NPM_CONFIG_USERCONFIG", str(home / ".npmrc"))
    authority = tmp_path / "world.pem"
    authority.write_bytes(world.ca_pem)
    (tmp_path / "ic").mkdir()
    hosts = "".join(
        f'[web.hosts."{host}"]\nupstream = "127.0.0.1:{world.port}"\nca = "{authority}"\n'
        for host in (NPM, PYPI, CARGO)
    )
    nowhere = "https://nowhere.invalid/debian stable main"
    (tmp_path / "ic" / "config.toml").write_text(
        f'[packages]\nenabled = true\npypi = ["https://{PYPI}/simple/"]\ndebian = ["{nowhere}"]\n{hosts}'
    )
    return home


def findings(capsys: pytest.CaptureFixture[str]) -> dict[str, tuple[str, str, str]]:
    """State, text and remedy by the first word of the text."""
    main(["doctor", "packages", "--json"])
    output = capsys.readouterr().out
    assert TOKEN not in output
    found = json.loads(output)
    assert {one["name"] for one in found} == {"packages"}
    return {one["text"].split(" ")[0]: (one["state"], one["text"], one["remedy"]) for one in found}


def test_each_has_a_line(world: World, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world.passwords = {NPM: f"Bearer {TOKEN}", PYPI: "Basic x"}
    found = findings(capsys)
    npmrc = home / ".npmrc"
    assert found["npm"][:2] == ("ok", f"npm https://{NPM}/ (from {npmrc}, password from {npmrc}) answers")
    state, text, remedy = found["pypi"]
    assert (state, text) == (
        "fail",
        f"pypi https://{PYPI}/simple/ (from config.toml, without a password) wants a password",
    )
    assert "Log in with pip" in remedy
    state, text, remedy = found["debian"]
    assert (state, "cannot be reached" in text) == ("fail", True)
    state, text, remedy = found["the"]
    assert (state, "git index" in text, "sparse" in remedy) == ("warn", True, True)


def test_a_password_that_is_not_accepted(world: World, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world.passwords = {NPM: "Bearer another"}
    assert "does not accept that password" in findings(capsys)["npm"][1]


def test_where_they_are_off(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home.parent / "ic" / "config.toml").write_text("")
    (one,) = findings(capsys).values()
    assert (one[0], "off" in one[1]) == ("ok", True)
