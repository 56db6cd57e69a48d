"""Files of the host. Every path comes resolved and decided on: what has a symlink in it by now is refused.

On Linux openat2(2) looks up a path without following any symlink, in one step, so that nothing can be swapped
between the decision and the effect. Elsewhere the path is resolved anew and compared.
"""

from __future__ import annotations

import ctypes
import errno
import fnmatch
import os
import stat
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from mcp.server.fastmcp import FastMCP
from mcp.server.fastmcp.exceptions import ToolError
from mcp.types import ToolAnnotations
from pydantic import BaseModel, Field

server = FastMCP("filesystem", log_level="WARNING")

READS = ToolAnnotations(readOnlyHint=True, openWorldHint=False)
WRITES = ToolAnnotations(readOnlyHint=False, destructiveHint=True, openWorldHint=False)

LARGEST_FILE = 8 << 20
"""Bytes that are read or written at most."""
MOST_ENTRIES = 2_000
MOST_VISITED = 50_000
_OPENAT2 = 437  # the same on every architecture
_RESOLVE_NO_SYMLINKS, _RESOLVE_NO_MAGICLINKS = 0x04, 0x02


class Edit(BaseModel):
    """One replacement, in the words of the common filesystem servers."""

    oldText: Annotated[str, Field(min_length=1, description="Must be in the file exactly once.")]  # noqa: N815
    newText: str  # noqa: N815


PathArgument = Annotated[str, Field(description="Absolute, or relative to the workspace.")]


@server.tool(annotations=READS, structured_output=False)
def read_text_file(
    path: PathArgument,
    head: Annotated[int | None, Field(ge=1, description="Only the first so many lines.")] = None,
    tail: Annotated[int | None, Field(ge=1, description="Only the last so many lines.")] = None,
) -> str:
    """Read a file of the host as text."""
    lines = _text(path).splitlines(keepends=True)
    if head is not None:
        lines = lines[:head]
    if tail is not None:
        lines = lines[-tail:]
    return "".join(lines)


@server.tool(annotations=READS, structured_output=False)
def list_directory(path: PathArgument = ".") -> str:
    """What is in a directory."""
    with _opened(path, os.O_RDONLY | os.O_DIRECTORY) as directory:
        names = sorted(os.listdir(directory))  # noqa: PTH208 -- of the open one
        kinds = [_kind(os.lstat(name, dir_fd=directory)) for name in names[:MOST_ENTRIES]]
    shown = [f"[{kind}] {name}" for kind, name in zip(kinds, names, strict=False)]
    return "\n".join([*shown, *([f"... and {len(names) - MOST_ENTRIES} more"] if len(names) > MOST_ENTRIES else [])])


@server.tool(annotations=READS, structured_output=False)
def get_file_info(path: PathArgument) -> str:
    """Kind, size, permissions and times of a file or directory."""
    with _parent(path) as (directory, name):
        status = os.lstat(name, dir_fd=directory)
    modified = time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(status.st_mtime))
    return f"{_kind(status)}, {status.st_size} bytes, mode {stat.filemode(status.st_mode)}, modified {modified}"


@server.tool(annotations=READS, structured_output=False)
def search_files(path: PathArgument, pattern: Annotated[str, Field(description="Of the name, like '*.py'.")]) -> str:
    """Find files by name below a directory. Follows no symlinks."""
    found: list[str] = []
    visited = 0
    with _opened(path, os.O_RDONLY | os.O_DIRECTORY) as top:
        for where, directories, files, _ in os.fwalk(".", dir_fd=top):
            visited += len(files) + len(directories)
            found += [
                os.path.normpath(str(Path(path) / where / name))
                for name in sorted(directories + files)
                if fnmatch.fnmatch(name, pattern)
            ]
            if visited > MOST_VISITED or len(found) > MOST_ENTRIES:
                found = [*found[:MOST_ENTRIES], "... there is more: search in a smaller directory"]
                break
    return "\n".join(found) or "Nothing found."


@server.tool(annotations=WRITES, structured_output=False)
def write_file(path: PathArgument, content: str) -> str:
    """Create a file or replace what is in it."""
    data = content.encode()
    _write(path, data)
    return f"Wrote {len(data)} bytes to {path}."


@server.tool(annotations=WRITES, structured_output=False)
def edit_file(path: PathArgument, edits: Annotated[list[Edit], Field(min_length=1)]) -> str:
    """Replace pieces of text in a file, one after the other; all of them, or none when one does not fit."""
    text = _text(path)
    for number, edit in enumerate(edits, 1):
        if (count := text.count(edit.oldText)) != 1:
            raise ToolError(f"oldText of edit {number} is in the file {count} times, not once")
        text = text.replace(edit.oldText, edit.newText)
    _write(path, text.encode())
    return f"Changed {path}."


