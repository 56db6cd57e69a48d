"""The engine's disk is full: what that is called, and what to do, on an engine with a small disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.containers.failures import DISK_FULL_REMEDY, EngineRefusedError
from ironcurtain_tui.containers.images import ensure_image, ensure_own_image
from ironcurtain_tui.containers.spec import ContainerSpec
from ironcurtain_tui.errors import UserFacingError
from tests.own_engine import OwnEngine, running

pytestmark = [
    pytest.mark.engine,
    pytest.mark.timeout(600),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root to run an engine of its own"),
]
FILL = "FROM ironcurtain-base:latest\nUSER root\nRUN dd if=/dev/zero of=/everything bs=1M\n"


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(1 << 20)):
                pass
        except OSError:
            return


def test_a_full_disk_is_told_with_its_remedy(engine: Engine, tmp_path: Path) -> None:
    image = ensure_image(engine, "sidecar", lambda _: None)
    with running(OwnEngine, image, engine, size="400m") as own:
        small = Engine.connect({"DOCKER_HOST": own.address})
        recipe, sockets, workspace = (tmp_path / name for name in ("recipe", "sockets", "workspace"))
        for directory in (recipe, sockets, workspace):
            directory.mkdir()
        (recipe / "Dockerfile").write_text(FILL)
        with pytest.raises(UserFacingError, match="It failed in: RUN dd") as building:
            ensure_own_image(small, "test", recipe, lambda _: None)
        assert "No space left on device" in building.value.message
        assert building.value.remedy == DISK_FULL_REMEDY
        assert small.client.containers(all=True) == [], "the container of the step that failed went, with what it wrote"

        fill(own.directory / "everything")
        spec = ContainerSpec("0123456789ab", image, ("true",), {}, sockets, workspace, 1000, 1000)
        with pytest.raises(EngineRefusedError, match="no space left on device") as creating:
            small.create(spec)
        assert creating.value.remedy == DISK_FULL_REMEDY
        (own.directory / "everything").unlink()
        small.create(spec).remove()
