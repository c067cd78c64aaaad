"""A sparse codec, then a codec for the values it keeps.

Body: how many values are kept (4 bytes), the body of these values in the second codec, then the
positions as the first codec writes them for a chain: compact, or as a seed.

Source: Lin et al. 2018, arXiv:1712.01887 (sparse, then coded); Sattler et al. 2019,
arXiv:1903.02891 (gaps between positions, entropy-coded).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from fedlab.codecs.base import Codec, Floats
from fedlab.codecs.error import CodecError
from fedlab.codecs.sparse import Sparse, spread
from fedlab.codecs.wire import Bytes8

_COUNT = 4  # bytes


@dataclass(frozen=True)
class Chain(Codec):
    """What `values` makes of the values that `positions` keeps.

    Raises CodecError unless the first is sparse and the second is not.

    >>> from fedlab.codecs import Quantize, TopK
    >>> codec = Chain(TopK(0.5), Quantize(8))
    >>> str(codec)
    'topk:0.5|int8'
    >>> codec.decode(codec.encode(np.float32([1, 0, 0, -127])), (4,)).tolist()
    [1.0, 0.0, 0.0, -127.0]
    """

    positions: Sparse
    values: Codec
    sparse: ClassVar[bool] = True
    fixed = False

    def __post_init__(self) -> None:
        if not isinstance(self.positions, Sparse):
            raise CodecError(f"a chain starts with a codec that keeps some values, not {self}")
        if self.values.sparse:
            raise CodecError(f"a chain ends with a codec for the kept values, not {self}")

    def __str__(self) -> str:
        return f"{self.positions}|{self.values}"

    def body_size(self, n: int, dtype: np.dtype[Any]) -> int:
        """At most: where all that may be kept is kept, and Zstandard finds nothing to save."""
        k = self.positions.count(n)
        values = self.values.body_size(k, dtype)
        return _COUNT + values + self.positions.section_size(k, n)

    def write(self, flat: Floats, body: Bytes8, seed: int) -> int:
        """Choose, encode what was chosen, then say where it was."""
        chosen = self.positions.choose(flat, seed)
        body[:_COUNT] = np.frombuffer(len(chosen).to_bytes(_COUNT, "little"), np.uint8)
        start = _COUNT + self.values.write(flat[chosen], body[_COUNT:], seed)
        return start + self.positions.write_section(chosen, seed, body[start:])

    def read(self, body: Bytes8, flat: Floats) -> None:
        """Decode the values, then move each to its position."""
        if len(body) < _COUNT:
            raise CodecError(f"expected a body of {_COUNT} bytes or more, got {len(body)}")
        n, k = flat.size, int.from_bytes(body[:_COUNT].tobytes(), "little")
        self.positions.check_count(k, n)
        start = _COUNT + self.values.body_size(k, flat.dtype)
        self.values.read(body[_COUNT:start], flat[n - k :])
        spread(flat, k, self.positions.read_section(body[start:], k, n))
