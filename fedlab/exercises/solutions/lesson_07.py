"""Solutions of lesson 07, smaller updates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]


def bill() -> int:
    """Header, then value and position of each kept one."""
    return 24 + 4 * 2 + len("topk:0.01") + round(0.01 * 50_304 * 128) * (4 + 4)


def own_codec() -> Any:
    """Halves leave room for more values than the lesson's floats do."""
    import numpy as np

    def encode(update: Array) -> bytes:
        flat = update.ravel()
        positions = np.sort(np.argsort(np.abs(flat))[-500:]).astype(np.uint16)
        return flat[positions].astype(np.float16).tobytes() + positions.tobytes()

    def decode(blob: bytes, shape: tuple[int, ...]) -> Array:
        values, positions = np.frombuffer(blob, np.float16, 500), np.frombuffer(blob, np.uint16)
        update = np.zeros(shape, np.float32)
        update.flat[positions[500:]] = values
        return update

    return encode, decode


def arrived() -> Any:
    """What was not sent is added to what comes next."""
    import numpy as np

    def arrived(updates: Sequence[Array], k: int) -> Array:
        total = np.zeros_like(updates[0])
        residual = np.zeros_like(updates[0])
        for update in updates:
            wanted = update + residual
            sent = np.zeros_like(wanted)
            largest = np.argsort(np.abs(wanted))[-k:]
            sent[largest] = wanted[largest]
            residual = wanted - sent
            total += sent
        return total

    return arrived


def positions() -> float:
    """The logarithm of the number of ways to choose k of n."""
    import math

    n, k = 14_067_712, 140_677
    ways = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return ways / math.log(2) / 8 / 1000


def both_ways() -> float:
    """The downlink is on the bill too."""
    return (1 + 1) / (1 / 2 + 1 / 120)


ALL = [bill, own_codec, arrived, positions, both_ways]
