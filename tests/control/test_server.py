"""The control socket with real sockets: handshake, events, slow viewers, foreign peers."""

import asyncio
import os
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from ironcurtain_tui.control.client import ControlClient
from ironcurtain_tui.control.frame_reader import FrameReader
from ironcurtain_tui.control.framing import pack
from ironcurtain_tui.control.messages import (
    ClientMessage,
    Cursor,
    Events,
    Goodbye,
    Hello,
    Key,
    Refused,
    Resize,
    ScreenUpdate,
    ServerMessage,
    TerminalModes,
    Watch,
    Welcome,
)
from ironcurtain_tui.control.server import QUEUED_EVENTS, ControlServer, Viewer
from ironcurtain_tui.control.state import FLOWS_KEPT, StateKeeper
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.events import (
    Decision,
    Flow,
    FlowChanged,
    SessionInfo,
    SessionState,
    SessionStatus,
    StatusChanged,
    TitleChanged,
)
from tests.waiting import PATIENCE, until


class Damage:
    """A screen of one row that says how many changes it merged."""

    def __init__(self) -> None:
        self.changes = 0

    def take(self) -> ScreenUpdate | None:
        if not self.changes:
            return None
        text = msgspec.msgpack.encode([[f"{self.changes}", []]])
        self.changes = 0
        return ScreenUpdate(cols=1, lines=1, cursor=Cursor(), modes=TerminalModes(), rows={0: msgspec.Raw(text)})


class Session:
    def __init__(self) -> None:
        self.keeper = StateKeeper(
            SessionInfo(
                id="0" * 12,
                agent="shell",
                agent_title="Shell",
                workspace="/w",
                rehearsal=False,
                network_mode="uds",
                started=0.0,
            )
        )
        self.received: list[ClientMessage] = []
        self.arrived = asyncio.Event()
        self.damages: list[Damage] = []

    def snapshot(self) -> SessionState:
        return self.keeper.snapshot()

    def watch_screen(self) -> Damage:
        self.damages.append(Damage())
        return self.damages[-1]

    def on_message(self, viewer: Viewer, message: ClientMessage) -> None:
        self.received.append(message)
        if isinstance(message, Key):
            self.arrived.set()

    def on_viewers_changed(self) -> None:
        pass


@pytest.fixture
async def session() -> Session:
    return Session()


@pytest.fixture
async def server(tmp_path: Path, session: Session) -> AsyncIterator[ControlServer]:
    server = ControlServer(tmp_path / "c.sock", session)
    await server.start()
    yield server
    await server.close("test over")


def flow(number: int) -> FlowChanged:
    return FlowChanged(
        flow=Flow(
            id=f"f{number}", started=0.0, method="GET", host="h", port=443, path="/" * 50, decision=Decision.ALLOW
        )
    )


async def read_until[M](client: ControlClient, kind: type[M]) -> M:
    async with asyncio.timeout(PATIENCE):
        async for message in client:
            if isinstance(message, kind):
                return message
    raise AssertionError("the connection ended")


async def test_socket_is_private(server: ControlServer, tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / "c.sock").stat().st_mode) == 0o600


async def test_viewer_gets_state_then_events_and_can_send(
    server: ControlServer, session: Session, tmp_path: Path
) -> None:
    session.keeper.number(StatusChanged(status=SessionStatus.IDLE))
    client = await ControlClient.connect(tmp_path / "c.sock", cols=80, lines=24)
    assert client.state.status is SessionStatus.IDLE
    server.publish(session.keeper.number(TitleChanged(title="hello")))
    events = await read_until(client, Events)
    assert [numbered.event for numbered in events.events] == [TitleChanged(title="hello")]
    client.send(Key(key="a", character="a"))
    async with asyncio.timeout(PATIENCE):
        await session.arrived.wait()
    assert session.received == [Resize(cols=80, lines=24), Key(key="a", character="a")]
    await client.close()


async def test_two_viewers_see_the_same(server: ControlServer, session: Session, tmp_path: Path) -> None:
    one = await ControlClient.connect(tmp_path / "c.sock")
    two = await ControlClient.connect(tmp_path / "c.sock")
    server.publish(session.keeper.number(flow(1)))
    assert (await read_until(one, Events)).events == (await read_until(two, Events)).events
    await one.close()
    await two.close()


async def test_slow_viewer_gets_a_snapshot_and_does_not_slow_the_session(
    server: ControlServer, session: Session, tmp_path: Path
) -> None:
    client = await ControlClient.connect(tmp_path / "c.sock")
    total = 20 * QUEUED_EVENTS
    for number in range(total):
        server.publish(session.keeper.number(flow(number)))
        if number % 500 == 0:
            await asyncio.sleep(0)  # the session never waits for the viewer
    keeper = StateKeeper.restore(client.state)
    snapshots = 0
    async with asyncio.timeout(PATIENCE):
        async for message in client:
            if isinstance(message, Welcome):
                keeper = StateKeeper.restore(message.state)
                snapshots += 1
            elif isinstance(message, Events):
                for numbered in message.events:
                    keeper.apply(numbered)
            if keeper.seq == total:
                break
    assert snapshots >= 1
    assert keeper.snapshot() == session.snapshot()
    assert len(keeper.flows) == FLOWS_KEPT
    await client.close()


