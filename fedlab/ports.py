"""Ports of this machine: which are free, and which are taken."""

from __future__ import annotations

import socket
import sys


def is_open(port: int) -> bool:
    """Whether a server listens there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def is_free(port: int) -> bool:
    """Whether a server can listen there.

    >>> with socket.create_server(("127.0.0.1", 0)) as server:
    ...     is_free(server.getsockname()[1])
    False
    """
    if is_open(port):  # where addresses may be shared, a second server could still bind it
        return False
    with socket.socket() as probe:
        if sys.platform != "win32":  # one whose last connections have just ended is free
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
