"""What passes between an agent and a registry, byte by byte, through the real proxy."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

from ironcurtain_tui.escalations.held_request import HeldRequest
from ironcurtain_tui.events import Decision
from ironcurtain_tui.packages.package import Kind
from ironcurtain_tui.packages.rules import PackageRules
from ironcurtain_tui.policy.action import HttpRequest, Tunnel, Verdict
from ironcurtain_tui.policy.draft import generalise
from tests.proxy.stage import Agent, Response

from .conftest import Shop, connect
from .world import AGES, CARGO, CRATES, DEBIAN, FILES, NPM, PYPI

MakeShop = Callable[..., Awaitable[Shop]]
OLD, NEW = "/leftpad/-/leftpad-1.2.0.tgz", "/leftpad/-/leftpad-1.3.0.tgz"


async def ask(shop: Shop, host: str, target: str, *headers: str, method: str = "GET", body: str = "") -> Response:
    agent = await shop.inside(host)
    return await said(agent, host, target, *headers, method=method, body=body)


async def said(agent: Agent, host: str, target: str, *headers: str, method: str = "GET", body: str = "") -> Response:
    length = [f"Content-Length: {len(body)}"] if body else []
    return await agent.ask(
        "\r\n".join([f"{method} {target} HTTP/1.1", f"Host: {host}", *headers, *length, "", body]).encode()
    )


def file_of(shop: Shop, version: str) -> str:
    return next(
        target for host, target in shop.world.pages if host == FILES and target.endswith(f"{version}-py3-none-any.whl")
    )


def packages(shop: Shop) -> list[tuple[str, str, Decision]]:
    """Name and version of everything that was decided on, and how."""
    return [
        (action.package.name, action.package.version, verdict.decision)
        for action, verdict in shop.gate.admitted
        if isinstance(action, HttpRequest) and action.package
    ]


class TestMetadata:
    async def test_npm_in_both_forms_and_one_version(self, shop: Shop) -> None:
        full = json.loads((await ask(shop, NPM, "/leftpad")).body)
        assert list(full["versions"]) == ["1.0.0", "1.2.0"]
        assert full["dist-tags"] == {"latest": "1.2.0"}
        assert "1.3.0" not in full["time"]
        assert full["versions"]["1.2.0"]["readme"] == "long"
        short = await ask(shop, NPM, "/leftpad", "Accept: application/vnd.npm.install-v1+json; q=1.0, */*")
        assert short.header("content-type") == "application/vnd.npm.install-v1+json"
        assert "readme" not in json.loads(short.body)["versions"]["1.2.0"]
        assert short.header("npm-notice") is not None
        assert json.loads((await ask(shop, NPM, "/leftpad/latest")).body)["version"] == "1.2.0"
        one = await ask(shop, NPM, "/leftpad/1.3.0")
        assert one.status == 403
        assert b"use 1.2.0" in one.body

    async def test_no_validator_lets_an_old_answer_live_on(self, shop: Shop) -> None:
        answer = await ask(
            shop, NPM, "/leftpad", 'If-None-Match: "whole"', "If-Modified-Since: Thu, 01 Jan 2099 00:00:00 GMT"
        )
        assert answer.status == 200
        assert answer.header("etag") is None
        assert answer.header("last-modified") is None
        assert answer.header("cache-control") == "no-cache"

    async def test_python_in_every_form(self, shop: Shop) -> None:
        html = await ask(shop, PYPI, "/simple/LeftPad/", "Accept: text/html")
        assert html.header("content-type") == "text/html; charset=utf-8"
        assert html.body.count(b"<a ") == 3
        assert html.body.count(b'data-yanked="IronCurtain: pypi leftpad 1.3.0 was published 3 hours ago') == 1
        page = json.loads(
            (await ask(shop, PYPI, "/simple/leftpad/", "Accept: application/vnd.pypi.simple.v1+json")).body
        )
        assert [bool(file["yanked"]) for file in page["files"]] == [False, False, True]
        assert "core-metadata" not in page["files"][2]
        project = json.loads((await ask(shop, PYPI, "/pypi/leftpad/json")).body)
        assert project["info"]["version"] == "1.2.0"
        assert list(project["releases"]) == ["1.0.0", "1.2.0"]
        assert (await ask(shop, PYPI, "/pypi/leftpad/1.3.0/json")).status == 403
        assert (await ask(shop, PYPI, "/pypi/leftpad/1.2.0/json")).status == 200

    async def test_an_unknown_package_is_not_found(self, shop: Shop) -> None:
        for host, target in ((NPM, "/nothing"), (PYPI, "/simple/nothing/"), (CARGO, "/no/th/nothing")):
            assert (await ask(shop, host, target)).status == 404

    async def test_what_cannot_be_read_is_never_passed_on(self, shop: Shop) -> None:
        for body in (b"", b"{}", b"[]", b'{"name":"other","versions":{}}', b"\xff", b"[" * 100_000):
            shop.world.pages[NPM, "/broken"] = "application/json", body
            assert (await ask(shop, NPM, "/broken")).status == 502
        shop.world.pages[PYPI, "/simple/broken/"] = "application/vnd.pypi.simple.v1+json", b'{"files":[1]}'
        assert (await ask(shop, PYPI, "/simple/broken/")).status == 502

    async def test_a_document_that_grows_without_end_is_not_read(self, shop: Shop) -> None:
        shop.world.pages[NPM, "/bomb"] = "application/json", b" " * (65 << 20)  # gzipped on the way: a few KiB
        answer = await ask(shop, NPM, "/bomb")
        assert answer.status == 502
        assert b"64 MiB" in answer.body

    async def test_a_redirect_to_another_host_is_not_followed(self, shop: Shop) -> None:
        shop.world.redirects[NPM, "/moved"] = f"https://{PYPI}/simple/leftpad/"
        assert (await ask(shop, NPM, "/moved")).status == 502
        assert shop.world.targets(PYPI) == []

    async def test_a_time_in_the_future_is_no_age(self, shop: Shop) -> None:
        shop.world.publish_npm("future", {"1.0.0": 9e6, "2.0.0": -9e6})
        assert list(json.loads((await ask(shop, NPM, "/future")).body)["versions"]) == ["1.0.0"]


class TestFiles:
    async def test_old_enough(self, shop: Shop) -> None:
        answer = await ask(shop, NPM, OLD)
        assert answer.status == 200
        assert answer.body == shop.world.pages[NPM, OLD][1]
        assert packages(shop) == [("leftpad", "", Decision.ALLOW), ("leftpad", "1.2.0", Decision.ALLOW)]

    async def test_too_new_is_never_asked_for(self, shop: Shop) -> None:
        answer = await ask(shop, NPM, NEW)
        assert answer.status == 403
        assert b"use 1.2.0" in answer.body
        assert NEW not in shop.world.targets(NPM)

    async def test_a_range_and_a_head(self, shop: Shop) -> None:
        part = await ask(shop, NPM, OLD, "Range: bytes=10-19")
        assert part.status == 206
        assert part.body == shop.world.pages[NPM, OLD][1][10:20]
        agent = await shop.inside(NPM)
        await agent.send(f"HEAD {OLD} HTTP/1.1\r\nHost: {NPM}\r\n\r\n".encode())
        assert (await agent.head())[0] == 200

    async def test_nothing_of_the_agents_own_goes_along(self, shop: Shop) -> None:
        words = (
            "X-Secret: a",
            "User-Agent: b",
            "Cookie: c",
            "Referer: d",
            "If-Range: e",
            "Range: pages=1",
            "npm-session: f",
        )
        assert (await ask(shop, NPM, OLD, *words)).status == 200
        sent = shop.world.asked[-1][3]
        assert sent.keys() == {"host", "accept", "accept-encoding", "user-agent"}
        assert sent["user-agent"].startswith("ironcurtain-tui/")

    async def test_only_files_that_the_metadata_tells_of(self, shop: Shop) -> None:
        for target in (
            "/leftpad/-/leftpad-9.9.9.tgz",
            "/leftpad/-/other-1.0.0.tgz",
            f"{OLD}?x=1",
            "/leftpad/-/leftpad-1.2.0.tgz/",
        ):
            assert (await ask(shop, NPM, target)).status == 403, target
        assert not any("tgz" in target for target in shop.world.targets(NPM))

    async def test_file_hosts_are_learnt_and_lead_to_files_only(self, shop: Shop) -> None:
        shop.gate.policy = type(shop.gate.policy)((), packages=PackageRules())
        agent = Agent(*await _open(shop))
        assert await connect(agent, FILES) == 403
        await ask(shop, PYPI, "/simple/leftpad/")
        target = file_of(shop, "1.2.0")
        assert (await ask(shop, FILES, target)).status == 200
        assert (await ask(shop, FILES, target + ".metadata")).status == 200
        for other in ("/", target + ".metadata.metadata", target.replace("1.2.0", "1.2.1"), "/upload"):
            assert (await ask(shop, FILES, other)).status == 403, other
        assert (await ask(shop, FILES, file_of(shop, "1.3.0") + ".metadata")).status == 403

    async def test_a_lock_file_leads_to_a_file_host_without_a_look_at_the_index(self, shop: Shop) -> None:
        shop.world.publish_python("pip", AGES)
        old, new = await asyncio.gather(
            ask(shop, FILES, file_of(shop, "leftpad-1.2.0")), ask(shop, FILES, file_of(shop, "leftpad-1.3.0"))
        )
        assert (old.status, new.status) == (200, 403)
        assert (await ask(shop, CRATES, "/leftpad/1.2.0/download")).status == 200
        assert packages(shop)[:2] == [("pip", "", Decision.ALLOW), ("", "", Decision.ALLOW)]

    async def test_what_can_be_no_host_is_no_reason_to_look(self, shop: Shop) -> None:
        shop.world.publish_python("pip", AGES)
        assert await connect(Agent(*await _open(shop)), "self-test.invalid") == 403
        assert shop.world.asked == []

    async def test_a_file_whose_host_moved_it(self, shop: Shop) -> None:
        elsewhere = "/blob/abc?signature=1"
        shop.world.redirects[NPM, OLD] = f"https://{FILES}{elsewhere}"
        shop.world.redirects[NPM, "/elsewhere"] = f"https://{CRATES}/x"
        shop.world.pages[FILES, elsewhere] = "application/octet-stream", b"moved"
        assert (await ask(shop, NPM, OLD)).status == 302
        assert (await ask(shop, FILES, elsewhere)).body == b"moved"
        assert (await ask(shop, FILES, "/blob/other")).status == 403

    async def test_a_file_that_is_held_back_is_not_reached_by_a_redirect(self, shop: Shop) -> None:
        shop.world.redirects[NPM, OLD] = NEW
        assert (await ask(shop, NPM, OLD)).status == 302
        assert (await ask(shop, NPM, NEW)).status == 403

    async def test_a_python_file_is_as_old_as_itself_not_as_its_version(self, shop: Shop) -> None:
        page = json.loads(shop.world.pages[PYPI, "/simple/leftpad/"][1])
        page["files"][0]["upload-time"] = page["files"][2]["upload-time"]  # added to 1.0.0 three hours ago
        shop.world.pages[PYPI, "/simple/leftpad/"] = "application/vnd.pypi.simple.v1+json", json.dumps(page).encode()
        await ask(shop, PYPI, "/simple/leftpad/")
        assert (await ask(shop, FILES, file_of(shop, "1.0.0"))).status == 403


class TestRequests:
    async def test_a_registry_is_only_read_from(self, shop: Shop) -> None:
        for host, method, target in (
            (NPM, "POST", "/leftpad"),
            (NPM, "PUT", "/leftpad"),
            (NPM, "DELETE", OLD),
            (NPM, "HEAD", "/leftpad"),
            (NPM, "POST", "/-/npm/v1/security/advisories/bulk"),
            (NPM, "GET", "/-/v1/search?text=secret"),
            (NPM, "GET", "/-/whoami"),
            (NPM, "GET", "/leftpad?secret=1"),
            (NPM, "GET", "/"),
            (NPM, "GET", "/a/b/c"),
            (NPM, "GET", "/%6ceftpad"),
            (NPM, "GET", "/x/../leftpad"),
            (PYPI, "GET", "/simple/"),
            (PYPI, "GET", "/simple/leftpad/../other/"),
            (CARGO, "GET", "/api/v1/crates/leftpad"),
            (CARGO, "GET", "/le/fx/leftpad"),
            (DEBIAN, "GET", "/debian/"),
            (DEBIAN, "GET", "/debian/pool/main/x/x/x.sh"),
        ):
            answer = await ask(shop, host, target, method=method, body="x" if method in ("POST", "PUT") else "")
            assert answer.status == 403, (method, target)
        assert shop.world.asked == []

    async def test_a_body_is_no_part_of_a_question(self, shop: Shop) -> None:
        assert (await ask(shop, NPM, "/leftpad", body="secret")).status == 403

    async def test_beside_a_registry_the_policy_decides_as_always(self, shop: Shop) -> None:
        assert (await ask(shop, PYPI, "/account/login")).status == 403
        assert isinstance(shop.gate.admitted[-1][0], HttpRequest)
        assert shop.gate.admitted[-1][1].rule == "unlisted-host"

    async def test_names_are_one_however_they_are_spelled(self, shop: Shop) -> None:
        shop.world.publish_npm("@mine/thing", AGES)
        for target in ("/@mine%2fthing", "/@mine%2Fthing", "/@mine/thing", "/%40mine%2fthing"):
            assert json.loads((await ask(shop, NPM, target)).body)["name"] == "@mine/thing"

    async def test_without_registries_there_are_none(self, make_shop: MakeShop) -> None:
        shop = await make_shop(registries=())
        agent = Agent(*await _open(shop))
        assert await connect(agent, NPM) == 403


class TestRules:
    async def test_a_denied_package_is_refused_as_a_whole(self, make_shop: MakeShop) -> None:
        shop = await make_shop(PackageRules(deny=("npm:left*",)))
        answer = await ask(shop, NPM, "/leftpad")
        assert answer.status == 403
        assert b"npm leftpad is on the deny list" in answer.body
        assert (await ask(shop, NPM, OLD)).status == 403
        assert (await ask(shop, PYPI, "/simple/leftpad/")).status == 200
        assert shop.world.targets(NPM) == []

    async def test_a_denied_version_is_not_even_shown(self, make_shop: MakeShop) -> None:
        shop = await make_shop(PackageRules(deny=("leftpad@1.2.0",)))
        assert list(json.loads((await ask(shop, NPM, "/leftpad")).body)["versions"]) == ["1.0.0"]
        assert (await ask(shop, NPM, OLD)).status == 403
        assert b"1.2.0" not in (await ask(shop, PYPI, "/simple/leftpad/")).body
        assert b'"1.2.0"' not in (await ask(shop, CARGO, "/le/ft/leftpad")).body

    async def test_an_allowed_package_may_be_new(self, make_shop: MakeShop) -> None:
        shop = await make_shop(PackageRules(allow=("leftpad",)))
        assert (await ask(shop, NPM, NEW)).status == 200
        assert (await ask(shop, CARGO, "/le/ft/leftpad")).body.count(b"true") == 0

    async def test_a_person_is_asked_about_what_is_too_new(self, make_shop: MakeShop) -> None:
        shop = await make_shop(PackageRules(ask=True))
        document = json.loads((await ask(shop, NPM, "/leftpad")).body)
        assert document["dist-tags"] == {"latest": "1.2.0"}
        assert document["versions"]["1.3.0"]["deprecated"].startswith("IronCurtain: npm leftpad 1.3.0 was published")

        async def approve(request: HeldRequest) -> Verdict:
            return Verdict(decision=Decision.ALLOW)

        shop.gate.answer = approve
        assert (await ask(shop, NPM, NEW)).body == shop.world.pages[NPM, NEW][1]
        package = shop.gate.asked[0].action.package
        assert package is not None
        assert (package.registry, package.version, package.alternative) == (Kind.NPM, "1.3.0", "1.2.0")

        shop.gate.answer = None
        assert (await ask(shop, NPM, NEW)).status == 403
        assert generalise(shop.gate.asked[0].action) is None  # for this once: no rule stands for what is too new

    async def test_a_rule_that_forbids_the_host_holds(self, shop: Shop) -> None:
        from ironcurtain_tui.policy.decide import PlacedRule, Policy
        from ironcurtain_tui.policy.rules import RequestRule

        rule = RequestRule(name="not that one", host=NPM, then=Decision.DENY)
        shop.gate.policy = Policy((), [PlacedRule(origin="user", rule=rule)], packages=PackageRules())
        agent = Agent(*await _open(shop))
        assert await connect(agent, NPM) == 403


class TestCargo:
    async def test_the_index_tells_where_the_crates_are(self, shop: Shop) -> None:
        assert json.loads((await ask(shop, CARGO, "/config.json")).body) == {"dl": f"https://{CRATES}"}
        assert (await ask(shop, CRATES, "/leftpad/1.2.0/download")).status == 200
        assert (await ask(shop, CRATES, "/leftpad/1.3.0/download")).status == 403
        assert (await ask(shop, CRATES, "/leftpad/9.9.9/download")).status == 403
        assert any(isinstance(action, Tunnel) and action.registry == "cargo" for action, _ in shop.gate.admitted)

    async def test_without_a_time_nothing_is_old_enough(self, shop: Shop) -> None:
        lines = [json.loads(line) for line in shop.world.pages[CARGO, "/le/ft/leftpad"][1].splitlines()]
        bare = b"\n".join(json.dumps({k: v for k, v in line.items() if k != "pubtime"}).encode() for line in lines)
        shop.world.pages[CARGO, "/le/ft/leftpad"] = "text/plain", bare
        assert (await ask(shop, CARGO, "/le/ft/leftpad")).body.count(b'"yanked":true') == 3


class TestDebian:
    async def test_signed_indices_and_packages_pass_as_they_are(self, make_shop: MakeShop) -> None:
        shop = await make_shop(PackageRules(deny=("debian:evil",)))
        for path in (
            "dists/stable/InRelease",
            "dists/stable/main/by-hash/SHA256/ab12",
            "pool/main/h/hello/hello_2.10-3_amd64.deb",
        ):
            shop.world.pages[DEBIAN, f"/debian/{path}"] = "application/octet-stream", path.encode()
            assert (await ask(shop, DEBIAN, f"/debian/{path}")).body == path.encode()
        answer = await ask(shop, DEBIAN, "/debian/pool/main/e/evil/evil_1%3a2.0_all.deb")
        assert answer.status == 403
        assert ("evil", "1:2.0", Decision.DENY) in packages(shop)


async def _open(shop: Shop) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:

    return await asyncio.open_connection("127.0.0.1", shop.port)
