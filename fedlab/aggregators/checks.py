"""What an update must pass before it counts: its weight, its tensors, their numbers."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from torch.utils.dlpack import from_dlpack

Array = np.ndarray[Any, Any]
Update = Mapping[str, Array]
Weight = float | Fraction


class AggregationError(ValueError):
    """An update that cannot be averaged with the others, or a mean of nothing."""


@dataclass(frozen=True)
class Expected:
    """A tensor's shape, whether it must be a float, and the dtype in which it is averaged."""

    shape: tuple[int, ...]
    is_float: bool
    dtype: np.dtype[Any]


def exact_weight(weight: Any, who: str) -> Fraction:
    """A weight as exactly the number that it is.

    >>> exact_weight(0.5, "client 1")
    Fraction(1, 2)
    """
    if isinstance(weight, numbers.Real) and not isinstance(weight, bool) and math.isfinite(weight):
        if isinstance(weight, numbers.Rational):  # whole numbers, numpy's too
            exact = Fraction(int(weight.numerator), int(weight.denominator))
        else:
            exact = Fraction(float(weight))
        if exact > 0:
            return exact
    got = "none" if weight is None else repr(weight)
    raise AggregationError(f"{who}: expected a finite weight above 0, got {got}")


def described(update: Update, who: str) -> dict[str, Expected]:
    """What later updates must look like, from a first one."""
    if not update:
        raise AggregationError(f"{who}: expected tensors, got an empty update")
    expected = {}
    for name, array in update.items():
        kind = _kind(array, f"{who}: {name}")
        narrow = kind == "f" and array.dtype.itemsize <= 4
        dtype = np.dtype(np.float32 if narrow else np.float64)
        expected[name] = Expected(array.shape, kind == "f", dtype)
    return expected


def check(update: Update, expected: Mapping[str, Expected], who: str) -> None:
    """Compare an update with what is expected. Raises AggregationError at the first difference."""
    if odd := sorted(expected.keys() ^ update.keys()):
        which = "missing" if odd[0] in expected else "unexpected"
        raise AggregationError(f"{who}: {odd[0]}: {which} tensor ({len(odd)} differ)")
    for name, like in expected.items():
        array, where = update[name], f"{who}: {name}"
        kind = _kind(array, where)
        if array.shape != like.shape:
            raise AggregationError(f"{where}: expected shape {like.shape}, got {array.shape}")
        if like.is_float and kind != "f":
            raise AggregationError(f"{where}: expected floating-point numbers, got {array.dtype}")
        # a sum is finite only if its terms are; it takes a quarter of the time to look at each
        if not math.isfinite(tensor(array, like.dtype).sum()):
            with np.errstate(over="ignore"):
                finite = int(np.isfinite(array.astype(like.dtype)).sum())
            if finite < array.size:
                raise AggregationError(
                    f"{where}: {array.size - finite} of {array.size} values are NaN or infinite "
                    f"as {like.dtype}"
                )


def tensor(array: Array, dtype: np.dtype[Any]) -> torch.Tensor:
    """An array as a torch tensor of that dtype: the same memory wherever that can be.

    DLPack takes read-only arrays without a word, and ends the process on a negative stride: what
    does not lie in order is copied first.
    """
    if array.dtype != dtype:
        with np.errstate(over="ignore"):
            array = array.astype(dtype)
    return from_dlpack(np.asarray(array, order="C"))


def _kind(array: Any, where: str) -> str:
    if isinstance(array, np.ndarray) and array.dtype.kind in "biuf":
        return str(array.dtype.kind)
    got = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
    raise AggregationError(f"{where}: expected a numpy array of real numbers, got {got}")
