"""Where real keys lie. They are read on the host only, and no message here ever holds one."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from ironcurtain_tui.config import ProviderSettings
from ironcurtain_tui.credentials import keychain
from ironcurtain_tui.credentials.secret import Secret
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.providers.base import Provider

COMMAND_SECONDS = 10.0
"""How long ``api_key_command`` may take."""

_KEY = re.compile(r"[\x21-\x7e]{16,4096}")


class KeySource(Protocol):
    """One place a key can be read from."""

    @property
    def origin(self) -> str:
        """What it is, for a person to read."""

    @property
    def remedy(self) -> str:
        """What to do when the key that lies there is no longer accepted."""

    def read(self) -> Secret:
        """The key. Blocks up to COMMAND_SECONDS. UserFacingError when there is none that could be one."""

    def changed(self) -> bool:
        """Whether it should be read again. Takes microseconds."""


class EnvironmentKey:
    """A variable of our own environment, which nobody can change while we run."""

    def __init__(self, name: str, value: str) -> None:
        self.origin = f"the environment variable {name}"
        self.remedy = f"Set {name} to a valid key and start a new session."
        self._value = value

    def read(self) -> Secret:
        return _checked(self._value, self.origin)

    def changed(self) -> bool:
        return False


class CommandKey:
    """The output of a command such as ``op read`` or ``pass``."""

    def __init__(self, command: tuple[str, ...], minutes: int = 0) -> None:
        """``minutes`` after which it is run again; 0: only when the provider does not accept the key any more."""
        self.origin = f"the command `{command[0]}`"
        self.remedy = "See that api_key_command prints a valid key; this session then uses it by itself."
        self._command = command
        self._seconds = minutes * 60.0
        self._read = 0.0

    def read(self) -> Secret:
        try:
            return _checked(_run(self._command), self.origin)
        finally:
            self._read = time.monotonic()

    def changed(self) -> bool:
        return bool(self._seconds) and time.monotonic() - self._read >= self._seconds


class FileKey:
    """A file that only its owner can read."""

    def __init__(self, path: Path) -> None:
        self.origin = f"the file {path}"
        self.remedy = f"Put a valid key into {path}; this session then uses it by itself."
        self._path = path
        self._seen: object = None

    def read(self) -> Secret:
        seen = self._look()
        try:
            return _checked(_read(self._path), self.origin)
        finally:
            self._seen = seen

    def changed(self) -> bool:
        return self._look() != self._seen

    def _look(self) -> object:
        try:
            status = self._path.stat()
        except OSError as error:
            return error.errno
        return status.st_mtime_ns, status.st_size, status.st_ino, status.st_mode


class KeyringKey:
    """An entry of the operating system's keyring."""

    def __init__(self, entry: str) -> None:
        """``entry``: ``SERVICE/USER``."""
        self._service, _, self._user = entry.rpartition("/")
        self.origin = f"the keyring's entry {entry}"
        self.remedy = f"Put a valid key there (`keyring set {self._service} {self._user}`); this session then uses it."

    def read(self) -> Secret:
        value = keychain.read(self._service, self._user)
        if value is None:
            raise UserFacingError(
                f"The keyring has no entry {self._service}/{self._user}.",
                f"Store the key with `keyring set {self._service} {self._user}`.",
            )
        return _checked(value.strip(), self.origin)

    def changed(self) -> bool:
        return False


def find(
    provider: Provider, settings: ProviderSettings | None = None, environment: Mapping[str, str] = os.environ
) -> KeySource | None:
    """Where the key of ``provider`` is to be read, None when nothing names a place.

    The environment comes first, then the configured command, file and keyring entry.
    """
    settings = settings or ProviderSettings()
    variable = settings.api_key_env or provider.key_variable
    if value := environment.get(variable, "").strip():
        return EnvironmentKey(variable, value)
    if settings.api_key_command:
        return CommandKey(settings.api_key_command, settings.api_key_minutes)
    if settings.api_key_file:
        return FileKey(Path(settings.api_key_file).expanduser())
    if settings.api_key_keyring:
        return KeyringKey(settings.api_key_keyring)
    return None


def resolve(
    provider: Provider, settings: ProviderSettings | None = None, environment: Mapping[str, str] = os.environ
) -> Secret | None:
    """The key of ``provider`` as it is now, None when there is none anywhere. Blocks; raises what ``read`` does."""
    source = find(provider, settings, environment)
    return None if source is None else source.read()


def _checked(value: str, origin: str) -> Secret:
    if not _KEY.fullmatch(value):
        raise UserFacingError(
            f"What {origin} gives is not an API key (16 or more printable characters without blanks are expected).",
            "Put the key there as it was issued, or remove the setting.",
        )
    return Secret(value)


def _run(command: tuple[str, ...]) -> str:
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # may quote the key
            start_new_session=True,
        )
    except OSError as error:
        raise UserFacingError(
            f"The api_key_command `{command[0]}` cannot be started: {error.strerror}.",
            "Correct api_key_command in config.toml.",
        ) from None
    with process:
        try:
            output, _ = process.communicate(timeout=COMMAND_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise UserFacingError(
                f"The api_key_command `{command[0]}` gave no answer within {COMMAND_SECONDS:.0f} seconds.",
                "Run it by hand; it must print the key without asking anything.",
            ) from None
    if process.returncode != 0:
        raise UserFacingError(
            f"The api_key_command `{command[0]}` failed with exit status {process.returncode}.",
            "Run it by hand to see why.",
        )
    return output.decode("ascii", "replace").strip()


def _read(path: Path) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise UserFacingError(
            f"The api_key_file {path} cannot be read: {error.strerror}.", "Correct api_key_file in config.toml."
        ) from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise UserFacingError(f"The api_key_file {path} is not a regular file.", "Name a file that holds the key.")
        if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077:
            raise UserFacingError(
                f"The api_key_file {path} can be read by others.",
                f"Run `chown {os.geteuid()} {path} && chmod 600 {path}`.",
            )
        return os.read(descriptor, 8192).decode("ascii", "replace").strip()
    finally:
        os.close(descriptor)
