"""What is kept of what passes through the real proxy."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from ironcurtain_tui.audit.redact import MARK
from ironcurtain_tui.config import RedactionSettings, TrafficSettings
from ironcurtain_tui.events import Decision
from ironcurtain_tui.policy.action import HttpRequest, Tunnel, Verdict
from ironcurtain_tui.traffic.keeper import TrafficKeeper
from ironcurtain_tui.traffic.kept import KeptFlow
from ironcurtain_tui.traffic.reader import TrafficReader

from .stage import OPEN_HOST, REAL_KEY, SENTINEL, Build, Stage, reply, request

TOKEN = "proxy-token-0123456789"


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[TrafficKeeper]:
    told: list[str] = []
    keeper = TrafficKeeper(
        tmp_path / "traffic",
        TrafficSettings(max_body="4KiB"),
        RedactionSettings(),
        [REAL_KEY, SENTINEL],
        lambda *words: told.extend(words),
        reserve=0,
    )
    yield keeper
    keeper.close()
    assert told == []
    assert REAL_KEY.encode() not in everything(tmp_path)
    assert SENTINEL.encode() not in everything(tmp_path)


def everything(tmp_path: Path) -> bytes:
    return b"".join(gzip.decompress(path.read_bytes()) for path in (tmp_path / "traffic").glob("*"))


async def kept(stage: Stage, keeper: TrafficKeeper, tmp_path: Path) -> list[KeptFlow]:
    await stage.over()
    await asyncio.to_thread(keeper.close)
    reader = TrafficReader(tmp_path / "traffic")
    found = [reader.read(flow.id) for flow, _ in reader.poll()]
    return [each for each in found if each is not None]


async def test_a_model_call_is_kept_without_its_key(build: Build, keeper: TrafficKeeper, tmp_path: Path) -> None:
    stage = await build(keeper=keeper)
    answer = reply(f'{{"echo": "{REAL_KEY}"}}'.encode(), "200 OK", "request-id: r1", "set-cookie: a=b")
    stage.provider.respond = lambda writer, _: _write(writer, answer)
    agent = await stage.inside()
    asked = request("POST", "/v1/messages?beta=true", "x-app: cli", body=f'{{"ask": "{SENTINEL} x"}}')
    assert (await agent.ask(asked)).status == 200
    (found,) = await kept(stage, keeper, tmp_path)
    assert found.flow.status == 200
    assert found.target == "/v1/messages?beta=true"
    assert found.request.header("x-api-key") == MARK
    assert found.request.header("x-app") == "cli"
    assert found.request.body.text == f'{{"ask": "{MARK} x"}}'
    assert found.response.header("request-id") == "r1"
    assert found.response.header("set-cookie") == ""
    assert found.response.body.text.startswith(f'{{"echo": "{MARK}')
    assert found.response.body.size == len(answer.partition(b"\r\n\r\n")[2])


async def _write(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)


async def test_what_was_refused_is_kept_with_our_answer(build: Build, keeper: TrafficKeeper, tmp_path: Path) -> None:
    stage = await build(keeper=keeper)
    agent = await stage.inside()
    refused = await agent.ask(request("GET", "/v1/organizations?api_key=hunter2secret&page=2"))
    assert refused.status == 403
    (found,) = await kept(stage, keeper, tmp_path)
    assert found.flow.decision is Decision.DENY
    assert found.target == f"/v1/organizations?api_key={MARK}&page=2"
    assert found.response.body.text.encode() == refused.body
    assert "hunter2" not in everything(tmp_path).decode()


async def test_a_held_request_is_kept_with_its_body(build: Build, keeper: TrafficKeeper, tmp_path: Path) -> None:
    stage = await build(keeper=keeper)

    async def ask(_: HttpRequest | Tunnel) -> Verdict:
        return Verdict(decision=Decision.ESCALATE, reason="no rule", rule="unlisted-host")

    stage.gate.decide = ask  # and nobody is there to approve
    agent = await stage.inside(OPEN_HOST)
    head = f"POST /up HTTP/1.1\r\nHost: {OPEN_HOST}\r\nAuthorization: Basic {TOKEN}\r\nContent-Length: 5\r\n\r\n"
    assert (await agent.ask(head.encode() + b"words")).status == 403
    (found,) = await kept(stage, keeper, tmp_path)
    assert (found.request.body.text, found.request.header("authorization")) == ("words", MARK)
    assert TOKEN.encode() not in everything(tmp_path)


async def test_a_long_stream_passes_whole_and_its_beginning_is_kept(
    build: Build, keeper: TrafficKeeper, tmp_path: Path
) -> None:
    stage = await build(keeper=keeper)
    body = b"data: x\n\n" * 100_000
    stage.provider.respond = lambda writer, _: _write(writer, reply(body))
    agent = await stage.inside()
    assert (await agent.ask(request())).body == body
    (found,) = await kept(stage, keeper, tmp_path)
    assert (found.response.body.size, len(found.response.body.text), found.response.body.cut) == (len(body), 4096, True)


async def test_a_keeper_that_fails_holds_nothing_up(build: Build, tmp_path: Path) -> None:
    told: list[str] = []
    keeper = TrafficKeeper(
        tmp_path / "traffic",
        TrafficSettings(),
        RedactionSettings(),
        [],
        lambda *words: told.extend(words),
        reserve=1 << 60,
    )
    stage = await build(keeper=keeper)
    agent = await stage.inside()
    for _ in range(3):
        assert (await agent.ask(request())).status == 200
    await asyncio.to_thread(keeper.close)
    assert len(told) == 2
    assert len(await stage.over(3)) == 3
