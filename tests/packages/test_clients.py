"""The real installers, through the real proxy, at registries of our own."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from ironcurtain_tui.events import Decision

from .conftest import Shop
from .world import AGES, CARGO, CRATES, FILES, NPM, PYPI

PIP = (sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check")
INDEX = f"https://{PYPI}/simple/"


async def pip(shop: Shop, *requirements: str) -> tuple[int, str]:
    target = str(shop.directory / "site")
    options = ("--no-cache-dir", "--index-url", INDEX, "--cert", str(shop.bundle), "--target", target)
    return await shop.run(*PIP, "install", *options, *requirements)


def denials(shop: Shop) -> list[str]:
    return [verdict.reason for _, verdict in shop.gate.admitted if verdict.decision is Decision.DENY]


class TestPip:
    async def test_it_picks_an_older_version_by_itself(self, shop: Shop) -> None:
        status, output = await pip(shop, "leftpad")
        assert status == 0, output
        assert (shop.directory / "site" / "leftpad.py").read_text() == "version = '1.2.0'\n"
        assert any("1.3.0 was published 3 hours ago" in each for each in shop.gate.hidden)

    async def test_a_version_that_is_too_new_is_refused_with_a_sentence(self, shop: Shop) -> None:
        status, output = await pip(shop, "leftpad==1.3.0")
        assert status != 0
        assert "pypi leftpad 1.3.0 was published 3 hours ago, and packages must be 2 days old; use 1.2.0" in output
        assert not any("1.3.0" in target for target in shop.world.targets(FILES))
        assert denials(shop)

    async def test_a_link_to_the_file_itself_is_no_way_around(self, shop: Shop) -> None:
        target = next(target for host, target in shop.world.pages if host == FILES and "1.3.0" in target)
        agent = await shop.inside(PYPI)
        await agent.ask(f"GET /simple/leftpad/ HTTP/1.1\r\nHost: {PYPI}\r\n\r\n".encode())
        status, output = await pip(shop, f"https://{FILES}{target}")
        assert status != 0
        assert "use 1.2.0" in output
        assert target not in shop.world.targets(FILES)

    async def test_an_index_that_speaks_html_only(self, shop: Shop) -> None:
        shop.world.publish_python("oldindex", AGES, html=True)
        status, output = await pip(shop, "oldindex")
        assert status == 0, output
        assert "1.2.0" in (shop.directory / "site" / "oldindex.py").read_text()


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed here")
class TestNpm:
    async def npm(self, shop: Shop, *arguments: str) -> tuple[int, str]:
        options = {
            "npm_config_registry": f"https://{NPM}/",
            "npm_config_cafile": str(shop.bundle),
            "npm_config_cache": str(shop.directory / "cache"),
            "npm_config_fetch_retries": "0",
        }
        return await shop.run("npm", *arguments, **options)

    def installed(self, shop: Shop, name: str) -> str:
        manifest = json.loads((shop.directory / "node_modules" / name / "package.json").read_text())
        return str(manifest["version"])

    async def test_it_picks_an_older_version_by_itself(self, shop: Shop) -> None:
        status, output = await self.npm(shop, "install", "leftpad")
        assert status == 0, output
        assert self.installed(shop, "leftpad") == "1.2.0"

    async def test_a_version_that_is_too_new_is_refused_with_a_sentence(self, shop: Shop) -> None:
        status, output = await self.npm(shop, "install", "leftpad@1.3.0")
        assert status != 0
        assert "npm leftpad 1.3.0 was published 3 hours ago, and packages must be 2 days old" in output
        assert not any("1.3.0" in target for target in shop.world.targets(NPM))

    async def test_a_lock_file_is_no_way_around(self, shop: Shop) -> None:
        target = "/leftpad/-/leftpad-1.3.0.tgz"
        dependencies = {"leftpad": "1.3.0"}
        packages = {
            "": {"name": "x", "version": "1.0.0", "dependencies": dependencies},
            "node_modules/leftpad": {"version": "1.3.0", "resolved": f"https://{NPM}{target}"},
        }
        lock = {"name": "x", "version": "1.0.0", "lockfileVersion": 3, "packages": packages}
        (shop.directory / "package.json").write_text(json.dumps(packages[""]))
        (shop.directory / "package-lock.json").write_text(json.dumps(lock))
        status, output = await self.npm(shop, "ci")
        assert status != 0
        assert "packages must be 2 days old; use 1.2.0" in output
        assert target not in shop.world.targets(NPM)

    async def test_scoped_packages(self, shop: Shop) -> None:
        shop.world.publish_npm("@mine/thing", AGES)
        status, output = await self.npm(shop, "install", "@mine/thing")
        assert status == 0, output
        assert self.installed(shop, "@mine/thing") == "1.2.0"


@pytest.mark.skipif(shutil.which("cargo") is None, reason="Cargo is not installed here")
class TestCargo:
    async def fetch(self, shop: Shop, requirement: str, lock: str = "") -> tuple[int, str, Path]:
        project = shop.directory / "project"
        (project / "src").mkdir(parents=True)
        (project / "src" / "lib.rs").write_text("")
        (project / "Cargo.toml").write_text(
            '[package]\nname = "project"\nversion = "0.1.0"\nedition = "2021"\n'
            f'[dependencies]\nleftpad = {{ version = "{requirement}", registry = "own" }}\n'
        )
        if lock:
            (project / "Cargo.lock").write_text(lock)
        home = shop.directory / "cargo"
        home.mkdir()
        (home / "config.toml").write_text(
            f'[registries.own]\nindex = "sparse+https://{CARGO}/"\n[http]\ncainfo = "{shop.bundle}"\n[net]\nretry = 0\n'
        )
        rust = os.environ.get("RUSTUP_HOME", str(Path.home() / ".rustup"))
        status, output = await shop.run("cargo", "fetch", cwd=project, CARGO_HOME=str(home), RUSTUP_HOME=rust)
        return status, output, project

    async def test_it_picks_an_older_version_by_itself(self, shop: Shop) -> None:
        status, output, project = await self.fetch(shop, "1")
        assert status == 0, output
        assert 'version = "1.2.0"' in (project / "Cargo.lock").read_text()
        assert "/leftpad/1.2.0/download" in shop.world.targets(CRATES)

    async def test_a_lock_file_is_no_way_around(self, shop: Shop) -> None:
        checksum = hashlib.sha256(shop.world.pages[CRATES, "/leftpad/1.3.0/download"][1]).hexdigest()
        lock = (
            'version = 3\n\n[[package]]\nname = "leftpad"\nversion = "1.3.0"\n'
            f'source = "sparse+https://{CARGO}/"\n'
            f'checksum = "{checksum}"\n\n[[package]]\nname = "project"\nversion = "0.1.0"\ndependencies = ["leftpad"]\n'
        )
        status, output, _ = await self.fetch(shop, "1", lock)
        assert status != 0
        assert "packages must be 2 days old; use 1.2.0" in output
        assert "/leftpad/1.3.0/download" not in shop.world.targets(CRATES)
