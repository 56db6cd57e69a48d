"""Where an agent keeps its log-in on this host, and how new tokens get back there."""

from __future__ import annotations

import errno
import os
import tempfile
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import msgspec

from ironcurtain_tui.credentials import keychain
from ironcurtain_tui.credentials.login import Login, LoginFormat, Tokens, parse
from ironcurtain_tui.credentials.refresh_lock import alone
from ironcurtain_tui.errors import UserFacingError

LARGEST = 1 << 20
"""Bytes of a document that are read."""
ROOM = 64 << 10
"""Bytes that must be free before a refresh token is spent."""


class LoginStore(ABC):
    """One place. All methods but ``changed`` block."""

    origin: str
    """What it is, for a person to read."""

    def __init__(self, login_format: LoginFormat) -> None:
        self._format = login_format

    def read(self) -> Login | None:
        """The log-in that lies there now, None when there is none. UserFacingError when it cannot be read."""
        text = self._load()
        found = None if text is None else parse(text, self._format)
        return None if found is None else found[1]

    def write(self, spent: Login, tokens: Tokens) -> bool:
        """Put ``tokens`` there, unless somebody else has put something newer than ``spent`` there: then False.

        Everything else in the document stays. UserFacingError when it cannot be written.
        """
        text = self._load()
        found = None if text is None else parse(text, self._format)
        if found is None:
            return False  # logged out meanwhile: that was meant
        document, login = found
        if _revealed(login) != _revealed(spent):
            return False
        self._save(msgspec.json.format(msgspec.json.encode(self._format.renew(document, tokens)), indent=2))
        return True

    @abstractmethod
    def changed(self) -> bool:
        """Whether it may hold something else than was read last. Takes microseconds."""

    @abstractmethod
    def prepare(self) -> None:
        """See that ``write`` is going to work. UserFacingError when it is not."""

    @abstractmethod
    def lock(self) -> AbstractAsyncContextManager[None]:
        """Hold it against everybody else who refreshes. ``refresh_lock.Busy``."""

    @abstractmethod
    def _load(self) -> bytes | None: ...

    @abstractmethod
    def _save(self, content: bytes) -> None: ...


class FileStore(LoginStore):
    """A file. A link to it, its mode and its owner stay."""

    def __init__(self, path: Path, login_format: LoginFormat, locks: Callable[[Path], tuple[Path, ...]] = lambda _: ()):
        """``locks``: the lock directories that the agent heeds, by the file's directory."""
        super().__init__(login_format)
        self.origin = f"the log-in in {path}"
        self._path = path
        self._locks = locks
        self._seen: object = None

    def changed(self) -> bool:
        return self._look() != self._seen

    def prepare(self) -> None:
        try:
            with tempfile.TemporaryFile(dir=self._real.parent) as file:
                file.write(b"\0" * ROOM)
                file.flush()
            os.close(os.open(self._real, os.O_WRONLY | os.O_CLOEXEC))
        except OSError as error:
            raise self._unwritable(error) from None

    @asynccontextmanager
    async def lock(self) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(alone(self._path.parent, self._locks(self._path.parent)))
            except OSError as error:
                raise self._unwritable(error) from None
            yield

    @property
    def _real(self) -> Path:
        return Path(os.path.realpath(self._path))

    def _load(self) -> bytes | None:
        seen = self._look()
        try:
            with self._path.open("rb") as file:
                return file.read(LARGEST)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UserFacingError(
                f"{self._path} cannot be read: {error.strerror}.", "Correct its permissions, or log in again."
            ) from None
        finally:
            self._seen = seen

    def _save(self, content: bytes) -> None:
        real = self._real
        try:
            status = real.stat()
            descriptor, name = tempfile.mkstemp(prefix=f".{real.name}.", dir=real.parent)
            temporary = Path(name)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fchmod(descriptor, status.st_mode & 0o7777)
                    if (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
                        os.fchown(descriptor, status.st_uid, status.st_gid)
                    os.fsync(descriptor)
                temporary.replace(real)
            except OSError as error:
                with suppress(OSError):
                    temporary.unlink()
                if error.errno not in (errno.EBUSY, errno.EXDEV):
                    raise
                with real.open("r+b") as file:  # a file that is mounted by itself cannot be replaced
                    file.write(content)
                    file.truncate()
                    file.flush()
                    os.fsync(file.fileno())
        except OSError as error:
            raise self._unwritable(error) from None
        self._seen = self._look()

    def _look(self) -> object:
        try:
            status = self._path.stat()
        except OSError as error:
            return error.errno
        return status.st_mtime_ns, status.st_size, status.st_ino

    def _unwritable(self, error: OSError) -> UserFacingError:
        return UserFacingError(
            f"{self._path} cannot be written ({error.strerror}), so the log-in in it is not renewed: the new tokens "
            "would be lost and you would be logged out.",
            f"Make {self._path.parent} writable, free disk space, or have the agent on this machine renew it.",
        )


class KeyringStore(LoginStore):
    """An entry of the system's keyring."""

    def __init__(self, service: str, user: str, login_format: LoginFormat, home: Path, locks: tuple[Path, ...] = ()):
        """``home``: a directory that all who refresh agree on."""
        super().__init__(login_format)
        self.origin = f"the log-in in the keyring's entry {service}"
        self._service = service
        self._user = user
        self._home = home
        self._locks = locks

    def changed(self) -> bool:
        return False  # to look takes long, and may ask the person; it is read again when a token expires or fails

    def prepare(self) -> None:
        """It was read, so it is unlocked."""

    @asynccontextmanager
    async def lock(self) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            try:
                self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
                await stack.enter_async_context(alone(self._home, self._locks))
            except OSError as error:
                raise UserFacingError(
                    f"{self._home} cannot be used ({error.strerror}).", "Correct its permissions."
                ) from None
            yield

    def _load(self) -> bytes | None:
        text = keychain.read(self._service, self._user)
        return None if text is None else text.encode()

    def _save(self, content: bytes) -> None:
        compact = msgspec.json.format(content, indent=-1)
        keychain.write(self._service, self._user, compact.decode())


def _revealed(login: Login) -> tuple[str, str]:
    return login.access.reveal(), login.refresh.reveal() if login.refresh else ""
