"""Where real keys come from. They are read on the host only, and no message here ever holds one."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path

from ironcurtain_tui.config import ProviderSettings
from ironcurtain_tui.credentials.secret import Secret
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.providers.base import Provider

COMMAND_SECONDS = 10.0
"""How long ``api_key_command`` may take."""

_KEY = re.compile(r"[\x21-\x7e]{16,4096}")


def resolve(
    provider: Provider, settings: ProviderSettings | None = None, environment: Mapping[str, str] = os.environ
) -> Secret | None:
    """The real key of ``provider``, None when there is none anywhere.

    The environment comes first, then the configured command, then the configured file. Blocks up to
    ``COMMAND_SECONDS``. Raises UserFacingError when a source is there but gives no usable key.
    """
    settings = settings or ProviderSettings()
    if value := environment.get(provider.key_variable, "").strip():
        return _checked(value, f"the environment variable {provider.key_variable}")
    if settings.api_key_command:
        return _checked(_run(settings.api_key_command), f"the command `{settings.api_key_command[0]}`")
    if settings.api_key_file:
        return _checked(_read(Path(settings.api_key_file).expanduser()), f"the file {settings.api_key_file}")
    return None


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
