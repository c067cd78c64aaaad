"""A tree of servers: each averages a few, and hands its mean up with its weight."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from fedlab.aggregators.base import Aggregator
from fedlab.aggregators.checks import AggregationError, Tensors, Update
from fedlab.aggregators.fold import Fold


@dataclass
class _Server:
    """One server of the tree: the mean of those below it that have reported, and their number."""

    sum: Fold
    children: int = 1


class TreeMean(Aggregator):
    """Hierarchical aggregation: edge servers of `fan_out` clients, above them as many again, …

    Here all servers share one process, one at work on each level: levels x size. On machines of
    their own each holds 1 x size and receives at most `fan_out` messages; that is what the tree is
    for. Sums of sums also round less than one long sum.

    Raises AggregationError for a fan-out below 2.

    Source: Liu et al., 2020, client-edge-cloud hierarchical federated learning (arXiv:1905.06641).

    >>> import numpy as np
    >>> mean = TreeMean(fan_out=2)
    >>> for value in (1.0, 2.0, 3.0, 4.0, 5.0):
    ...     mean.add({"w": np.array([value])}, weight=1)
    >>> mean.sums, mean.result()
    (2, {'w': array([3.])})
    """

    def __init__(self, fan_out: int = 10, *, like: Update | None = None) -> None:
        super().__init__(like=like)
        if isinstance(fan_out, bool) or not isinstance(fan_out, int) or fan_out < 2:
            raise AggregationError(f"fan_out: expected a whole number, 2 or more, got {fan_out!r}")
        self.fan_out = fan_out
        self._servers: list[_Server | None] = []  # at work, from the edge up

    @property
    def sums(self) -> int:
        """How many running sums it holds now."""
        return sum(server is not None for server in self._servers)

    def clear(self) -> None:
        """Forget the updates, but not which tensors to expect."""
        super().clear()
        self._servers.clear()

    def _fold(self, update: Tensors, weight: Fraction) -> None:
        edge = self._servers[0] if self._servers else None
        if edge is None:
            edge_sum = Fold(self._expected)
            edge_sum.add(update, weight)
            self._report(0, edge_sum)
        else:
            edge.sum.add(update, weight)
            edge.children += 1
            self._hand_up_when_full(0)

    def _report(self, level: int, below: Fold) -> None:
        """Give a server of that level the mean of one below it; the first needs no copy."""
        if level == len(self._servers):
            self._servers.append(None)
        server = self._servers[level]
        if server is None:
            self._servers[level] = _Server(below)
        else:
            server.sum.add(below.mean(), below.weight)
            server.children += 1
            self._hand_up_when_full(level)

    def _hand_up_when_full(self, level: int) -> None:
        server = self._servers[level]
        if server is not None and server.children == self.fan_out:
            self._servers[level] = None
            self._report(level + 1, server.sum)

    def _mean(self) -> Tensors:
        """All report up to the top, full or not."""
        for level in range(len(self._servers) - 1):
            server, self._servers[level] = self._servers[level], None
            if server is not None:
                self._report(level + 1, server.sum)
        top = self._servers[-1]
        assert top is not None
        return top.sum.mean()
