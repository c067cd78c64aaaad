"""Values by size: compared as whole numbers, piece by piece."""

from __future__ import annotations

from typing import Any

import numpy as np

from fedlab.codecs.base import Floats
from fedlab.codecs.positions import Positions
from fedlab.codecs.views import PIECE
from fedlab.threads import in_stripes


def magnitudes(values: Floats, out: np.ndarray[Any, Any] | None = None) -> np.ndarray[Any, Any]:
    """The values' sizes as whole numbers, in their order; NaN is above infinity, above all others.

    Twice a float's bits: its sign falls out at the top, and the other bits are in order.

    >>> magnitudes(np.float32([-1, 0.5, 1])).tolist()
    [2130706432, 2113929216, 2130706432]
    """
    bits = values.view(f"u{values.itemsize}")
    twice: np.ndarray[Any, Any] = np.add(bits, bits, out=out)
    return twice


def at_least(flat: Floats, least: int | np.integer[Any]) -> Positions:
    """The positions of the values whose magnitude is at least that, ascending.

    >>> at_least(np.float32([0.4, -0.5, 2]), magnitudes(np.float32([0.5]))[0]).tolist()
    [1, 2]
    """

    def find(starts: range) -> Positions:
        sizes = np.empty(min(PIECE, flat.size), f"u{flat.itemsize}")
        large = np.empty(sizes.shape, bool)
        found = [np.empty(0, np.int64)]
        for start in starts:
            piece = flat[start : start + PIECE]
            some = magnitudes(piece, sizes[: piece.size])
            np.greater_equal(some, sizes.dtype.type(least), out=large[: piece.size])
            found.append(np.flatnonzero(large[: piece.size]) + start)
        return np.concatenate(found)

    return np.concatenate(in_stripes(flat.size, PIECE, find))
