"""Sparse ternary compression: of the k largest values the signs, and one size for all of them.

Body: how many values are kept (4 bytes), their mean size (float32), a bit for each (1 is a positive
value, the first in the lowest bit), then the positions in the compact form of `positions`.

The size is the mean of the kept values' sizes: with these signs and positions, the one of least
squared error. What is left out decodes to zero, a bias as `topk`'s. At 1 % of a normal vector the
relative error is .957. Zeros are never kept: they have no sign.

Source: Sattler et al. 2019 (STC), arXiv:1903.02891.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from fedlab.codecs import positions
from fedlab.codecs.base import Codec, Floats
from fedlab.codecs.error import CodecError
from fedlab.codecs.packing import packed_size
from fedlab.codecs.sparse import spread
from fedlab.codecs.topk import TopK
from fedlab.codecs.views import largest_of
from fedlab.codecs.wire import Bytes8

_START = struct.Struct("<If")  # count, mean


@dataclass(frozen=True)
class Ternary(Codec):
    """The largest `fraction` of the values, at least one, as plus or minus their mean size.

    Raises CodecError for a fraction that is not above 0 and up to 1.

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
        """At most: where none is zero, and Zstandard finds nothing to save in the positions."""
        k = self._largest.count(n)
        return _START.size + packed_size(k, 1) + positions.compact_size(k, n)

    def write(self, flat: Floats, body: Bytes8, seed: int) -> int:
        """The mean size, signs and positions of the largest."""
        chosen = self._largest.choose(flat, seed)
        chosen = chosen[flat[chosen] != 0]
        values = flat[chosen].astype(np.float64)
        mean = float(np.abs(values).mean()) if len(values) else 0.0
        _check(mean, flat.dtype)
        start = _START.size + packed_size(len(chosen), 1)
        body[: _START.size] = np.frombuffer(_START.pack(len(chosen), mean), np.uint8)
        body[_START.size : start] = np.packbits(values > 0, bitorder="little")
        return start + positions.write_compact(chosen, body[start:])

    def read(self, body: Bytes8, flat: Floats) -> None:
        """Plus or minus the mean at each position, zeros elsewhere."""
        if len(body) < _START.size:
            raise CodecError(f"expected a body of {_START.size} bytes or more, got {len(body)}")
        k, mean = _START.unpack(body[: _START.size].tobytes())
        n, most = flat.size, self._largest.count(flat.size)
        start = _START.size + packed_size(k, 1)
        if k > most or len(body) < start:
            raise CodecError(f"expected at most {most} signs, got {k} in {len(body)} bytes")
        _check(mean, flat.dtype)
        positive = np.unpackbits(body[_START.size : start], count=k, bitorder="little")
        values = flat[n - k :]
        values[:] = -mean
        values[positive.view(bool)] = mean
        spread(flat, k, positions.read_compact(body[start:], k, n))


def _check(mean: float, dtype: np.dtype[Any]) -> None:
    most = largest_of(dtype)
    if not 0 <= mean <= most:  # NaN is not
        raise CodecError(f"expected a mean size of {most:g} at most, got {mean:g}")
