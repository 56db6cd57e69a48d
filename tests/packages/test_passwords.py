"""Registries that want a password, on ports of their own: the real clients have none, the proxy shows it."""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from ironcurtain_tui.config import PackageSettings
from ironcurtain_tui.escalations import card as cards
from ironcurtain_tui.escalations import digest
from ironcurtain_tui.escalations.held_request import HeldRequest
from ironcurtain_tui.events import Decision
from ironcurtain_tui.packages.rules import DAY, PackageRules
from ironcurtain_tui.policy.action import Verdict
from ironcurtain_tui.supervisor.package_registries import PackageRegistries
from tests.proxy.stage import Agent

from .conftest import Shop, connect
from .world import AGES, CARGO, CRATES, FILES, NPM, PYPI, World

TOKEN = "npm-token-of-nobody-0123456789"
PASSWORD = "p:ss w/rd-of-nobody"
BASIC = "Basic " + base64.b64encode(f"me:{PASSWORD}".encode()).decode()
CARGO_TOKEN = "cargo-token-of-nobody-0123456789"
EVERYTHING = (TOKEN, PASSWORD, BASIC.partition(" ")[2], CARGO_TOKEN)
MakeShop = Callable[..., Awaitable[Shop]]


@dataclass
class Machine:
    """A host whose clients are set up with the registries of the world, and their passwords."""

    root: Path
    world: World

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def set_up(self) -> None:
        npm, pypi, cargo = (self.world.place(host) for host in (NPM, PYPI, CARGO))
        self.write("home/me/.npmrc", f"registry=https://{npm}/\n//{npm}/:_authToken=${{TOKEN}}\n")
        self.write(
            "home/me/.config/pip/pip.conf",
            f"[global]\nindex-url = https://me:p%3Ass%20w%2Frd-of-nobody@{pypi}/simple\n",
        )
        self.write("home/me/.cargo/config.toml", f'[registries.my-own]\nindex = "sparse+https://{cargo}/"\n')
        self.write("home/me/.cargo/credentials.toml", f'[registries.my-own]\ntoken = "{CARGO_TOKEN}"\n')
        self.world.passwords = {NPM: f"Bearer {TOKEN}", PYPI: BASIC, CARGO: CARGO_TOKEN}
        self.world.publish("leftpad", AGES)

    def find(self, **environment: str) -> PackageRegistries:
        environment = {"HOME": "/home/me", "PATH": "", "TOKEN": TOKEN, **environment}
        return PackageRegistries.find(PackageSettings(enabled=True), environment=environment, root=self.root)


@pytest.fixture
def machine(tmp_path: Path, world: World) -> Machine:
    world.at_its_port = True
    made = Machine(tmp_path / "machine", world)
    made.set_up()
    return made


async def open_shop(make_shop: MakeShop, found: PackageRegistries, rules: PackageRules | None = None) -> Shop:
    return await make_shop(rules or found.rules, registries=found.all, logins=found.logins, unserved=found.unserved)


def nothing_secret(shop: Shop, output: str, found: PackageRegistries) -> None:
    """Neither the client nor its settings, nor anything that is shown or recorded, has a password."""
    files = b"".join(found.client_files("/ca.pem").values()).decode()
    seen = [output, files, repr(found), repr(shop.gate.admitted), repr(shop.gate.hidden), repr(shop.environment)]
    assert not any(word in text for text in seen for word in EVERYTHING)


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed here")
async def test_npm(make_shop: MakeShop, machine: Machine) -> None:
    found = machine.find()
    shop = await open_shop(make_shop, found)
    (shop.directory / ".npmrc").write_bytes(found.client_files("/ca.pem")[".npmrc"])
    cache = str(shop.directory / "cache")
    status, output = await shop.run(
        "npm", "install", "leftpad", npm_config_cafile=str(shop.bundle), npm_config_cache=cache
    )
    assert status == 0, output
    assert "1.2.0" in (shop.directory / "node_modules/leftpad/package.json").read_text()
    assert shop.world.shown(NPM) == {f"Bearer {TOKEN}"}
    nothing_secret(shop, output, found)


