"""A histogram's numbers: bins of one width around zero, and where its axis has labels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

_BINS = 61  # odd, so that zero is in the middle of one


@dataclass(frozen=True)
class Histogram:
    """How many values are in each bin, from minus the largest size to the largest.

    bins: (n,) the bin of each value. counts: of each bin. ticks: (share of the axis, label).

    >>> Histogram.of(np.float32([-0.5, 0, 2])).ticks
    ((0.5, '0'), (0.0, '-2'), (1.0, '2'), (0.25, '-1'), (0.75, '1'))
    """

    bins: np.ndarray[Any, np.dtype[np.uint8]]
    counts: tuple[int, ...]
    ticks: tuple[tuple[float, str], ...]

    @classmethod
    def of(cls, values: np.ndarray[Any, np.dtype[np.float32]]) -> Histogram:
        """The histogram of (n,) finite values, at least one."""
        limit = float(np.abs(values).max()) or 1.0  # of zeros alone, any axis will do
        bins = ((values / limit + 1) * (_BINS / 2)).clip(0, _BINS - 1).astype(np.uint8)
        return cls(bins, _counts(bins), _ticks(limit))

    def among(self, positions: np.ndarray[Any, np.dtype[np.int64]]) -> tuple[int, ...]:
        """How many of some of the values are in each bin."""
        return _counts(self.bins[positions])


def _counts(bins: np.ndarray[Any, np.dtype[np.uint8]]) -> tuple[int, ...]:
    return tuple(np.bincount(bins, minlength=_BINS).tolist())


def _ticks(limit: float) -> tuple[tuple[float, str], ...]:
    """Zero, then up to four round numbers on each side; a narrow axis shows the first three."""
    power = math.floor(math.log10(limit))
    step = max(n for n in (0.5, 1, 2, 5) if float(f"{n}e{power}") <= limit)
    halves = (0, -2, 2, -1, 1, -3, 3, -4, 4)
    places = [float(f"{n * step / 2}e{power}") for n in halves]
    return tuple((0.5 + x / limit / 2, f"{x:g}") for x in places if abs(x) <= limit)
