"""The rules that past sessions suggest, told from their audit logs. Reads files; blocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from ironcurtain_tui import paths
from ironcurtain_tui.audit.chain import ChainBroken, Record
from ironcurtain_tui.audit.decisions import decided
from ironcurtain_tui.audit.reader import AuditReader
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.policy.decide import Policy
from ironcurtain_tui.policy.load import USER_FILE, load_policy
from ironcurtain_tui.policy.suggest import Suggestion, suggest
from ironcurtain_tui.providers import PROVIDERS


def suggested_rules(logs: Iterable[Path], workspace: Path) -> list[Suggestion]:
    """What ``policy.suggest.suggest`` makes of all of ``logs``. UserFacingError when the policy file is broken.

    A log that is broken counts up to where it is.
    """
    return suggest((each for log in logs for each in decided(_readable(log))), users_policy(workspace))


def users_policy(workspace: Path) -> Policy:
    """The policy that new sessions on ``workspace`` would have. UserFacingError when its file is broken."""
    hosts = [rules for provider in PROVIDERS.values() for rules in provider.rules()]
    try:
        return load_policy({"user": paths.home() / USER_FILE}, hosts, workspace, paths.home())
    except UserFacingError as error:
        raise UserFacingError(f"No rules can be suggested: {error.message}", error.remedy) from error


def _readable(log: Path) -> Iterator[Record]:
    try:
        yield from AuditReader(log).poll()
    except (ChainBroken, OSError):
        pass  # the audit browser says so; here the rest of it is of no use