async def test_pip(make_shop: MakeShop, machine: Machine) -> None:
    found = machine.find()
    shop = await open_shop(make_shop, found)
    file = shop.directory / "pip.conf"
    file.write_bytes(found.client_files("/ca.pem")[".config/pip/pip.conf"])
    target = ("--no-cache-dir", "--cert", str(shop.bundle), "--target", str(shop.directory / "site"))
    pip = (sys.executable, "-m", "pip", "install", *target, "leftpad")
    status, output = await shop.run(*pip, PIP_CONFIG_FILE=str(file))
    assert status == 0, output
    assert "1.2.0" in (shop.directory / "site" / "leftpad.py").read_text()
    assert shop.world.shown(PYPI) == {BASIC}
    nothing_secret(shop, output, found)


@pytest.mark.skipif(shutil.which("cargo") is None, reason="Cargo is not installed here")
async def test_cargo(make_shop: MakeShop, machine: Machine) -> None:
    found = machine.find()
    shop = await open_shop(make_shop, found)
    project, home = shop.directory / "project", shop.directory / "cargo"
    for directory in (project / "src", home):
        directory.mkdir(parents=True)
    (project / "src" / "lib.rs").write_text("")
    (project / "Cargo.toml").write_text('[package]\nname = "x"\nversion = "0.1.0"\n[dependencies]\nleftpad = "1"\n')
    (home / "config.toml").write_bytes(found.client_files(str(shop.bundle))[".cargo/config.toml"])
    rust = os.environ.get("RUSTUP_HOME", str(Path.home() / ".rustup"))
    status, output = await shop.run("cargo", "fetch", cwd=project, CARGO_HOME=str(home), RUSTUP_HOME=rust)
    assert status == 0, output
    assert 'version = "1.2.0"' in (project / "Cargo.lock").read_text()
    assert shop.world.shown(CARGO) == {CARGO_TOKEN}
    nothing_secret(shop, output, found)


def get(place: str, target: str) -> bytes:
    return f"GET {target} HTTP/1.1\r\nHost: {place}\r\nAuthorization: Bearer of-the-agent\r\n\r\n".encode()


async def test_files_that_lie_elsewhere_get_no_password(make_shop: MakeShop, machine: Machine) -> None:
    machine.world.at_its_port = False
    machine.world.pages.clear()
    machine.set_up()
    found = machine.find()
    shop = await open_shop(make_shop, found)
    agent = await shop.inside(PYPI)
    assert (await agent.ask(get(PYPI, "/simple/leftpad/"))).status == 200
    target = next(target for host, target in shop.world.pages if host == FILES and "1.2.0" in target)
    agent = await shop.inside(FILES)
    assert (await agent.ask(get(FILES, target))).status == 200
    agent = await shop.inside(CRATES)
    assert (await agent.ask(get(CRATES, "/leftpad/1.2.0/download"))).status == 200
    assert shop.world.shown(FILES) == shop.world.shown(CRATES) == {""}
    assert shop.world.shown(PYPI) == {BASIC}


async def test_a_file_that_was_moved_gets_the_password_at_the_registry_only(
    make_shop: MakeShop, machine: Machine
) -> None:
    world, old, near, far = machine.world, "/leftpad/-/leftpad-1.2.0.tgz", "/blob/1", "/blob/2?signature=1"
    world.at_its_port = False
    world.pages.clear()
    machine.set_up()
    world.redirects = {(NPM, old): near, (NPM, near): f"https://{FILES}{far}", (FILES, far): "3"}
    world.pages[FILES, "/blob/3"] = "application/octet-stream", b"moved"
    shop = await open_shop(make_shop, machine.find())
    agent = await shop.inside(NPM)
    assert [(await agent.ask(get(NPM, target))).status for target in (old, near)] == [302, 302]
    agent = await shop.inside(FILES)
    assert (await agent.ask(get(FILES, far))).status == 302
    assert (await agent.ask(get(FILES, "/blob/3"))).body == b"moved"
    assert world.shown(NPM) == {f"Bearer {TOKEN}"}
    assert world.shown(FILES) == {""}


