"""Which user the agent is: one that may write the workspace, and no more."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Identity:
    """The numeric user and group of every process in the agent's container."""

    uid: int
    gid: int
    is_root: bool = False
    """The agent would be root on the host's files: worth a warning, although it has no capability."""
    is_us: bool = False
    """On this machine it is the user that we are, whatever the number in the container."""


def choose_identity(user: tuple[int, int], owner: tuple[int, int], *, rootless: bool = False) -> Identity:
    """The agent's identity for the host's ``user`` and the workspace's ``owner``, both (uid, gid).

    It is the user; for root it is the workspace's owner, so that new files belong to whom they should. A rootless
    engine maps its own user to 0 inside, and there 0 is that user and not root.
    """
    if rootless:
        return Identity(0, 0, is_us=True)
    uid, gid = user if user[0] != 0 else owner
    return Identity(uid, gid, is_root=uid == 0, is_us=uid == user[0])


def agent_identity(workspace: Path, *, rootless: bool = False) -> Identity:
    """The identity of an agent that this process starts on ``workspace``. OSError when it cannot be looked at."""
    status = workspace.stat()
    return choose_identity((os.geteuid(), os.getegid()), (status.st_uid, status.st_gid), rootless=rootless)
