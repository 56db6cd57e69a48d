"""Who is at the other end of a unix socket, as the kernel says."""

from __future__ import annotations

import socket
import struct
import sys


def peer_uid(connection: socket.socket) -> int:
    """The effective uid of the process that connected. OSError when the kernel does not tell.

    Linux: SO_PEERCRED, struct ucred {pid, uid, gid}. macOS: LOCAL_PEERCRED at level 0, struct xucred
    {version, uid, ...}.
    """
    if sys.platform == "darwin":
        _, uid = struct.unpack("=II", connection.getsockopt(0, 1, 76)[:8])
    else:
        _, uid, _ = _credentials(connection)
    return int(uid)


def peer_pid(connection: socket.socket) -> int:
    """The process that connected, 0 when we cannot see it. Linux only. OSError when the kernel does not tell."""
    return _credentials(connection)[0]


def _credentials(connection: socket.socket) -> tuple[int, int, int]:
    pid, uid, gid = struct.unpack("=iII", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return pid, uid, gid
