"""What sparse codecs share: some values travel with their positions, all others decode to zero.

Body: the kept values, then their positions in the plain form of `positions`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

import numpy as np

from fedlab.codecs import positions
from fedlab.codecs.base import Codec, Floats
from fedlab.codecs.error import CodecError
from fedlab.codecs.positions import Positions
from fedlab.codecs.wire import Bytes8


class Sparse(Codec):
    """A codec that leaves values out. A subclass says which it keeps, and how many that may be."""

    sparse: ClassVar[bool] = True

    @abstractmethod
    def choose(self, flat: Floats, seed: int) -> Positions:
        """The positions of the values to keep, ascending; CodecError where one is not finite."""

    @abstractmethod
    def count(self, n: int) -> int:
        """How many of n values are kept: exactly where `fixed`, otherwise at most."""

    def body_size(self, n: int, dtype: np.dtype[Any]) -> int:
        """Each kept value and its position."""
        return self.count(n) * (dtype.itemsize + positions.width(n))

    def write(self, flat: Floats, body: Bytes8, seed: int) -> int:
        """The kept values, then where they are."""
        chosen = self.choose(flat, seed)
        size = len(chosen) * flat.itemsize
        np.take(flat, chosen, out=body[:size].view(flat.dtype), mode="clip")  # no buffer between
        return size + positions.write_plain(chosen, flat.size, body[size:])

    def read(self, body: Bytes8, flat: Floats) -> None:
        """Each value at its position, zeros elsewhere."""
        n, each = flat.size, flat.itemsize + positions.width(flat.size)
        k, odd = divmod(len(body), each)
        self.check_count(k, n)
        if odd:
            raise CodecError(f"expected {each} bytes for each kept value, got {len(body)} in all")
        values = body[: k * flat.itemsize].view(flat.dtype)
        fill(flat, values, positions.read_plain(body[k * flat.itemsize :], n))

    def section_size(self, k: int, n: int) -> int:
        """The most bytes that k positions take where a chain writes them."""
        return positions.compact_size(k, n)

    def write_section(self, chosen: Positions, seed: int, body: Bytes8) -> int:
        """Write the positions for a chain; how many bytes it took."""
        return positions.write_compact(chosen, body)

    def read_section(self, body: Bytes8, k: int, n: int) -> Iterator[Positions]:
        """The positions that a chain wrote, in pieces, each checked."""
        return positions.read_compact(body, k, n)

    def check_count(self, k: int, n: int) -> None:
        """Raise CodecError when k of n values is not what this codec keeps."""
        most = self.count(n)
        if k > most or (self.fixed and k < most):
            exactly = "" if self.fixed else "at most "
            raise CodecError(f"expected {exactly}{most} kept values of {n}, got {k}")


def kept(fraction: float, n: int) -> int:
    """The fraction of n, rounded, and at least one where there are any.

    >>> kept(0.01, 14_067_712), kept(0.01, 10)
    (140677, 1)
    """
    return min(n, max(1, round(fraction * n)))


def check_finite(values: np.ndarray[Any, Any]) -> None:
    """Raise CodecError when a kept value is NaN or infinite."""
    if odd := int(np.count_nonzero(~np.isfinite(values))):
        raise CodecError(f"expected finite values, got {odd} of {values.size} NaN or infinite")


def fill(flat: Floats, values: Floats, pieces: Iterable[Positions]) -> None:
    """Put kept values, once they are checked, at their positions in (n,), and zeros elsewhere."""
    check_finite(values)
    flat[flat.size - values.size :] = values
    spread(flat, values.size, pieces)


def spread(flat: Floats, k: int, pieces: Iterable[Positions]) -> None:
    """Move the k values at the end of (n,) to their ascending positions, and zero the others.

    No value is overwritten before it moves: the i-th of k ascending positions is at most n - k + i,
    which is where the i-th value waits.
    """
    start = flat.size - k
    flat[:start] = 0
    for piece in pieces:
        waiting = flat[start : start + len(piece)]
        values = waiting.copy()
        waiting[:] = 0
        flat[piece] = values
        start += len(piece)
