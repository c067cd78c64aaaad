"""Solutions of lesson 02, where a participant's memory goes."""

from __future__ import annotations

from typing import Any


def adam() -> int:
    """Parameters, gradients, two moments, and a step counter for each tensor."""
    return 25_000_000 * 4 * (1 + 1 + 2) + 100 * 4


def activations() -> Any:
    """The inputs of each layer but the first, and what the loss keeps."""

    def activations(batch: int, widths: list[int]) -> int:
        hidden, logits = widths[1:-1], widths[-1]
        return batch * 4 * (sum(hidden) + logits) + 4

    return activations


def largest_batch() -> Any:
    """What is left after the fixed part, in whole examples."""

    def largest_batch(budget: int, fixed: int, for_each_example: int) -> int:
        return max(0, (budget - fixed) // for_each_example)

    return largest_batch


def who_pays() -> int:
    """The server keeps one update of each participant, whatever their data."""
    return 1_000 * 203_560


ALL = [adam, activations, largest_batch, who_pays]
