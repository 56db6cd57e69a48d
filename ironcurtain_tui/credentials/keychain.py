"""The operating system's keyring: the keychain of macOS, the Secret Service of a Linux desktop.

Reached through the library ``keyring``, which is installed with IronCurtain on macOS, where agents keep their
log-ins there; elsewhere it is an extra.
"""

from __future__ import annotations

import importlib
from typing import Protocol, cast

from ironcurtain_tui.errors import UserFacingError


class _Keyring(Protocol):
    def get_password(self, service: str, username: str) -> str | None: ...

    def set_password(self, service: str, username: str, password: str) -> None: ...


def available() -> bool:
    """Whether there is a keyring to ask; loads the library."""
    return _library() is not None


def read(service: str, user: str) -> str | None:
    """What the entry holds, None when there is none. Blocks, and may ask the person. UserFacingError when it cannot."""
    library = _library()
    if library is None:
        raise UserFacingError(
            "The system keyring cannot be used: the library `keyring` is not installed.",
            "Install it with `pip install 'ironcurtain-tui[keyring]'`, or keep the key elsewhere.",
        )
    try:
        return library.get_password(service, user)
    except Exception as error:  # every backend raises what it likes
        raise _unusable(error) from None


def write(service: str, user: str, value: str) -> None:
    """Replace what the entry holds. Blocks; UserFacingError when it cannot."""
    library = _library()
    if library is None:
        raise UserFacingError("The system keyring cannot be used.", "Install the library `keyring`.")
    try:
        library.set_password(service, user, value)
    except Exception as error:  # its text may quote the value
        raise _unusable(error) from None


def _library() -> _Keyring | None:
    try:
        return cast(_Keyring, importlib.import_module("keyring"))
    except ImportError:
        return None


def _unusable(error: Exception) -> UserFacingError:
    return UserFacingError(
        f"The system keyring gives nothing ({type(error).__name__}).",
        "Unlock it, or keep the key elsewhere; `keyring diagnose` tells which backend is used.",
    )
