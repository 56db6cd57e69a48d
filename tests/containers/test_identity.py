from __future__ import annotations

import os
from pathlib import Path

import pytest

from ironcurtain_tui.containers.identity import Identity, agent_identity, choose_identity


@pytest.mark.parametrize(
    ("user", "owner", "rootless", "expected"),
    [
        ((1001, 1002), (1001, 1002), False, Identity(1001, 1002, is_us=True)),
        ((1001, 1002), (0, 0), False, Identity(1001, 1002, is_us=True)),  # never root because a file is root's
        ((0, 0), (1001, 1002), False, Identity(1001, 1002)),
        ((0, 0), (0, 0), False, Identity(0, 0, is_root=True, is_us=True)),
        ((1001, 1002), (1001, 1002), True, Identity(0, 0, is_us=True)),
    ],
)
def test_identity(user: tuple[int, int], owner: tuple[int, int], rootless: bool, expected: Identity) -> None:
    assert choose_identity(user, owner, rootless=rootless) == expected


def test_of_this_process_on_a_workspace_of_somebody(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        os.chown(tmp_path, 12345, 12346)
        assert agent_identity(tmp_path) == Identity(12345, 12346)
    else:
        assert agent_identity(tmp_path) == Identity(os.geteuid(), os.getegid(), is_us=True)
