"""Sparse ternary compression: of the k largest values the signs, and one size for all of them.

Body: the mean size of the kept values (float32), k bits (1 is a positive value, the first in the
lowest bit), then the positions in the compact form of `positions`.

The size is the mean of the kept values' sizes: with these signs and positions, the one of least
squared error. What is left out decodes to zero, a bias as `topk`'s. At 1 % of a normal vector the
relative error is .957.

Source: Sattler et al. 2019 (STC), arXiv:1903.02891.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from fedlab.codecs import positions
from fedlab.codecs.base import Codec, Floats
from fedlab.codecs.error import CodecError
from fedlab.codecs.packing import packed_size
from fedlab.codecs.sparse import spread
from fedlab.codecs.topk import TopK
from fedlab.codecs.wire import Bytes8

_MEAN = 4  # bytes


@dataclass(frozen=True)
class Ternary(Codec):
    """The largest `fraction` of the values, at least one, as plus or minus their mean size.

    >>> codec = Ternary(0.5)
    >>> codec.decode(codec.encode(np.float32([0.4, -1, 3, 0.5])), (4,)).tolist()
    [0.0, -2.0, 2.0, 0.0]
    """

    fraction: float
    fixed = False
    sparse: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "fraction", self._largest.fraction)

    def __str__(self) -> str:
        return f"ternary:{self.fraction}"

    @property
    def _largest(self) -> TopK:
        return TopK(self.fraction)

    def body_size(self, n: int, dtype: np.dtype[Any]) -> int:
        """At most: where Zstandard finds nothing to save in the positions."""
        k = self._largest.count(n)
        return _MEAN + packed_size(k, 1) + positions.compact_size(k, n)

    def write(self, flat: Floats, body: Bytes8, seed: int) -> int:
        """The mean size, signs and positions of the k largest."""
        chosen = self._largest.choose(flat, seed)
        values = flat[chosen].astype(np.float64)
        mean = np.float32(np.abs(values).mean()) if len(values) else np.float32(0)
        _check(mean, flat.dtype)
        start = _MEAN + packed_size(len(chosen), 1)
        body[:_MEAN] = np.frombuffer(mean.astype("<f4").tobytes(), np.uint8)
        body[_MEAN:start] = np.packbits(values > 0, bitorder="little")
        return start + positions.write_compact(chosen, body[start:])

    def read(self, body: Bytes8, flat: Floats) -> None:
        """Plus or minus the mean at each position, zeros elsewhere."""
        n, k = flat.size, self._largest.count(flat.size)
        start = _MEAN + packed_size(k, 1)
        if len(body) < start:
            raise CodecError(f"expected a body of {start} bytes or more, got {len(body)}")
        mean = np.frombuffer(body[:_MEAN], "<f4")[0]
        _check(mean, flat.dtype)
        values = flat[n - k :]
        values[:] = np.unpackbits(body[_MEAN:start], count=k, bitorder="little")
        values *= 2 * mean.astype(flat.dtype)
        values -= mean.astype(flat.dtype)
        spread(flat, k, positions.read_compact(body[start:], k, n))


def _check(mean: np.float32, dtype: np.dtype[Any]) -> None:
    if not (0 <= mean <= np.finfo(dtype).max / 2) or not math.isfinite(mean):
        raise CodecError(f"expected a mean size that {dtype} can hold, got {mean:g}")
