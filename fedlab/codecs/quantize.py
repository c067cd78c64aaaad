"""Few bits a value: whole numbers and one scale for each block of values.

Body: a scale of 2 bytes (bfloat16) for each block, then the codes as in `packing`. A code c decodes
to c - half times its block's scale; half is 2**bits / 2.

Deterministic: the block's value of largest size becomes code 0, so that all 2**bits codes serve,
and every other value the nearest code. The error is at most half a step; but a value of the
opposite sign and of nearly that size has no code of its own and becomes the last one: up to a step,
a bias.
Stochastic: the scale leaves code 0 out, and each value becomes one of the two codes beside it, by
chance, so that the decoded tensor is the tensor on average. Scales are rounded away from zero;
blocks of those below 1.2e-38 decode to zeros.

Source: blocks: Dettmers et al. 2022, arXiv:2110.02861; stochastic rounding: Alistarh et al. 2017
(QSGD), arXiv:1610.02132; with 2 bits it is TernGrad, Wen et al. 2017, arXiv:1705.07878.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch

from fedlab.codecs.base import Codec, Floats, expect
from fedlab.codecs.error import CodecError
from fedlab.codecs.packing import pack, packed_size, unpack
from fedlab.codecs.views import PIECE, tensor_of
from fedlab.codecs.wire import Bytes8

Scales = np.ndarray[Any, np.dtype[np.float32]]

_BLOCKS = {8: 64, 4: 32, 2: 32}  # values that share a scale, where nothing else is asked for
_LARGEST_BLOCK = 2**16
_NORMAL = np.finfo(np.float32).tiny  # the smallest whose inverse is finite


@dataclass(frozen=True)
class Quantize(Codec):
    """Values in 8, 4 or 2 bits, in blocks of `block` values that share a scale.

    block: a multiple of 4; by default 64 for 8 bits, and 32 for fewer. Multiples of 32 are fastest.

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

    @property
    def half(self) -> int:
        """The code that decodes to zero."""
        return 2**self.bits // 2

    def body_size(self, n: int, dtype: np.dtype[Any]) -> int:
        """A scale for each block, and the codes."""
        return self._scales_size(n) + packed_size(n, self.bits)

    def write(self, flat: Floats, body: Bytes8, seed: int) -> int:
        """Scale, round and pack, piece by piece."""
        random = torch.Generator().manual_seed(seed)
        scaled = torch.empty(self._rows(flat.size), self.block)
        codes = torch.empty(scaled.shape, dtype=torch.int8)
        for piece, scales, packed in self._pieces(flat, body):
            blocks = self._blocks(piece)
            rounded = self._scales(blocks, flat.dtype)
            scales[:] = rounded.view(np.uint32) >> 16
            some, some_codes = scaled[: len(blocks)], codes[: len(blocks)]
            torch.mul(blocks, _inverse(rounded), out=some)
            if self.stochastic:
                some.add_(torch.rand(some.shape, generator=random)).floor_()
            else:
                some.round_()
            some_codes.copy_(some.clamp_(-self.half, self.half - 1))
            whole = some_codes.numpy().view(np.uint8).reshape(-1)
            whole += np.uint8(self.half)
            pack(whole, self.bits, packed)
        return self.body_size(flat.size, flat.dtype)

    def read(self, body: Bytes8, flat: Floats) -> None:
        """Unpack and multiply, piece by piece."""
        expect(self.body_size(flat.size, flat.dtype), body)
        codes = np.empty((self._rows(flat.size), self.block), np.uint8)
        for piece, scales, packed in self._pieces(flat, body):
            wide = (scales.astype(np.uint32) << 16).view(np.float32)
            self._check(wide, flat.dtype)
            some = codes[: len(wide)]
            unpack(packed, self.bits, some.reshape(-1)[: len(packed) * 8 // self.bits])
            some -= np.uint8(self.half)
            whole, factors = torch.from_numpy(some.view(np.int8)), tensor_of(wide)[:, None]
            if piece.dtype == np.float32 and piece.size == some.size:
                torch.mul(whole, factors, out=tensor_of(piece).view(some.shape))
            else:
                tensor_of(piece).copy_((whole * factors).view(-1)[: piece.size])

    def _scales_size(self, n: int) -> int:
        return 2 * -(-n // self.block)

    def _rows(self, n: int) -> int:
        """How many blocks a step works on."""
        return min(max(1, PIECE // self.block), -(-n // self.block))

    def _pieces(
        self, flat: Floats, body: Bytes8
    ) -> Iterator[tuple[Floats, np.ndarray[Any, Any], Bytes8]]:
        """Values, scales and packed codes that belong together; whole blocks but for the last."""
        n, start = flat.size, self._scales_size(flat.size)
        scales = body[:start].view(np.uint16)
        packed = body[start : start + packed_size(n, self.bits)]
        for first in range(0, n, step := self._rows(n) * self.block or 1):
            yield (
                flat[first : first + step],
                scales[first // self.block :][: step // self.block],
                packed[packed_size(first, self.bits) : packed_size(first + step, self.bits)],
            )

    def _blocks(self, piece: Floats) -> torch.Tensor:
        """(m, block) float32, the last block filled up with zeros."""
        values = tensor_of(piece).to(torch.float32)
        if missing := -piece.size % self.block:
            values = torch.nn.functional.pad(values, (0, missing))
        return values.view(-1, self.block)

    def _scales(self, blocks: torch.Tensor, dtype: np.dtype[Any]) -> Scales:
        """Each block's scale, away from zero to the next bfloat16, held in float32."""
        most, least = torch.amax(blocks, 1).numpy(), torch.amin(blocks, 1).numpy()
        largest = max(float(most.max()), -float(least.min()))  # NaN when one value is
        codes = self.half - 1 if self.stochastic else self.half  # from zero to the largest
        limit = min(float(np.finfo(kind).max) for kind in (dtype, np.float32))
        if not largest * self.half / codes * (1 + 2**-7) <= limit:  # as code 0, scale rounded up
            raise CodecError(f"expected values that {dtype} holds with a margin, got {largest:g}")
        if self.stochastic:
            exact = np.maximum(most, -least) / np.float32(codes)
        else:
            exact = np.where(most > -least, most, least) / np.float32(-codes)
        rounded: Scales = ((exact.view(np.uint32) + 0xFFFF) & 0xFFFF0000).view(np.float32)
        return rounded

    def _check(self, scales: Scales, dtype: np.dtype[Any]) -> None:
        """Raise CodecError unless every code decodes to a finite value."""
        largest = float(np.abs(scales).max(initial=0)) * self.half
        if not largest <= float(np.finfo(dtype).max):  # NaN is not
            raise CodecError(f"expected scales that keep {dtype} finite, one makes {largest:g}")


def _inverse(scales: Scales) -> torch.Tensor:
    """(m,) as (m, 1); zero for a scale that is zero or has no finite inverse."""
    inverse = np.zeros_like(scales)
    np.divide(1, scales, out=inverse, where=np.abs(scales) >= _NORMAL)
    return torch.from_numpy(inverse)[:, None]