@server.tool(annotations=WRITES, structured_output=False)
def create_directory(path: PathArgument) -> str:
    """Create a directory; the one above it must exist."""
    with _parent(path) as (directory, name):
        os.mkdir(name, dir_fd=directory)
        _give(name, directory)
    return f"Created {path}."


@server.tool(annotations=WRITES, structured_output=False)
def move_file(source: PathArgument, destination: PathArgument) -> str:
    """Move or rename a file or directory. The destination must not exist."""
    with _parent(source) as (origin, old), _parent(destination) as (target, new):
        try:
            os.lstat(new, dir_fd=target)
        except FileNotFoundError:
            os.rename(old, new, src_dir_fd=origin, dst_dir_fd=target)
        else:
            raise ToolError(f"{destination} exists already")
    return f"Moved {source} to {destination}."


@server.tool(annotations=WRITES, structured_output=False)
def delete_file(path: PathArgument) -> str:
    """Delete a file, or an empty directory."""
    with _parent(path) as (directory, name):
        if stat.S_ISDIR(os.lstat(name, dir_fd=directory).st_mode):
            os.rmdir(name, dir_fd=directory)
        else:
            os.unlink(name, dir_fd=directory)
    return f"Deleted {path}."


def _text(path: str) -> str:
    with _opened(path, os.O_RDONLY | os.O_NONBLOCK) as descriptor:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ToolError(f"{path} is no file")
        if status.st_size > LARGEST_FILE:
            raise ToolError(f"{path} has {status.st_size} bytes; at most {LARGEST_FILE} are read")
        with os.fdopen(os.dup(descriptor), "rb") as file:
            data = file.read(LARGEST_FILE)
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise ToolError(f"{path} is not text ({len(data)} bytes)") from None


def _write(path: str, data: bytes) -> None:
    """Into the file itself, so that its permissions and owner stay."""
    if len(data) > LARGEST_FILE:
        raise ToolError(f"at most {LARGEST_FILE} bytes are written")
    with _opened(path, os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK) as descriptor:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ToolError(f"{path} is no file")
        os.ftruncate(descriptor, 0)
        while data:
            data = data[os.write(descriptor, data) :]
    with _parent(path) as (directory, name):
        _give(name, directory)


def _give(name: str, directory: int) -> None:
    """What root makes in somebody's directory is theirs."""
    owner = os.fstat(directory)
    if os.geteuid() == 0 and owner.st_uid != 0:
        os.chown(name, owner.st_uid, owner.st_gid, dir_fd=directory, follow_symlinks=False)


def _kind(status: os.stat_result) -> str:
    names = ((stat.S_ISDIR, "directory"), (stat.S_ISREG, "file"), (stat.S_ISLNK, "symlink"))
    return next((name for test, name in names if test(status.st_mode)), "other")


@contextmanager
def _parent(path: str) -> Iterator[tuple[int, str]]:
    """The directory that ``path`` lies in, open, and its name in there."""
    head, name = os.path.split(_absolute(path))
    if not name:
        raise ToolError("the root is not for this")
    with _opened(head, os.O_RDONLY | os.O_DIRECTORY) as directory:
        try:
            yield directory, name
        except OSError as error:
            raise ToolError(f"{path}: {error.strerror}") from None


@contextmanager
def _opened(path: str, flags: int) -> Iterator[int]:
    """``path``, opened without following any symlink. ToolError when that is impossible."""
    try:
        descriptor = _open(_absolute(path), flags)
    except OSError as error:
        reason = "a symlink leads elsewhere by now" if error.errno == errno.ELOOP else error.strerror
        raise ToolError(f"{path}: {reason}") from None
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _absolute(path: str) -> str:
    """Without looking at the disk: a symlink must not be followed unseen."""
    return os.path.abspath(path)  # noqa: PTH100


def _open(path: str, flags: int) -> int:
    flags |= os.O_CLOEXEC | os.O_NOFOLLOW
    if sys.platform == "linux":
        how = struct.pack(
            "QQQ", flags, 0o644 if flags & os.O_CREAT else 0, _RESOLVE_NO_SYMLINKS | _RESOLVE_NO_MAGICLINKS
        )
        libc = ctypes.CDLL(None, use_errno=True)
        descriptor = int(libc.syscall(_OPENAT2, -100, os.fsencode(path), how, ctypes.c_size_t(len(how))))
        if descriptor >= 0:
            return descriptor
        error = ctypes.get_errno()
        if error != errno.ENOSYS:  # before Linux 5.6
            raise OSError(error, os.strerror(error))
    if os.path.realpath(path) != path:
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    return os.open(path, flags, 0o644)


def main() -> None:
    """Serve on standard input and output, until the input ends."""
    os.umask(0o022)  # files of the project, not of ours
    server.run()


if __name__ == "__main__":
    main()
