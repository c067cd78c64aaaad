"""The arithmetic of every aggregator: one buffer a tensor, moved towards each update in place."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import numpy as np

from fedlab.aggregators.checks import Array, Expected, Update, tensor


class Fold:
    """mean += (weight / sum of weights) x (update - mean), the sum of weights exact.

    Averaging equal updates changes no bit. torch's `lerp_` does it in one pass over the memory.

    Source: Welford, 1962 (doi:10.1080/00401706.1962.10490022).
    """

    def __init__(self, expected: Mapping[str, Expected]) -> None:
        self.weight = Fraction(0)
        self._expected = expected
        self._buffers: dict[str, Array] = {}
        self._handed_out = False

    def add(self, update: Update, weight: Fraction) -> None:
        """Fold in an update that was checked."""
        self.weight += weight
        if not self._buffers:
            self._buffers = self._copied(update)
            return
        if self._handed_out:
            self._buffers, self._handed_out = self._copied(self._buffers), False
        share = float(weight / self.weight)
        for name, buffer in self._buffers.items():
            tensor(buffer, buffer.dtype).lerp_(tensor(update[name], buffer.dtype), share)

    def mean(self) -> dict[str, Array]:
        """The buffers themselves; an update that comes later is folded into copies."""
        self._handed_out = True
        return dict(self._buffers)

    def _copied(self, update: Update) -> dict[str, Array]:
        return {n: np.array(update[n], e.dtype, order="C") for n, e in self._expected.items()}
