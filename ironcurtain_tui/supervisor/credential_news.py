"""What a person, the audit log and everything that hides secrets hear of keys and log-ins."""

from __future__ import annotations

from ironcurtain_tui.audit.redact import KnownSecrets
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.events import BadgeState
from ironcurtain_tui.supervisor.bulletin import Bulletin
from ironcurtain_tui.supervisor.chronicle import Chronicle
from ironcurtain_tui.tasks import TaskOwner


class CredentialNews:
    """The session's ear at its credentials (``CredentialListener``)."""

    def __init__(self, secrets: KnownSecrets, bulletin: Bulletin, chronicle: Chronicle, tasks: TaskOwner) -> None:
        self._secrets = secrets
        self._bulletin = bulletin
        self._chronicle = chronicle
        self._tasks = tasks

    def learned(self, secret: str) -> None:
        self._secrets.add(secret)

    def renewed(self, text: str) -> None:
        self._bulletin.notice(BadgeState.OK, f"{text}.")
        self._tasks.start(self._chronicle.record("credential.renewed", text), "credential")

    def failed(self, error: UserFacingError) -> None:
        self._bulletin.notice(BadgeState.FAIL, error.message, error.remedy)
        self._tasks.start(self._chronicle.record("credential.failed", error.message), "credential")
