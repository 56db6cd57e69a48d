"""What can go wrong between us and the engine, in words for a person."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import docker.errors
import requests.exceptions
import urllib3.exceptions

from ironcurtain_tui.errors import UserFacingError


class EngineUnavailableError(UserFacingError):
    """The engine cannot be reached or stopped answering; nothing is known about its containers."""


class EngineRefusedError(UserFacingError):
    """The engine answered, but would not do what was asked. ``status`` is its HTTP status, if it gave one."""

    def __init__(self, message: str, remedy: str = "", status: int | None = None) -> None:
        super().__init__(message, remedy)
        self.status = status


def disk_full(text: str) -> bool:
    """Whether ``text``, an error of the engine or of a build, says that a disk has no room left."""
    return "no space left on device" in text.lower() or "ENOSPC" in text


DISK_FULL_REMEDY = (
    "Free space on the engine's disk: `docker system df` shows what uses it, `docker system prune` removes what "
    "nothing uses."
)


def unavailable(error: BaseException, address: str) -> EngineUnavailableError:
    """Why ``address`` cannot be reached and what to do, told from the operating system's error within ``error``."""
    cause = _os_error(error)
    # A rootless engine belongs to the user, who has a systemd of their own.
    systemctl = "systemctl --user" if "/run/user/" in address else "sudo systemctl"
    if isinstance(cause, PermissionError):
        return EngineUnavailableError(
            f"You may not use the Docker Engine at {address}: permission denied.",
            'Join the group that owns its socket: `sudo usermod -aG docker "$USER"`, then log out and in again.',
        )
    if isinstance(cause, FileNotFoundError):
        return EngineUnavailableError(
            f"There is no Docker Engine at {address}.",
            f"Install Docker Engine or start it (`{systemctl} start docker`), or set DOCKER_HOST.",
        )
    if isinstance(cause, ConnectionRefusedError):
        return EngineUnavailableError(
            f"The Docker Engine at {address} is not running: connection refused.",
            f"Start it: `{systemctl} start docker`.",
        )
    if isinstance(cause, TimeoutError) or _timed_out(error):
        return EngineUnavailableError(
            f"The Docker Engine at {address} does not answer.",
            f"Look at `{systemctl} status docker`, or restart it: `{systemctl} restart docker`.",
        )
    return EngineUnavailableError(
        f"The Docker Engine at {address} cannot be used: {cause or error}.",
        "Check that `docker version` works in this terminal.",
    )


@contextmanager
def explained(doing: str, address: str) -> Iterator[None]:
    """Turn failures of docker-py into our two errors; ``doing`` completes "The engine could not ..."."""
    try:
        yield
    except docker.errors.APIError as error:
        text = str(error.explanation or error).strip()
        remedy = DISK_FULL_REMEDY if disk_full(text) else ""
        raise EngineRefusedError(f"The engine could not {doing}: {text}", remedy, error.status_code) from error
    except (docker.errors.DockerException, requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
        raise unavailable(error, address) from error
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise EngineRefusedError(f"Could not {doing}: the disk is full.", "Free some space.") from error
        raise unavailable(error, address) from error


def _chain(error: BaseException) -> Iterator[BaseException]:
    """``error`` and every error wrapped in it: requests and urllib3 nest theirs as causes, arguments and reasons."""
    waiting, seen = [error], set[int]()
    while waiting:
        current = waiting.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        nested = (current.__cause__, current.__context__, getattr(current, "reason", None), *current.args)
        waiting += [item for item in nested if isinstance(item, BaseException)]


def _os_error(error: BaseException) -> OSError | None:
    plain = (item for item in _chain(error) if isinstance(item, OSError) and item.errno is not None)
    return next(plain, None)


def _timed_out(error: BaseException) -> bool:
    kinds = (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError, TimeoutError)
    return any(isinstance(item, kinds) for item in _chain(error))
