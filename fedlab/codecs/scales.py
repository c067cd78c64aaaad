"""The scales of blocks of values: bfloat16, rounded away from zero, in 2 bytes each.

Away from zero, so that no value of a block lies beyond its largest code. bfloat16, since it goes as
far down as float32: an update's scales are often below the smallest float16.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import torch

from fedlab.codecs.error import CodecError
from fedlab.codecs.views import largest_of

Scales: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]  # whose lower 16 bits are zero

_INVERTIBLE = np.finfo(np.float32).tiny  # the smallest whose inverse is finite
_ROUNDING = 1 + 2**-7  # at most so much larger than it should be


def symmetric(blocks: torch.Tensor, most: int, dtype: np.dtype[Any], spare: torch.Tensor) -> Scales:
    """Scales by which (m, block) values lie from -most to most. spare: memory of that shape.

    Raises CodecError for NaN, infinity and what `dtype` could not hold when it is decoded.
    """
    sizes = torch.amax(torch.abs(blocks, out=spare), 1).numpy()
    _check(float(sizes.max()), (most + 1) / most, dtype)
    return _rounded(sizes / np.float32(most))


def signed(blocks: torch.Tensor, most: int, dtype: np.dtype[Any]) -> Scales:
    """Scales by which each block's value of largest size becomes -most, whatever its sign is.

    Raises CodecError as `symmetric` does.
    """
    high, low = torch.amax(blocks, 1).numpy(), torch.amin(blocks, 1).numpy()
    _check(max(float(high.max()), -float(low.min())), 1, dtype)
    return _rounded(np.where(high > -low, high, low) / np.float32(-most))


def stored(scales: Scales) -> np.ndarray[Any, np.dtype[np.uint16]]:
    """As they travel.

    >>> restored(stored(np.float32([1.5, -2]))).tolist()
    [1.5, -2.0]
    """
    return (scales.view(np.uint32) >> 16).astype(np.uint16)


def restored(halves: np.ndarray[Any, np.dtype[np.uint16]]) -> Scales:
    """As they came, not yet checked."""
    return (halves.astype(np.uint32) << 16).view(np.float32)


def check_decoded(scales: Scales, most: int, dtype: np.dtype[Any]) -> None:
    """Raise CodecError unless `most` times each is finite in that dtype."""
    largest = float(np.abs(scales).max(initial=0)) * most
    if not largest <= largest_of(dtype):  # NaN is not
        raise CodecError(f"expected scales that keep {dtype} finite, one makes {largest:g}")


def inverse(scales: Scales) -> torch.Tensor:
    """(m,) as (m, 1); zero for a scale that is zero or has no finite inverse."""
    inverted = np.zeros_like(scales)
    np.divide(1, scales, out=inverted, where=np.abs(scales) >= _INVERTIBLE)
    return torch.from_numpy(inverted)[:, None]


def _check(largest: float, beyond: float, dtype: np.dtype[Any]) -> None:
    if not largest * beyond * _ROUNDING <= largest_of(dtype):  # NaN is not
        raise CodecError(f"expected values that {dtype} holds with a margin, got {largest:g}")


def _rounded(exact: np.ndarray[Any, Any]) -> Scales:
    return ((exact.view(np.uint32) + np.uint32(0xFFFF)) & np.uint32(0xFFFF0000)).view(np.float32)
