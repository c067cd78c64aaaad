"""Keep k values drawn at random: their positions follow from a seed, so only that travels.

Body: the seed in 8 bytes, then the k values.

Each value is kept with a chance of about k / n and then travels as it is, so the decoded tensor is
on average k / n of the tensor: a bias, stated so that error feedback can give it back. Divided by
k / n it would be right on average, and error feedback would make it diverge.

Source: Konecny et al. 2016 (random masks), arXiv:1610.05492; Stich et al. 2018 (with memory),
arXiv:1809.07599.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from fedlab.codecs.base import Floats, expect, fraction_of
from fedlab.codecs.positions import PIECE, Positions
from fedlab.codecs.sparse import Sparse, check_finite, fill, kept
from fedlab.codecs.views import extremes, tensor_of
from fedlab.codecs.wire import Bytes8

_SEED = 8  # bytes


@dataclass(frozen=True)
class RandomK(Sparse):
    """A random `fraction` of the values, at least one.

    Raises CodecError for a fraction that is not above 0 and up to 1.

    >>> codec = RandomK(0.5)
    >>> blob = codec.encode(np.ones(100, np.float32), seed=0)
    >>> float(codec.decode(blob, (100,)).sum())
    50.0
    """

    fraction: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "fraction", fraction_of(self.fraction))

    def __str__(self) -> str:
        return f"randomk:{self.fraction}"

    def count(self, n: int) -> int:
        """The fraction of n, rounded."""
        return kept(self.fraction, n)

    def choose(self, flat: Floats, seed: int) -> Positions:
        """The positions that follow from the seed."""
        pieces = list(_drawn(seed, self.count(flat.size), flat.size))
        chosen = np.concatenate([np.empty(0, np.int64), *pieces])
        # a NaN is not likely to be drawn, and must not pass for that: look at all
        if not all(map(math.isfinite, extremes(tensor_of(flat)))):
            check_finite(flat)
        return chosen

    def body_size(self, n: int, dtype: np.dtype[Any]) -> int:
        """A seed and the values."""
        return _SEED + self.count(n) * dtype.itemsize

    def write(self, flat: Floats, body: Bytes8, seed: int) -> int:
        """The seed, then what it draws."""
        chosen, size = self.choose(flat, seed), self.body_size(flat.size, flat.dtype)
        self.write_section(chosen, seed, body)
        np.take(flat, chosen, out=body[_SEED:size].view(flat.dtype), mode="clip")
        return size

    def read(self, body: Bytes8, flat: Floats) -> None:
        """Each value at its position, zeros elsewhere."""
        expect(self.body_size(flat.size, flat.dtype), body)
        values = body[_SEED:].view(flat.dtype)
        fill(flat, values, self.read_section(body[:_SEED], values.size, flat.size))

    def section_size(self, k: int, n: int) -> int:
        """The seed alone."""
        return _SEED

    def write_section(self, chosen: Positions, seed: int, body: Bytes8) -> int:
        """The seed alone."""
        body[:_SEED] = np.frombuffer(seed.to_bytes(_SEED, "little"), np.uint8)
        return _SEED

    def read_section(self, body: Bytes8, k: int, n: int) -> Iterator[Positions]:
        """Draw the same positions again."""
        expect(_SEED, body)
        return _drawn(int.from_bytes(body.tobytes(), "little"), k, n)


def _drawn(seed: int, k: int, n: int) -> Iterator[Positions]:
    """One position in each of k stretches of n, which are as equal as whole numbers allow."""
    random = np.random.Generator(np.random.PCG64(seed))
    for start in range(0, k, PIECE):
        ends = np.arange(start, min(start + PIECE, k) + 1) * n // k
        yield ends[:-1] + (random.random(len(ends) - 1) * np.diff(ends)).astype(np.int64)
