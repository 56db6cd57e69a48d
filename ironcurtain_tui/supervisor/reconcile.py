"""Removing what dead supervisors left behind, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ironcurtain_tui.containers.container import AgentContainer
from ironcurtain_tui.containers.engine import Engine, OwnedContainer
from ironcurtain_tui.supervisor import registry
from ironcurtain_tui.supervisor.identity import ProcessIdentity


@dataclass(frozen=True)
class Reconciliation:
    """What was found, in words for a person."""

    removed: tuple[str, ...]
    left: tuple[str, ...]
    """Ours by label, but without proof that its owner is dead."""


def reconcile(engine: Engine, root: Path, *, dry_run: bool = False) -> Reconciliation:
    """Remove containers and run directories whose supervisor is provably dead. Blocks.

    With ``dry_run`` it only says what it would remove.
    """
    removed, left = [], []
    for item in engine.find_owned():
        owner = ProcessIdentity.from_labels(dict(item.labels))
        if owner is None:
            left.append(f"container {item.name}: nothing says who owns it")
        elif owner.alive():
            continue
        else:
            removed.append(f"container {item.name}: its supervisor (process {owner.pid}) is dead")
            if not dry_run:
                _remove(engine, item)
    for session in registry.orphans(root):
        removed.append(f"run directory of session {session.session_id}: its supervisor is dead")
        if not dry_run:
            registry.release(session)
            registry.close_record(session, "its supervisor died")
    return Reconciliation(tuple(removed), tuple(left))


def _remove(engine: Engine, item: OwnedContainer) -> None:
    AgentContainer(engine.client, engine.address, item.id, item.name).remove()
