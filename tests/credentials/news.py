"""What a credential tells."""

from __future__ import annotations

from ironcurtain_tui.credentials.credential import Credential
from ironcurtain_tui.errors import UserFacingError


class News:
    """Everything that ``credential`` tells from now on."""

    def __init__(self, credential: Credential) -> None:
        self.secrets: list[str] = []
        self.changes: list[str] = []
        self.failures: list[UserFacingError] = []
        credential.listen(self)

    def learned(self, secret: str) -> None:
        self.secrets.append(secret)

    def renewed(self, text: str) -> None:
        self.changes.append(text)

    def failed(self, error: UserFacingError) -> None:
        self.failures.append(error)
