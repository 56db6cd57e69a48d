"""What a supervisor is asked to run, and what it answers: JSON on its standard input and output, never in arguments."""

from __future__ import annotations

from typing import Literal

import msgspec

from ironcurtain_tui.config import Config
from ironcurtain_tui.containers.limits import Limits

TITLE_LENGTH = 80


class TaskRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent is to do without a screen."""

    prompt: str
    timeout: float = 0.0
    """Seconds from the start of the agent until it is ended; 0: any time."""
    max_tokens: int = 0
    """Of all model calls together, cached ones included, until it is ended; 0: any number."""

    @property
    def title(self) -> str:
        """The start of what is asked, on one line."""
        line = " ".join(self.prompt.split())
        return line if len(line) <= TITLE_LENGTH else f"{line[: TITLE_LENGTH - 1]}…"


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
    task: TaskRequest | None = None
    """For a session without a screen of the agent's."""
    cols: int
    lines: int
    config: Config
    limits: Limits | None = None
    """What the container may use; None: what ``config`` says, as far as the machine has it."""


class Answer(msgspec.Struct, frozen=True):
    """Whether there is a session to talk to; one that ends without an answer has crashed."""

    refusal: str = ""
    """Why not, for a person; empty: its socket accepts connections."""
    remedy: str = ""
