"""Removing what dead supervisors left behind, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ironcurtain_tui.containers.container import AgentContainer
from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.containers.failures import EngineRefusedError
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.paths import SessionPaths
from ironcurtain_tui.sessions import registry, spare
from ironcurtain_tui.sessions.agent_state import settle
from ironcurtain_tui.sessions.identity import Life, ProcessIdentity


@dataclass(frozen=True)
class Reconciliation:
    """What was found, in words for a person."""

    removed: tuple[str, ...]
    left: tuple[str, ...]
    """Ours by label, but without proof that its owner is dead; or what could not be removed, and why."""


def reconcile(engine: Engine, root: Path, *, dry_run: bool = False) -> Reconciliation:
    """Remove containers, networks and run directories whose supervisor is provably dead. Blocks.

    With ``dry_run`` it only says what it would remove. What cannot be removed stands in the way of nothing else.
    """
    sweep = _Sweep(dry_run)
    for item in engine.find_owned():
        container = AgentContainer(engine.client, engine.address, item.id, item.name)
        sweep.owned(f"container {item.name}", item.labels, container.remove)
    for network in engine.find_owned_networks():

        def remove(network_id: str = network.id) -> None:
            if not engine.remove_network(network_id):
                raise EngineRefusedError("other containers are on it")

        sweep.owned(f"network {network.name}", network.labels, remove)
    dead, unproved = registry.orphans(root)
    sweep.left += [f"run directory of session {session}: {why}" for session, why in unproved.items()]
    for session in dead:
        sweep.session(session)
    if files := spare.left_behind(root):
        sweep.removed.append(f"place of the spare supervisor ({', '.join(sorted(one.name for one in files))}): it died")
        for file in () if dry_run else files:
            file.unlink(missing_ok=True)
    return Reconciliation(tuple(sweep.removed), tuple(sweep.left))


class _Sweep:
    """One walk over everything; what it did, in words."""

    def __init__(self, dry_run: bool) -> None:
        self._dry_run = dry_run
        self.removed: list[str] = []
        self.left: list[str] = []

    def owned(self, title: str, labels: Mapping[str, str], remove: Callable[[], object]) -> None:
        """``remove`` something on the engine if the owner that its ``labels`` name is dead."""
        owner = ProcessIdentity.from_labels(dict(labels))
        life = Life.UNKNOWN if owner is None else owner.life()
        if owner is None:
            self.left.append(f"{title}: nothing says who owns it")
        elif life is Life.UNKNOWN:
            self.left.append(f"{title}: its supervisor belongs to another machine, and may be alive there")
        elif life is Life.DEAD:
            try:
                if not self._dry_run:
                    remove()
            except EngineRefusedError as error:
                self.left.append(f"{title}: {error.message}")
            else:
                self.removed.append(f"{title}: its supervisor (process {owner.pid}) is dead")

    def session(self, session: SessionPaths) -> None:
        """Close the records of one whose supervisor is dead, then remove its run directory.

        When the records cannot be written now, it stays: it is what says that they are still to be closed.
        """
        with registry.swept(session) as ours:
            if ours:
                self._sweep(session)

    def _sweep(self, session: SessionPaths) -> None:
        title = f"run directory of session {session.session_id}"
        try:
            repaired = [] if self._dry_run else _close(session)
        except OSError as error:
            self.left.append(f"{title}: its records cannot be closed now: {error.strerror or error}")
            return
        except UserFacingError as error:
            self.left.append(f"audit log of session {session.session_id}: {error.message}")
            if _is_systems(error):
                self.left.append(f"{title}: until its audit log can be closed")
                return
            repaired = []
        if not self._dry_run:
            registry.release(session)
        self.removed += [f"{title}: its supervisor is dead", *repaired]


def _close(session: SessionPaths) -> list[str]:
    """In words, what had to be repaired. OSError, or UserFacingError for the audit log, when it cannot be done."""
    from ironcurtain_tui.sessions.aftermath import close_records  # loads what signs logs

    settle(session.state)
    registry.close_record(session, registry.DIED)
    return close_records(session)


def _is_systems(error: BaseException | None) -> bool:
    """Whether the operating system is what stood in the way: a disk that is full, say, may not be later."""
    while error is not None and not isinstance(error, OSError):
        error = error.__cause__
    return error is not None