async def test_screen_changes_merge(server: ControlServer, session: Session, tmp_path: Path) -> None:
    client = await ControlClient.connect(tmp_path / "c.sock", cols=1, lines=1)
    for _ in range(100):
        session.damages[0].changes += 1
        server.screen_changed()
    update = await read_until(client, ScreenUpdate)
    assert bytes(update.rows[0]) == msgspec.msgpack.encode([["100", []]])
    await client.close()


async def test_who_does_not_watch_gets_events_only_and_then_one_whole_screen(
    server: ControlServer, session: Session, tmp_path: Path
) -> None:
    client = await ControlClient.connect(tmp_path / "c.sock")
    assert session.received == [], "without a screen there is no size"
    for watched in (1, 2):
        for number in range(100):
            session.damages[0].changes += 1
            server.screen_changed()
            server.publish(session.keeper.number(TitleChanged(title=f"{watched}.{number}")))
        async with asyncio.timeout(PATIENCE):
            async for message in client:
                assert isinstance(message, Events)
                if message.events[-1].event == TitleChanged(title=f"{watched}.99"):
                    break
        client.send(Watch(screen=True))
        update = await read_until(client, ScreenUpdate)
        assert bytes(update.rows[0]) == msgspec.msgpack.encode([["100", []]])
        client.send(Watch(screen=False))
        client.send(Key(key="a"))
        async with asyncio.timeout(PATIENCE):
            await session.arrived.wait()
        session.arrived.clear()
    assert session.received == [Key(key="a"), Key(key="a")]
    await client.close()


async def test_who_leaves_or_looks_away_gives_the_screen_back_to_the_one_still_there(
    server: ControlServer, session: Session, tmp_path: Path
) -> None:
    async def heard(client: ControlClient) -> list[tuple[int, int]]:
        session.arrived.clear()
        client.send(Key(key="a", character="a"))
        async with asyncio.timeout(PATIENCE):
            await session.arrived.wait()
        return [(each.cols, each.lines) for each in session.received if isinstance(each, Resize)]

    first = await ControlClient.connect(tmp_path / "c.sock", cols=80, lines=24)
    second = await ControlClient.connect(tmp_path / "c.sock", cols=200, lines=50)
    second.send(Watch(screen=False))
    assert await heard(second) == [(80, 24), (200, 50), (80, 24)]
    second.send(Resize(cols=120, lines=40))
    second.send(Watch(screen=True))
    assert await heard(second) == [(80, 24), (200, 50), (80, 24), (120, 40)]
    assert (await heard(first))[4:] == [(80, 24)], "who types sees what it does"
    assert (await heard(second))[5:] == [(120, 40)]
    await second.close()
    await until(lambda: len(server.viewers) == 1)
    assert (await heard(first))[6:] == [(80, 24)]
    await first.close()


async def test_goodbye_reaches_viewers_and_the_socket_goes(session: Session, tmp_path: Path) -> None:
    server = ControlServer(tmp_path / "c.sock", session)
    await server.start()
    client = await ControlClient.connect(tmp_path / "c.sock")
    closing = asyncio.gather(server.close("stopped"), read_until(client, Goodbye))
    _, goodbye = await closing
    assert goodbye.reason == "stopped"
    assert not (tmp_path / "c.sock").exists()


async def test_other_version_is_refused_with_a_remedy(server: ControlServer, tmp_path: Path) -> None:
    reader, writer = await asyncio.open_unix_connection(tmp_path / "c.sock")
    writer.write(pack(Hello(protocol=999)))
    frames: FrameReader[ServerMessage] = FrameReader(reader, ServerMessage)
    answer = await frames.read()
    assert isinstance(answer, Refused)
    assert "999" in answer.reason
    assert answer.remedy
    writer.close()


@pytest.mark.parametrize("garbage", [b"\xff\xff\xff\xff", b"\x00\x00\x00\x02\xc1\xc1", b"GET / HTTP/1.1\r\n\r\n"])
async def test_garbage_ends_only_that_connection(server: ControlServer, tmp_path: Path, garbage: bytes) -> None:
    reader, writer = await asyncio.open_unix_connection(tmp_path / "c.sock")
    writer.write(garbage)
    async with asyncio.timeout(PATIENCE):
        assert await reader.read() == b""
    writer.close()
    client = await ControlClient.connect(tmp_path / "c.sock")
    await client.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
async def test_other_users_process_is_not_served(server: ControlServer, tmp_path: Path) -> None:
    path = tmp_path / "c.sock"
    path.chmod(0o666)
    for parent in [tmp_path, *tmp_path.parents]:
        if parent.stat().st_uid == os.geteuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o011)
    script = (
        "import os,socket;os.setgid(65534);os.setuid(65534);s=socket.socket(socket.AF_UNIX);"
        f"s.settimeout({PATIENCE});s.connect({str(path)!r});print(len(s.recv(100)))"
    )

    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    assert out.strip() == b"0"


async def test_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(UserFacingError, match="does not answer"):
        await ControlClient.connect(tmp_path / "absent.sock")
