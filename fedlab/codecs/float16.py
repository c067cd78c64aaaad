"""Half the bytes: each value in 16 bits.

Body: n values of 2 bytes.

float16 keeps 11 significant bits and goes up to 65,504; bfloat16 keeps 8 and goes as far as
float32. Rounding is to nearest: the error is at most 2**-11 of a value (2**-8) of normal size.

Source: Micikevicius et al. 2017, arXiv:1710.03740; bfloat16: Kalamkar et al. 2019,
arXiv:1905.12322.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch

from fedlab.codecs.base import Codec, Floats, expect
from fedlab.codecs.error import CodecError
from fedlab.codecs.views import PIECE, extremes, tensor_of
from fedlab.codecs.wire import Bytes8
from fedlab.threads import in_stripes

_HALVES = {"float16": torch.float16, "bfloat16": torch.bfloat16}


@dataclass(frozen=True)
class Float16(Codec):
    """Values as float16 or bfloat16. Raises CodecError for another name.

    >>> codec = Float16()
    >>> codec.decode(codec.encode(np.float32([1, 0.1])), (2,)).tolist()
    [1.0, 0.0999755859375]
    >>> str(Float16("bfloat16"))
    'bfloat16'
    """

    half: Literal["float16", "bfloat16"] = "float16"

    def __post_init__(self) -> None:
        if self.half not in _HALVES:
            raise CodecError(f"expected one of {', '.join(_HALVES)}, got {self.half!r}")

    def __str__(self) -> str:
        return self.half

    def body_size(self, n: int, dtype: np.dtype[Any]) -> int:
        """Two bytes a value."""
        return 2 * n

    def write(self, flat: Floats, body: Bytes8, seed: int) -> int:
        """Round each value to the nearest half."""
        halves, values = self._halves(body[: 2 * flat.size]), tensor_of(flat)

        def narrow(starts: range) -> None:
            for start in starts:
                piece = values[start : start + PIECE]
                halves[start : start + PIECE].copy_(piece)
                ends = extremes(piece)  # the others fit if these two do
                if not torch.tensor(ends).to(halves.dtype).to(values.dtype).isfinite().all():
                    raise CodecError(
                        f"values from {ends[0]:g} to {ends[1]:g} do not fit into {self.half}"
                    )

        in_stripes(flat.size, PIECE, narrow)
        return 2 * flat.size

    def read(self, body: Bytes8, flat: Floats) -> None:
        """Widen each half."""
        expect(2 * flat.size, body)
        halves, values = self._halves(body), tensor_of(flat)

        def widen(starts: range) -> None:
            for start in starts:
                piece = values[start : start + PIECE].copy_(halves[start : start + PIECE])
                if not all(map(math.isfinite, extremes(piece))):
                    raise CodecError("expected finite values, got NaN or infinity")

        in_stripes(flat.size, PIECE, widen)

    def _halves(self, body: Bytes8) -> torch.Tensor:
        return tensor_of(body.view(np.int16)).view(_HALVES[self.half])