async def test_a_password_for_one_path_goes_nowhere_else_on_its_host(make_shop: MakeShop, machine: Machine) -> None:
    world, place = machine.world, machine.world.place(NPM)
    machine.write("home/me/.npmrc", f"registry=https://{place}/own/\n//{place}/own/:_authToken={TOKEN}\n")
    del world.passwords[NPM]
    _, packument = world.pages[NPM, "/leftpad"]
    world.pages[NPM, "/own/leftpad"] = "application/json", packument
    shop = await open_shop(make_shop, machine.find())
    agent = await shop.inside(NPM, world.port)
    assert (await agent.ask(get(place, "/own/leftpad"))).status == 200
    assert (await agent.ask(get(place, "/leftpad/-/leftpad-1.2.0.tgz"))).status == 200
    shown = {target: headers.get("authorization", "") for _, _, target, headers in world.asked}
    assert shown == {"/own/leftpad": f"Bearer {TOKEN}", "/leftpad/-/leftpad-1.2.0.tgz": ""}


async def test_a_password_that_is_not_accepted_or_not_there_is_said(make_shop: MakeShop, machine: Machine) -> None:
    world = machine.world
    place = world.place(NPM)
    world.passwords[NPM] = "Bearer another"
    shop = await open_shop(make_shop, machine.find())
    agent = await shop.inside(NPM, world.port)
    answer = await agent.ask(get(place, "/leftpad"))
    assert (answer.status, b"answered 401 to the password from /home/me/.npmrc" in answer.body) == (502, True)
    machine.write("home/me/.npmrc", f"registry=https://{place}/\n")
    shop = await open_shop(make_shop, machine.find())
    agent = await shop.inside(NPM, world.port)
    answer = await agent.ask(get(place, "/leftpad"))
    assert (answer.status, b"no password for it was found" in answer.body) == (502, True)
    assert TOKEN.encode() not in answer.body


async def test_no_card_shows_it_and_what_is_approved_goes_with_it(make_shop: MakeShop, machine: Machine) -> None:
    shown: list[str] = []

    async def approve(request: HeldRequest) -> Verdict:
        shown.append(repr(cards.of_request(request, Verdict(decision=Decision.ESCALATE), asker="Agent")))
        return Verdict(decision=Decision.ALLOW, digest=digest.of_request(request))

    shop = await open_shop(make_shop, machine.find(), PackageRules(min_age=2 * DAY, ask=True))
    shop.gate.answer = approve
    agent = await shop.inside(NPM, machine.world.port)
    answer = await agent.ask(get(machine.world.place(NPM), "/leftpad/-/leftpad-1.3.0.tgz"))
    assert answer.status == 200
    assert len(shown) == 1
    assert not any(word in shown[0] for word in EVERYTHING)
    assert shop.world.shown(NPM) == {f"Bearer {TOKEN}"}


async def test_a_registry_that_sends_it_back_sends_it_in_vain(make_shop: MakeShop, machine: Machine) -> None:
    world = machine.world
    echo = f"token={TOKEN} base64={base64.b64encode(TOKEN.encode()).decode()}".encode()
    world.pages[NPM, "/leftpad/-/leftpad-1.2.0.tgz"] = "application/octet-stream", echo
    shop = await open_shop(make_shop, machine.find())
    agent = await shop.inside(NPM, world.port)
    answer = await agent.ask(get(world.place(NPM), "/leftpad/-/leftpad-1.2.0.tgz"))
    assert (answer.status, len(answer.body)) == (200, len(echo))
    assert TOKEN.encode() not in agent.received
    assert base64.b64encode(TOKEN.encode()) not in agent.received


