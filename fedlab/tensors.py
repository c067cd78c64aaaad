"""numpy's memory as a tensor: without a copy, and without a warning where it is read-only."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch
from torch.utils.dlpack import from_dlpack


def shared(array: np.ndarray[Any, Any]) -> torch.Tensor:
    """The same memory as a tensor.

    array: of any shape and of a dtype that torch has, in C order; where it is read-only, of more
    than one value, since DLPack takes no single one's stride.

    >>> numbers = np.arange(4.0)
    >>> numbers.flags.writeable = False
    >>> shared(numbers).sum().item()
    6.0
    """
    if array.flags.writeable:
        return torch.from_numpy(array)
    try:
        return from_dlpack(array)  # of a read-only array torch.from_numpy warns
    except BufferError:  # numpy before 2.1, Colab's for one, hands out no read-only array
        with warnings.catch_warnings(action="ignore"):
            return torch.from_numpy(array)
