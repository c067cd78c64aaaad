"""Solutions of lesson 03, batched training."""

from __future__ import annotations

from typing import Any


def batch_of_128() -> int:
    """Each example leaves the same; the loss keeps one float32 a batch."""
    return 128 * 50_440 + 4


def fewest_parts() -> Any:
    """How many examples fit, then how often that goes into the step, rounded up."""

    def fewest_parts(size: int, budget: int, fixed: int, per_example: int) -> int:
        fitting = (budget - fixed) // per_example
        return -(-size // fitting)

    return fewest_parts


def batches() -> Any:
    """A range for each, made when it is asked for."""
    import numpy as np

    def batches(count: int, size: int) -> Any:
        for start in range(0, count, size):
            yield np.arange(start, min(start + size, count))

    return batches


def shares() -> Any:
    """Each part's examples over all examples."""

    def shares(count: int, micro: int) -> list[float]:
        return [min(micro, count - start) / count for start in range(0, count, micro)]

    return shares


def from_disk() -> int:
    """The order, and one batch."""
    return 8 * 1_000_000 + 32 * (784 * 4 + 8)


ALL = [batch_of_128, fewest_parts, batches, shares, from_disk]
