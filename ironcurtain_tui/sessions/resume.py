"""Which sessions' conversations can be taken up, and which one a person means."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from ironcurtain_tui import paths
from ironcurtain_tui.agents import AGENTS
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.events import SessionInfo
from ironcurtain_tui.paths import SessionPaths
from ironcurtain_tui.sessions import agent_state, registry
from ironcurtain_tui.sessions.registry import KnownSession


def is_resumable(known: KnownSession, root: Path) -> bool:
    """Whether it has ended, its workspace is there, and its agent kept a conversation."""
    info = known.record.info
    adapter = AGENTS.get(info.agent)
    if known.alive or adapter is None or not info.conversation or not Path(info.workspace).is_dir():
        return False
    return adapter.remembers(agent_state.files(SessionPaths.of(known.id, root).state, adapter.state), info.conversation)


def find(wanted: str, workspace: Path, root: Path | None = None) -> KnownSession:
    """The ended session that ``wanted``, the beginning of its id, means; empty: the newest on ``workspace``.

    UserFacingError when there is none, when it still runs, or when there is nothing to take up.
    """
    root = root or paths.home()
    everything = registry.sessions(root)
    if not wanted:
        for known in everything:
            if known.record.info.workspace == str(workspace) and is_resumable(known, root):
                return known
        raise UserFacingError(
            f"No conversation on {workspace} can be taken up.",
            "`ironcurtain-tui sessions` lists those that can; name one: ironcurtain-tui run --resume SESSION.",
        )
    fitting = [known for known in everything if known.id.startswith(wanted)]
    if not fitting:
        raise UserFacingError(f"No session starts with {wanted!r}.", "`ironcurtain-tui sessions` lists them.")
    if len(fitting) > 1:
        raise UserFacingError(
            f"Several sessions start with {wanted!r}.", f"Name one of: {', '.join(known.id for known in fitting)}."
        )
    if fitting[0].alive:
        raise UserFacingError(
            f"Session {fitting[0].id} is still running.", f"Open it: ironcurtain-tui attach {fitting[0].id}"
        )
    if not is_resumable(fitting[0], root):
        raise UserFacingError(
            f"Session {fitting[0].id} has no conversation that can be taken up.",
            "`ironcurtain-tui sessions` lists those that have one.",
        )
    return fitting[0]


def taken_up(options: Namespace) -> SessionInfo | None:
    """The session that the options of ``run`` ask to resume, None for a new conversation. UserFacingError as ``find``.

    Where it is named, its workspace and agent are what they were: another one given besides is refused.
    """
    if options.resume is None:
        return None
    info = find(options.resume, options.workspace.resolve()).record.info
    if options.workspace != Path() and str(options.workspace.resolve()) != info.workspace:
        raise UserFacingError(f"Session {info.id} worked in {info.workspace}.", "Leave --workspace out.")
    if options.agent and options.agent != info.agent:
        raise UserFacingError(f"Session {info.id} was {info.agent_title}'s.", "Leave --agent out.")
    return info
