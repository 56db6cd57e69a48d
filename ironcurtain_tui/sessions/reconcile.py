"""Removing what dead supervisors left behind, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ironcurtain_tui.containers.container import AgentContainer
from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.sessions import registry
from ironcurtain_tui.sessions.agent_state import settle
from ironcurtain_tui.sessions.identity import Life, ProcessIdentity


@dataclass(frozen=True)
class Reconciliation:
    """What was found, in words for a person."""

    removed: tuple[str, ...]
    left: tuple[str, ...]
    """Ours by label, but without proof that its owner is dead."""


def reconcile(engine: Engine, root: Path, *, dry_run: bool = False) -> Reconciliation:
    """Remove containers, networks and run directories whose supervisor is provably dead. Blocks.

    With ``dry_run`` it only says what it would remove.
    """
    removed: list[str] = []
    left: list[str] = []
    for item in engine.find_owned():
        if _orphaned(f"container {item.name}", item.labels, removed, left) and not dry_run:
            AgentContainer(engine.client, engine.address, item.id, item.name).remove()
    for network in engine.find_owned_networks():
        title = f"network {network.name}"
        if _orphaned(title, network.labels, removed, left) and not dry_run and not engine.remove_network(network.id):
            removed.pop()
            left.append(f"{title}: other containers are on it")
    left += [
        f"run directory of session {session.session_id}: its supervisor belongs to another machine"
        for session in registry.unproved(root)
    ]
    for session in registry.orphans(root):
        removed.append(f"run directory of session {session.session_id}: its supervisor is dead")
        if dry_run:
            continue
        from ironcurtain_tui.sessions.aftermath import close_records  # loads what signs logs

        try:
            removed += close_records(session)
        except UserFacingError as error:
            left.append(f"audit log of session {session.session_id}: {error.message}")
        settle(session.state)
        registry.release(session)
        registry.close_record(session, "its supervisor died")
    return Reconciliation(tuple(removed), tuple(left))


def _orphaned(title: str, labels: Mapping[str, str], removed: list[str], left: list[str]) -> bool:
    """Whether the owner named in ``labels`` is dead, noted in words under ``removed`` or ``left``."""
    owner = ProcessIdentity.from_labels(dict(labels))
    if owner is None:
        left.append(f"{title}: nothing says who owns it")
        return False
    match owner.life():
        case Life.ALIVE:
            return False
        case Life.UNKNOWN:
            left.append(f"{title}: its supervisor belongs to another machine, and may be alive there")
            return False
    removed.append(f"{title}: its supervisor (process {owner.pid}) is dead")
    return True
