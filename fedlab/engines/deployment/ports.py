"""Ports for a federation: one that was asked for, or one drawn at random."""

from __future__ import annotations

import random

from fedlab.engines.deployment.error import DeploymentError
from fedlab.ports import is_free

_PORTS = range(20_000, 32_000)  # below those that systems hand out to clients


def checked_port(port: int) -> int:
    """The port, when a server can listen there.

    Raises ValueError for what is no port's number, DeploymentError for one that is in use.
    """
    if isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 2**16:
        raise ValueError(f"port: expected a whole number from 1 to 65535, got {port!r}")
    if not is_free(port):
        raise DeploymentError(
            f"port {port} is in use on this machine: give another one, or none to take a free one"
        )
    return port


def free_port() -> int:
    """One that a server can listen on, drawn at random: two federations seldom draw the same."""
    ports = random.SystemRandom()
    while not is_free(port := ports.choice(_PORTS)):
        pass
    return port
