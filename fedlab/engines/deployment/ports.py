"""Ports of this machine: which are free, and which are taken."""

from __future__ import annotations

import random
import socket
import sys

from fedlab.engines.deployment.error import DeploymentError

_PORTS = range(20_000, 32_000)  # below those that systems hand out to clients


def is_open(port: int) -> bool:
    """Whether a server listens there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def checked_port(port: int) -> int:
    """The port, when a server can listen there.

    Raises ValueError for what is no port's number, DeploymentError for one that is in use.
    """
    if isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 2**16:
        raise ValueError(f"port: expected a whole number from 1 to 65535, got {port!r}")
    if is_open(port) or not _takes(port):
        raise DeploymentError(
            f"port {port} is in use on this machine: give another one, or none to take a free one"
        )
    return port


def free_port() -> int:
    """One that a server can listen on, drawn at random: two federations seldom draw the same."""
    ports = random.SystemRandom()
    while not _takes(port := ports.choice(_PORTS)):
        pass
    return port


def _takes(port: int) -> bool:
    """Whether a server can listen there."""
    with socket.socket() as probe:
        if sys.platform != "win32":  # one whose last connections have just ended is free
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