async def fresh(shop: Shop) -> Agent:
    agent = Agent(*await asyncio.open_connection("127.0.0.1", shop.port))
    shop.agents.append(agent)
    return agent


async def test_a_registry_is_its_port_too(make_shop: MakeShop, machine: Machine) -> None:
    shop = await open_shop(make_shop, machine.find())
    for port in (443, machine.world.port + 1, 22):
        agent = await fresh(shop)
        assert await connect(agent, NPM, port) == 403
    assert shop.world.targets(NPM) == []


async def test_a_git_index_is_refused_with_what_to_do(make_shop: MakeShop, machine: Machine) -> None:
    machine.world.at_its_port = False
    machine.write("home/me/.cargo/config.toml", f'[registries.old]\nindex = "https://me:secret@{CARGO}/git/index"\n')
    found = machine.find()
    (unserved,) = found.unserved
    assert "secret" not in unserved.sentence
    shop = await open_shop(make_shop, found)
    shop.gate.decide = _anything
    agent = await shop.inside(CARGO)
    answer = await agent.ask(get(CARGO, "/git/index/info/refs?service=git-upload-pack"))
    assert answer.status == 403
    assert b"name its sparse index (sparse+https://...) in Cargo's config.toml" in answer.body
    assert shop.world.targets(CARGO) == []


async def _anything(_: object) -> Verdict:
    return Verdict(decision=Decision.ALLOW)


class TestWhereTheyAreFound:
    def test_npm(self, machine: Machine) -> None:
        place = machine.world.place(NPM)
        encoded = base64.b64encode(b"me:" + PASSWORD.encode()).decode()
        password = base64.b64encode(PASSWORD.encode()).decode()
        for line, value in {
            f"//{place}/:_auth={encoded}": BASIC,
            f"//{place}/:username=me\n//{place}/:_password={password}": BASIC,
            f"//{place}/deeper/:_authToken=x": None,
            f"//{place}:_authToken={TOKEN}": f"Bearer {TOKEN}",
            "//other.example.org/:_authToken=x": None,
            f"//{place}/:_authToken=${{NOT_THERE}}": None,
            f"_authToken={TOKEN}": None,
        }.items():
            machine.write("home/me/.npmrc", f"registry=https://{place}/\n{line}\n")
            found = {each.place: each for each in machine.find().logins.values()}
            login = found.get(place)
            assert (login and login.authorization.reveal()) == value, line
            assert login is None or login.origin == "/home/me/.npmrc"

    def test_pip_and_netrc(self, machine: Machine) -> None:
        place = machine.world.place(PYPI)
        machine.write("home/me/.config/pip/pip.conf", f"[global]\nindex-url = https://{place}/simple\n")
        machine.write(
            "home/me/.netrc", f"machine {PYPI}\n  login me\n  password hunter22 machine b login c password d\n"
        )
        logins = {each.place: each for each in machine.find().logins.values()}
        assert logins[place].authorization.reveal() == "Basic " + base64.b64encode(b"me:hunter22").decode()
        assert logins[place].origin == "/home/me/.netrc"
        logins = {
            each.place: each
            for each in machine.find(PIP_INDEX_URL=f"https://token-only@{place}/simple").logins.values()
        }
        assert logins[place].authorization.reveal() == "Basic " + base64.b64encode(b"token-only:").decode()

    def test_cargo(self, machine: Machine) -> None:
        logins = {
            each.place: each for each in machine.find(CARGO_REGISTRIES_MY_OWN_TOKEN="other-token").logins.values()
        }
        login = logins[machine.world.place(CARGO)]
        assert (login.authorization.reveal(), login.origin) == ("other-token", "CARGO_REGISTRIES_MY_OWN_TOKEN")

    def test_all_of_them_are_kept_out_of_records(self, machine: Machine) -> None:
        assert {TOKEN, PASSWORD, CARGO_TOKEN, BASIC.partition(" ")[2]} <= set(machine.find().secrets)
