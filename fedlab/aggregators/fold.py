"""The arithmetic of every aggregator: one buffer a tensor, moved towards each update in place."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import numpy as np
import torch

from fedlab.aggregators.checks import Expected, Tensors


class Fold:
    """mean += (weight / sum of weights) x (update - mean), the sum of weights exact.

    Averaging equal updates changes no bit, but for the sign of a zero. torch's `lerp_` does it in
    one pass over the memory.

    Source: Welford, 1962 (doi:10.1080/00401706.1962.10490022).
    """

    def __init__(self, expected: Mapping[str, Expected]) -> None:
        self.weight = Fraction(0)
        self._expected = expected
        self._buffers: Tensors = {}
        self._handed_out = False

    def add(self, update: Tensors, weight: Fraction) -> None:
        """Fold in an update that was checked."""
        self.weight += weight
        if not self._buffers:
            self._buffers = self._copied(update)
            return
        if self._handed_out:
            self._buffers, self._handed_out = self._copied(self._buffers), False
        share = float(weight / self.weight)
        for name, buffer in self._buffers.items():
            buffer.lerp_(update[name].to(buffer.dtype), share)

    def mean(self) -> Tensors:
        """The buffers themselves; an update that comes later is folded into copies."""
        self._handed_out = True
        return dict(self._buffers)

    def _copied(self, update: Tensors) -> Tensors:
        """In numpy's memory, which tracemalloc sees where it does not see torch's."""
        arrays = {n: update[n].to(like.dtype).numpy() for n, like in self._expected.items()}
        return {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}
