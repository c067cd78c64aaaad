"""Few bits a value: whole numbers and one scale for each block of values.

Body: a scale of 2 bytes for each block, see `scales`, then the whole numbers, see `packing`. One
decodes to itself times its block's scale. With half = 2**bits / 2:

Deterministic, 8 bits: the largest size becomes half - 1, each value the nearest whole number. The
error is at most half a step. 4 and 2 bits: the value of largest size becomes -half, so that all
2**bits numbers serve; but a value of the opposite sign and of nearly that size has none of its own
and becomes the last one: an error of up to a step, a bias.
Stochastic: the largest size becomes half - 1, and each value one of the two whole numbers beside
it, by chance, so that the decoded tensor is the tensor on average.
Blocks whose scale is below 1.2e-38 decode to zeros.

Source: blocks: Dettmers et al. 2022, arXiv:2110.02861; stochastic rounding: Alistarh et al. 2017
(QSGD), arXiv:1610.02132; with 2 bits it is TernGrad, Wen et al. 2017, arXiv:1705.07878.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch

from fedlab.codecs.base import Codec, Floats, expect
from fedlab.codecs.error import CodecError
from fedlab.codecs.packing import half_of, pack, packed_size, unpack
from fedlab.codecs.scales import (
    Scales,
    check_decoded,
    inverse,
    restored,
    signed,
    stored,
    symmetric,
)
from fedlab.codecs.views import PIECE, tensor_of
from fedlab.codecs.wire import Bytes8
from fedlab.threads import in_stripes

_BLOCKS = {8: 64, 4: 32, 2: 32}  # values that share a scale, where nothing else is asked for
_LARGEST_BLOCK = 2**16


@dataclass(frozen=True)
class Quantize(Codec):
    """Values in 8, 4 or 2 bits, in blocks of `block` values that share a scale.

    block: a multiple of 4; by default 64 for 8 bits, and 32 for fewer. Multiples of 32 are fastest.
    stochastic: round up or down by chance. Raises CodecError for other bits or another block.

    >>> codec = Quantize(4, block=4)
    >>> codec.decode(codec.encode(np.float32([-8, 3.4, 3.6, 0])), (4,)).tolist()
    [-8.0, 3.0, 4.0, 0.0]
    >>> str(Quantize(2, stochastic=True))
    'int2:stochastic'
    """

    bits: Literal[8, 4, 2] = 8
    block: int = 0
    stochastic: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.bits, float) or self.bits not in (8, 4, 2):
            raise CodecError(f"expected 8, 4 or 2 bits, got {self.bits!r}")
        if self.block == 0:
            object.__setattr__(self, "block", _BLOCKS[self.bits])
        whole = isinstance(self.block, int) and not isinstance(self.block, bool)
        if not (whole and 4 <= self.block <= _LARGEST_BLOCK and self.block % 4 == 0):
            raise CodecError(
                f"expected a block of 4 to {_LARGEST_BLOCK} values, a multiple of 4, "
                f"got {self.block!r}"
            )

    def __str__(self) -> str:
        block = "" if self.block == _BLOCKS[self.bits] else f":block={self.block}"
        return f"int{self.bits}{block}{':stochastic' if self.stochastic else ''}"

    def body_size(self, n: int, dtype: np.dtype[Any]) -> int:
        """A scale for each block, and the codes."""
        return self._scales_size(n) + packed_size(n, self.bits)

    def write(self, flat: Floats, body: Bytes8, seed: int) -> int:
        """Scale, round and pack, piece by piece."""

        def quantize(starts: range) -> None:
            spare = torch.empty(self._step(flat.size)).view(-1, self.block)
            numbers = torch.empty(spare.shape, dtype=torch.int8)
            for start in starts:
                piece, halves, packed = self._part(flat, body, start)
                blocks = self._blocks(piece)
                scaled, whole = spare[: len(blocks)], numbers[: len(blocks)]
                factors = self._scales(blocks, flat.dtype, scaled)
                halves[:] = stored(factors)
                torch.mul(blocks, inverse(factors), out=scaled)
                if self.stochastic:
                    random = torch.Generator().manual_seed(seed + start)
                    scaled.add_(torch.rand(scaled.shape, generator=random)).floor_()
                else:
                    scaled.round_()
                if self.stochastic or self.bits < 8:  # else none lies beyond the ends
                    scaled.clamp_(-self._half, self._half - 1)
                whole.copy_(scaled)
                pack(whole.view(-1).numpy(), self.bits, packed)

        in_stripes(flat.size, self._step(flat.size), quantize)
        return self.body_size(flat.size, flat.dtype)

    def read(self, body: Bytes8, flat: Floats) -> None:
        """Unpack and multiply, piece by piece."""
        expect(self.body_size(flat.size, flat.dtype), body)

        def restore(starts: range) -> None:
            numbers = np.zeros((self._step(flat.size) // self.block, self.block), np.int8)
            for start in starts:
                piece, halves, packed = self._part(flat, body, start)
                factors = restored(halves)
                check_decoded(factors, self._half, flat.dtype)
                some = numbers[: len(factors)]
                unpack(packed, self.bits, some.reshape(-1)[: len(packed) * 8 // self.bits])
                whole, scales = torch.from_numpy(some), tensor_of(factors)[:, None]
                if piece.dtype == np.float32 and piece.size == some.size:
                    torch.mul(whole, scales, out=tensor_of(piece).view(some.shape))
                else:
                    tensor_of(piece).copy_((whole * scales).view(-1)[: piece.size])

        in_stripes(flat.size, self._step(flat.size), restore)

    @property
    def _half(self) -> int:
        return half_of(self.bits)

    def _scales_size(self, n: int) -> int:
        return 2 * -(-n // self.block)

    def _step(self, n: int) -> int:
        """How many values a piece has: whole blocks."""
        return self.block * max(1, min(PIECE // self.block, -(-n // self.block)))

    def _part(
        self, flat: Floats, body: Bytes8, start: int
    ) -> tuple[Floats, np.ndarray[Any, Any], Bytes8]:
        """The values of a piece, their scales and their codes."""
        n, step = flat.size, self._step(flat.size)
        scales, codes = body[: self._scales_size(n)], body[self._scales_size(n) :]
        return (
            flat[start : start + step],
            scales.view(np.uint16)[start // self.block : (start + step) // self.block],
            codes[packed_size(start, self.bits) : packed_size(min(start + step, n), self.bits)],
        )

    def _blocks(self, piece: Floats) -> torch.Tensor:
        """(m, block) float32, the last block filled up with zeros."""
        values = tensor_of(piece).to(torch.float32)
        if missing := -piece.size % self.block:
            values = torch.nn.functional.pad(values, (0, missing))
        return values.view(-1, self.block)

    def _scales(self, blocks: torch.Tensor, dtype: np.dtype[Any], spare: torch.Tensor) -> Scales:
        if self.stochastic or self.bits == 8:
            return symmetric(blocks, self._half - 1, dtype, spare)
        return signed(blocks, self._half, dtype)
