"""The one interface of every aggregator."""

from __future__ import annotations

from abc import ABC, abstractmethod
from fractions import Fraction

from fedlab.aggregators.checks import (
    AggregationError,
    Array,
    Expected,
    Tensors,
    Update,
    Weight,
    checked,
    described,
    exact_weight,
)


class Aggregator(ABC):
    """A weighted mean of updates: add them one by one, ask for the result at any time.

    like: an update (or a model) whose tensors are the ones to expect; by default the first update
    sets them. Floating-point tensors are averaged in float32 (float64 stays float64), integers in
    float64, as Flower does. Its `count` is how many updates came, its `weight` the exact sum of
    their weights. Each of the four has an example.
    """

    def __init__(self, *, like: Update | None = None) -> None:
        self.count = 0
        self.weight = Fraction(0)
        self._expected: dict[str, Expected] = {} if like is None else described(like, "like")

    def add(self, update: Update, weight: Weight, *, client: object = None) -> None:
        """Take one update into the mean.

        update: {name: array}; it may be changed or freed afterwards (`ListMean` keeps it). weight:
        above 0 and finite, kept exactly. client: who sent it, for the error's sake.

        Raises AggregationError, the mean untouched, for a weight that is none, a tensor that is
        missing, unexpected, of another shape or no float where one is expected, and for values
        that are NaN, infinite or beyond a quarter of the dtype's range: no mean overflows then.
        """
        who = self._named(client)
        exact = exact_weight(weight, who)
        expected = self._expected or described(update, who)
        tensors = checked(update, expected, who)
        self._expected = expected
        self._fold(tensors, exact)
        self.count += 1
        self.weight += exact

    def result(self) -> dict[str, Array]:
        """The mean of what came so far; what comes later does not change the arrays handed out.

        Raises AggregationError when nothing came.
        """
        if not self.count:
            raise AggregationError("a result needs at least one update, got none")
        return {name: tensor.numpy() for name, tensor in self._mean().items()}

    def clear(self) -> None:
        """Forget the updates, but not which tensors to expect."""
        self.count, self.weight = 0, Fraction(0)

    def _named(self, client: object) -> str:
        return f"update {self.count + 1}" if client is None else f"client {client}"

    @abstractmethod
    def _fold(self, update: Tensors, weight: Fraction) -> None:
        """Take an update that was checked."""

    @abstractmethod
    def _mean(self) -> Tensors:
        """The mean of one update or more."""
