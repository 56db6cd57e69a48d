"""What the engine does between a container's terminal and whoever is attached to it: bytes from one to the other.

Standard input is a socket. Arguments: columns, lines and the program to run in a new terminal.
"""

from __future__ import annotations

import os
import select
import socket
import sys

from ptyprocess import PtyProcess


def main() -> None:
    """Carry bytes both ways until one side ends."""
    cols, lines, *command = sys.argv[1:]
    peer = socket.socket(fileno=0)
    terminal = PtyProcess.spawn(command, dimensions=(int(lines), int(cols)))
    try:
        while True:
            ready, _, _ = select.select([peer, terminal.fd], [], [])
            if terminal.fd in ready:
                peer.sendall(os.read(terminal.fd, 1 << 16))
            if peer in ready:
                data = peer.recv(1 << 16)
                if not data:
                    break
                os.write(terminal.fd, data)
    except OSError:
        pass  # the program or the peer is gone
    finally:
        terminal.close(force=True)


if __name__ == "__main__":
    main()
