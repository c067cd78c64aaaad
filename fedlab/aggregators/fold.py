"""The arithmetic of every aggregator: one buffer a tensor, moved towards each update in place."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import numpy as np
import torch

from fedlab.aggregators.checks import Array, Expected, Update, tensor


class Fold:
    """mean += (weight / sum of weights) x (update - mean), the sum of weights exact.

    Averaging equal updates changes no bit. torch's `lerp_` does it in one pass over the memory.

    Source: Welford, 1962 (doi:10.1080/00401706.1962.10490022).
    """

    def __init__(self, expected: Mapping[str, Expected]) -> None:
        self.weight = Fraction(0)
        self._expected = expected
        self._buffers: dict[str, torch.Tensor] = {}
        self._handed_out = False

    def add(self, update: Update, weight: Fraction) -> None:
        """Fold in an update that was checked."""
        self.weight += weight
        if not self._buffers:
            for name, like in self._expected.items():
                copy = np.array(update[name], like.dtype, order="C")
                self._buffers[name] = torch.from_numpy(copy)
            return
        if self._handed_out:
            self._buffers = {name: buffer.clone() for name, buffer in self._buffers.items()}
            self._handed_out = False
        share = float(weight / self.weight)
        for name, buffer in self._buffers.items():
            buffer.lerp_(tensor(update[name], self._expected[name].dtype), share)

    def mean(self) -> dict[str, Array]:
        """The buffers themselves; an update that comes later is folded into copies."""
        self._handed_out = True
        return {name: buffer.numpy() for name, buffer in self._buffers.items()}
