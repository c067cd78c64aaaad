"""numpy memory as torch sees it: the loops are torch's, the buffers are numpy's."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from fedlab.tensors import shared

# What a step works on at a time: small enough for a processor's last cache, large enough that two
# threads seldom wait for Python's lock.
PIECE = 2**20  # values


def tensor_of(array: np.ndarray[Any, Any]) -> torch.Tensor:
    """The same memory as a tensor: (n,) as (n,).

    A single number's stride may be one that cannot be shared: where it is read-only it is copied.
    """
    alone = array.size < 2 and not array.flags.writeable
    return shared(array.copy() if alone else array)


def extremes(values: torch.Tensor) -> tuple[float, float]:
    """Least and largest of (n,) values, both NaN when one is; 0 and 0 when there are none."""
    if not values.numel():
        return 0.0, 0.0
    least, most = torch.aminmax(values)
    return least.item(), most.item()


def largest_of(dtype: np.dtype[Any]) -> float:
    """The largest number that both this dtype and float32 hold; scales and means are float32."""
    return min(float(np.finfo(kind).max) for kind in (dtype, np.float32))
