"""Fold each update into one mean as it comes, in place: one buffer, whatever the number."""

from __future__ import annotations

from fractions import Fraction

from fedlab.aggregators.base import Aggregator
from fedlab.aggregators.checks import Tensors
from fedlab.aggregators.fold import Fold


class RunningMean(Aggregator):
    """The mean so far, moved towards each update: 1 x size, and the update that is being added.

    Rounding depends on the order of arrival, within float32's own; the weights are exact.

    >>> import numpy as np
    >>> mean = RunningMean()
    >>> mean.add({"w": np.array([1.0, 2.0])}, weight=1)
    >>> mean.add({"w": np.array([4.0, 2.0])}, weight=2)
    >>> mean.result()
    {'w': array([3., 2.])}
    """

    _sum: Fold | None = None

    def clear(self) -> None:
        """Forget the updates, but not which tensors to expect."""
        super().clear()
        self._sum = None

    def _fold(self, update: Tensors, weight: Fraction) -> None:
        self._sum = self._sum or Fold(self._expected)
        self._sum.add(update, weight)

    def _mean(self) -> Tensors:
        assert self._sum is not None
        return self._sum.mean()
