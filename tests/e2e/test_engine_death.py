"""The engine goes in the middle of a session: both doors close, the person is told, and the container does not stay."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.sessions import spare
from tests.e2e.conftest import Installation, installed
from tests.e2e.tmux import PATIENCE, Tmux
from tests.own_engine import OwnEngine, running
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.engine,
    pytest.mark.timeout(300),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root to run an engine of its own"),
]


@pytest.fixture(scope="module")
def own_engine(engine: Engine) -> Iterator[OwnEngine]:
    with running(OwnEngine, "ironcurtain-shell:latest", engine) as own:
        yield own


def open_session(installation: Installation, own_engine: OwnEngine, terminal: Tmux) -> None:
    installation.environment["DOCKER_HOST"] = own_engine.address
    installation.open(terminal, "run", "--agent", "shell", "--rehearsal", "--workspace", str(installation.workspace))
    terminal.wait_for(r":/workspace[$#] ")
    (session,) = installation.sessions()
    # The agent does not wait for the proof that its doors answer, and without that the session would end otherwise.
    wait_until(lambda: '"kind":"self-test.doors"' in session.audit_log.read_text(), PATIENCE)


def test_the_engine_dies_and_comes_back(installation: Installation, own_engine: OwnEngine, terminal: Tmux) -> None:
    open_session(installation, own_engine, terminal)
    (session,) = installation.sessions()
    assert session.proxy_socket.exists()

    own_engine.kill()
    terminal.wait_for(r"Both its doors are closed")
    wait_until(lambda: not session.proxy_socket.exists() and not session.mcp_socket.exists(), PATIENCE)
    wait_until(lambda: '"kind":"engine.lost"' in session.audit_log.read_text(), PATIENCE)

    engine = own_engine.start()
    terminal.wait_for(r"■ ended")
    wait_until(lambda: not engine.find_owned(), PATIENCE)  # the container goes as soon as the engine is back
    terminal.press("C-a", "q")
    terminal.wait_for("EXIT")


@pytest.mark.parametrize("options", [(), ("--live-restore",)], ids=["stops-containers", "live-restore"])
def test_the_engine_is_restarted(
    installation: Installation, own_engine: OwnEngine, terminal: Tmux, options: tuple[str, ...]
) -> None:
    """With live-restore the container outlives its engine: not for long, as nobody watches it any more."""
    own_engine.stop()
    own_engine.start(*options)
    open_session(installation, own_engine, terminal)
    (session,) = installation.sessions()

    own_engine.stop()
    terminal.wait_for(r"Both its doors are closed|■ ended")
    wait_until(lambda: not session.proxy_socket.exists(), PATIENCE)

    engine = own_engine.start(*options)
    terminal.wait_for(r"■ ended")
    wait_until(lambda: not engine.find_owned(), PATIENCE)
    terminal.press("C-a", "q")
    terminal.wait_for("EXIT")


@pytest.fixture
def with_spares(engine: Engine, own_engine: OwnEngine) -> Iterator[Installation]:
    own_engine.stop()
    own_engine.start()
    with installed(engine, spares=True) as made:
        made.environment["DOCKER_HOST"] = own_engine.address
        yield made


def test_the_engine_is_restarted_while_a_spare_waits(with_spares: Installation, own_engine: OwnEngine) -> None:
    """It takes the call all the same, and nothing stays of what it had prepared."""
    with_spares.run("standby")
    own_engine.stop()
    engine = own_engine.start()
    (old,) = engine.find_owned()
    assert not old.running
    with_spares.start_from_a_spare("--agent", "shell", "--rehearsal")
    assert old.id not in {one.id for one in engine.find_owned()}
    with_spares.run("stop")
    assert not engine.find_owned()


def test_the_engine_is_restarted_under_a_session_that_a_spare_has_started(
    with_spares: Installation, own_engine: OwnEngine
) -> None:
    session = with_spares.start_from_a_spare("--agent", "shell", "--rehearsal")
    own_engine.kill()
    wait_until(lambda: '"kind":"engine.lost"' in session.audit_log.read_text(), PATIENCE)
    engine = own_engine.start()
    wait_until(lambda: not engine.find_owned(), PATIENCE)
    wait_until(lambda: not session.run.exists(), PATIENCE)


def test_a_spare_ends_without_its_engine_and_gc_removes_the_rest(
    with_spares: Installation, own_engine: OwnEngine
) -> None:
    with_spares.run("standby")
    own_engine.stop()
    assert "has ended" in with_spares.run("standby", "--end").stdout
    assert spare.present(with_spares.home) is None
    engine = own_engine.start()
    assert len(engine.find_owned()) == 1
    with_spares.run("gc")
    assert not engine.find_owned()
