"""Solutions of lesson 06, the Pythia lab."""

from __future__ import annotations

from typing import Any

from fedlab.ledger import Ledger


def lost() -> int:
    """What four truncations throw away."""
    return 4 * (56_270_848 - 53 * 2**20)


def total_mib() -> Any:
    """Sum bytes first; turn into MiB once, at the end."""

    def total_mib(sizes_in_bytes: list[int]) -> float:
        return sum(sizes_in_bytes) / 2**20

    return total_mib


def failed_client() -> int:
    """Five models out, three back, and one that was rejected but sent."""
    return (5 + 4) * 56_270_848


def uplink_of() -> Any:
    """Rejected replies count: they were sent."""

    def uplink_of(ledger: Ledger, node: int) -> int:
        return sum(t.payload for t in ledger.transfers if t.node == node and t.direction == "up")

    return uplink_of


def hours() -> float:
    """Bits over bits per second, in hours."""
    return 100 * 56_270_848 * 8 / 20e6 / 3600


ALL = [lost, total_mib, failed_client, uplink_of, hours]
