"""What a supervisor is asked to run: handed over on its standard input as JSON, never in arguments."""

from __future__ import annotations

from typing import Literal

import msgspec

from ironcurtain_tui.config import Config


class LaunchRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One session to be. Holds no key: the supervisor reads those itself."""

    session_id: str
    workspace: str
    agent: str
    model: str
    rehearsal: bool
    image: str
    """Identifier of the agent's image, already built."""
    network_mode: Literal["uds", "tcp"] = "uds"
    sidecar_image: str = ""
    """In TCP mode."""
    conversation: str = ""
    """UUID of the agent's conversation."""
    resumes: str = ""
    """The session, ended, whose conversation is to be taken up; empty: a new one."""
    cols: int
    lines: int
    config: Config
