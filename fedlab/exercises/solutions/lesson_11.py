"""Solutions of lesson 11, TensorFlow Federated. Here numpy is enough, in either environment."""

from __future__ import annotations

from typing import Any


def uplink() -> int:
    """Four tensors in float32, and what TFF adds."""
    return (784 * 128 + 128 + 128 * 10 + 10) * 4 + 36


def packed() -> Any:
    """28 bits in each int32, the last one perhaps not full, and two float32."""

    def packed_bytes(values: int, bits: int) -> int:
        integers = -(-values * bits // 28)
        return 4 * integers + 2 * 4

    return packed_bytes


def graph() -> int:
    """Whole digits below the limit."""
    return 100 * 2**20 // (784 * 4 + 8)


def subrounds() -> Any:
    """As many groups as it takes when each is as large as memory allows."""

    def subrounds(clients: int, each: int, memory: int) -> int:
        at_once = memory // each
        return -(-clients // at_once)

    return subrounds


ALL = [uplink, packed, graph, subrounds]
