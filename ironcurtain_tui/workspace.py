"""Which directory of the host the agent may have."""

from __future__ import annotations

import os
from pathlib import Path

from ironcurtain_tui import paths
from ironcurtain_tui.errors import UserFacingError

CHOOSE = "Choose a project directory: `ironcurtain-tui run --workspace DIR`."


def checked(wanted: Path) -> Path:
    """The real path of ``wanted`` when an agent may be given it.

    UserFacingError when it is no directory, not ours to write, or would hand over too much: the root,
    the home directory or anything above it, or our own state (inside it or around it).
    """
    try:
        real = wanted.expanduser().resolve(strict=True)
    except (OSError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or error
        raise UserFacingError(f"The workspace {wanted} cannot be used: {why}.", CHOOSE) from error
    if not real.is_dir():
        raise UserFacingError(f"The workspace {real} is not a directory.", CHOOSE)
    user_home = Path.home().resolve()
    state = paths.home().resolve()
    if real == Path("/"):
        raise UserFacingError("The workspace cannot be / : the agent would own the machine.", CHOOSE)
    if user_home.is_relative_to(real):
        raise UserFacingError(f"The workspace cannot be your home directory or above it ({real}).", CHOOSE)
    if real.is_relative_to(state) or state.is_relative_to(real):
        raise UserFacingError(
            f"The workspace {real} and IronCurtain's own state {state} cannot contain each other: "
            "the agent could rewrite what guards it.",
            CHOOSE,
        )
    if not os.access(real, os.R_OK | os.W_OK | os.X_OK):
        raise UserFacingError(
            f"You cannot write to the workspace {real}.", "Change its permissions, or choose another."
        )
    return real
