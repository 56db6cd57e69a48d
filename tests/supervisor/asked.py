"""What a supervisor is asked to run."""

from __future__ import annotations

from pathlib import Path

from ironcurtain_tui import paths
from ironcurtain_tui.config import Config
from ironcurtain_tui.supervisor.request import LaunchRequest

NO_SETTINGS = Config()


def asked(
    workspace: Path, *, agent: str = "shell", image: str = "ironcurtain-shell:latest", config: Config = NO_SETTINGS
) -> LaunchRequest:
    """A rehearsal in ``workspace``."""
    return LaunchRequest(
        session_id=paths.new_session_id(),
        workspace=str(workspace),
        agent=agent,
        model="",
        rehearsal=True,
        image=image,
        cols=80,
        lines=24,
        config=config,
    )
