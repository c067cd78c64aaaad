"""Solutions of lesson 12, the capstone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def budget() -> int:
    """The uplink of one client over its rounds."""
    return 300_000 // 24


def thousand_clients() -> int:
    """Global model, sum, the update in flight: as many as with ten clients."""
    return sum([1, 1, 1])


def enough() -> Any:
    """The first round at which the mean of five is there."""

    def enough(target: float, accuracies: Sequence[float]) -> int | None:
        for rounds in range(5, len(accuracies)):
            if sum(accuracies[rounds - 4 : rounds + 1]) / 5 >= target:
                return rounds
        return None

    return enough


def own_plan() -> Any:
    """Three values in a hundred as a position and a sign, and as much local work as is allowed."""
    from fedlab.capstone import Plan

    return Plan(codec="ternary:0.03", local_epochs=5, learning_rate=0.12, aggregation="lean")


ALL = [budget, thousand_clients, enough, own_plan]
