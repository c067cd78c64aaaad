"""Asynchronous aggregation: a buffer of updates that may have started from older models."""

from __future__ import annotations

import numbers
from fractions import Fraction

from fedlab.aggregators.checks import AggregationError, Update, Weight, exact_weight
from fedlab.aggregators.running_mean import RunningMean


class BufferedAsyncMean(RunningMean):
    """The mean of the next `size` updates to come, whoever sends them: 1 x size of a model.

    Nobody waits for the slowest client. An update that started from a model of s versions ago
    counts with its weight x 1 / sqrt(1 + s). When the buffer is `full`, take the `result()` as the
    next step of the model and `clear()`: the version moves on. Updates are meant to be differences
    (trained minus received), which can still be added to a model that has moved.

    size: how many make a step. max_staleness: the oldest version still taken, None for any.

    FedBuff divides by the number of updates where this divides by the sum of their weights: a mean
    stays a mean, and stale updates lose to fresh ones instead of shortening the step.

    Raises AggregationError for a size below 1 or a max_staleness below 0, and from `add` for an
    update that is older than allowed, claims a version that never was, or comes when the buffer is
    full.

    Source: Nguyen et al., 2022, FedBuff (arXiv:2106.06639), with its polynomial staleness weight.

    >>> import numpy as np
    >>> mean = BufferedAsyncMean(size=2, max_staleness=5)
    >>> mean.version = 3
    >>> mean.add({"w": np.array([3.0])}, weight=1, version=3)  # fresh: 1
    >>> mean.add({"w": np.array([0.0])}, weight=1, version=0)  # 3 versions old: 1/2
    >>> mean.full, mean.result()
    (True, {'w': array([2.])})
    """

    def __init__(
        self, size: int, *, max_staleness: int | None = None, like: Update | None = None
    ) -> None:
        super().__init__(like=like)
        oldest = 0 if max_staleness is None else max_staleness
        for what, number, least in (("size", size, 1), ("max_staleness", oldest, 0)):
            if isinstance(number, bool) or not isinstance(number, int) or number < least:
                raise AggregationError(
                    f"{what}: expected a whole number, {least} or more, got {number!r}"
                )
        self.size = size
        self.max_staleness = max_staleness
        self.version = 0

    @property
    def full(self) -> bool:
        """Whether enough updates came for a step."""
        return self.count == self.size

    def add(
        self, update: Update, weight: Weight, *, client: object = None, version: int | None = None
    ) -> None:
        """As `Aggregator.add`; version: of the model that the update started from (the newest).

        Raises AggregationError for what the class says, too.
        """
        who = self._named(client)
        if self.full:
            raise AggregationError(
                f"{who}: the buffer holds its {self.size}: take the result and clear() first"
            )
        started = self.version if version is None else version
        whole = isinstance(started, numbers.Integral) and not isinstance(started, bool)
        if not (whole and 0 <= started <= self.version):
            raise AggregationError(
                f"{who}: expected a version from 0 to {self.version}, got {version!r}"
            )
        staleness = self.version - int(started)
        if self.max_staleness is not None and staleness > self.max_staleness:
            raise AggregationError(
                f"{who}: started {staleness} versions ago, at most {self.max_staleness} allowed"
            )
        exact = exact_weight(weight, who) * Fraction((1 + staleness) ** -0.5)
        super().add(update, exact, client=client)

    def clear(self) -> None:
        """Empty the buffer for the next step: the model's version is one higher."""
        super().clear()
        self.version += 1
