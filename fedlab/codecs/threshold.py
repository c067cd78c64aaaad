"""Keep the values whose size reaches a threshold: how many that are, the data decides.

Body: as in `sparse`.

What is left out is each value below the threshold, so the decoded tensor is nearer to zero than the
tensor by less than the threshold, value by value: a bias that error feedback gives back later.

Source: Strom 2015, Scalable Distributed DNN Training Using Commodity GPU Cloud Computing,
Interspeech, doi:10.21437/Interspeech.2015-354.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fedlab.codecs.base import Floats
from fedlab.codecs.error import CodecError
from fedlab.codecs.magnitudes import at_least, magnitudes
from fedlab.codecs.positions import Positions
from fedlab.codecs.sparse import Sparse, check_finite


@dataclass(frozen=True)
class Threshold(Sparse):
    """Values of size `least` and above. Raises CodecError for a threshold that is not above 0.

    >>> codec = Threshold(0.5)
    >>> codec.decode(codec.encode(np.float32([0.4, -0.5, 2])), (3,)).tolist()
    [0.0, -0.5, 2.0]
    """

    least: float
    fixed = False

    def __post_init__(self) -> None:
        if isinstance(self.least, bool) or not isinstance(self.least, (int, float)):
            raise CodecError(f"expected a threshold above 0, got {self.least!r}")
        if not 0 < self.least < math.inf:
            raise CodecError(f"expected a threshold above 0, got {self.least}")
        object.__setattr__(self, "least", float(self.least))

    def __str__(self) -> str:
        return f"threshold:{self.least}"

    def count(self, n: int) -> int:
        """All of them, when all are large."""
        return n

    def choose(self, flat: Floats, seed: int) -> Positions:
        """Those of at least that size."""
        with np.errstate(over="ignore"):  # a threshold beyond float16's range keeps nothing
            cut = np.array([self.least], flat.dtype)
        smallest = 2  # the magnitude of the smallest number above zero: no zero is kept
        chosen = at_least(flat, max(smallest, int(magnitudes(cut)[0])))
        check_finite(flat[chosen])
        return chosen
