"""numpy memory as torch sees it: the loops are torch's, the buffers are numpy's."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.utils.dlpack import from_dlpack

# What a step works on at a time: small enough for a processor's last cache, large enough that two
# threads seldom wait for Python's lock.
PIECE = 2**20  # values


def tensor_of(array: np.ndarray[Any, Any]) -> torch.Tensor:
    """The same memory as a tensor: (n,) as (n,).

    Of a read-only array torch.from_numpy warns and DLPack does not; but a single number has a
    stride that DLPack does not take, and is copied.
    """
    if array.flags.writeable:
        return torch.from_numpy(array)
    return from_dlpack(array) if array.size > 1 else torch.from_numpy(array.copy())


def extremes(values: torch.Tensor) -> tuple[float, float]:
    """Least and largest of (n,) values, both NaN when one is; 0 and 0 when there are none."""
    if not values.numel():
        return 0.0, 0.0
    least, most = torch.aminmax(values)
    return least.item(), most.item()


def largest_of(dtype: np.dtype[Any]) -> float:
    """The largest number that both this dtype and float32 hold; scales and means are float32."""
    return min(float(np.finfo(kind).max) for kind in (dtype, np.float32))
