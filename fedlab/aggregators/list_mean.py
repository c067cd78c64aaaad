"""Keep every update, average at the end: what the memory lesson's example does."""

from __future__ import annotations

from fractions import Fraction

from fedlab.aggregators.base import Aggregator
from fedlab.aggregators.checks import Tensors, Update
from fedlab.aggregators.fold import Fold


class ListMean(Aggregator):
    """The mean of a list of updates, all of them held until the result: N x size, and 1 for it.

    The arithmetic is `RunningMean`'s, to the bit; what differs is what stays in memory. The update
    itself is kept, not a copy.

    Source: the memory lesson's example 2, `x / len(updates)`, is this with equal weights.

    >>> import numpy as np
    >>> mean = ListMean()
    >>> mean.add({"w": np.array([1.0, 2.0])}, weight=1)
    >>> mean.add({"w": np.array([4.0, 2.0])}, weight=2)
    >>> mean.result()
    {'w': array([3., 2.])}
    """

    def __init__(self, *, like: Update | None = None) -> None:
        super().__init__(like=like)
        self._kept: list[tuple[Tensors, Fraction]] = []

    def clear(self) -> None:
        """Forget the updates, but not which tensors to expect."""
        super().clear()
        self._kept.clear()

    def _fold(self, update: Tensors, weight: Fraction) -> None:
        self._kept.append((update, weight))

    def _mean(self) -> Tensors:
        total = Fold(self._expected)
        for update, weight in self._kept:
            total.add(update, weight)
        return total.mean()
