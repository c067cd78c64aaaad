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

from fedlab.tensors import shared

Array = np.ndarray[Any, Any]
Update = Mapping[str, Array]
Weight = float | Fraction
Tensors = dict[str, torch.Tensor]


class AggregationError(ValueError):
    """An update that cannot be averaged with the others, or a mean of nothing."""


@dataclass(frozen=True)
class Expected:
    """A tensor's shape, whether it must be a float, and the dtype in which it is averaged."""

    shape: tuple[int, ...]
    is_float: bool
    dtype: torch.dtype


def exact_weight(weight: Any, who: str) -> Fraction:
    """A weight as exactly the number that it is. Raises AggregationError unless it is above 0.

    >>> exact_weight(0.5, "client 1")
    Fraction(1, 2)
    """
    exact = Fraction(0)
    if isinstance(weight, bool):
        pass
    elif isinstance(weight, numbers.Rational):  # whole numbers, numpy's too
        exact = Fraction(int(weight.numerator), int(weight.denominator))
    elif isinstance(weight, numbers.Real) and math.isfinite(weight):
        exact = Fraction(float(weight))
    if exact > 0:
        return exact
    got = "none" if weight is None else repr(weight)
    raise AggregationError(f"{who}: expected a finite weight above 0, got {got}")


def described(update: Update, who: str) -> dict[str, Expected]:
    """What later updates must look like, from a first one.

    Raises AggregationError for what is no update.
    """
    _check_names(update, who)
    expected = {}
    for name, array in update.items():
        kind = _kind(array, f"{who}: {name}")
        narrow = kind == "f" and array.dtype.itemsize <= 4
        dtype = torch.float32 if narrow else torch.float64
        expected[name] = Expected(array.shape, kind == "f", dtype)
    return expected


def checked(update: Update, expected: Mapping[str, Expected], who: str) -> Tensors:
    """An update that is as expected, as torch tensors: the same memory wherever that can be.

    Raises AggregationError at the first difference.
    """
    _check_names(update, who)
    if odd := sorted(expected.keys() ^ update.keys()):
        which = "missing" if odd[0] in expected else "unexpected"
        raise AggregationError(f"{who}: {odd[0]}: {which} tensor ({len(odd)} differ)")
    tensors = {}
    for name, like in expected.items():
        kind = _kind(update[name], f"{who}: {name}")
        if update[name].shape != like.shape:
            shape = update[name].shape
            raise AggregationError(f"{who}: {name}: expected shape {like.shape}, got {shape}")
        if like.is_float and kind != "f":
            came = update[name].dtype
            raise AggregationError(f"{who}: {name}: expected floating-point numbers, got {came}")
        tensors[name] = _tensor(update[name])
    # One pass at the speed of memory: a sum of squares is finite only if every term is, and each
    # then far from the end of its dtype's range. Whatever else is looked at more closely.
    for name, like in expected.items():
        numbers = tensors[name].to(like.dtype).reshape(-1)
        if not math.isfinite(torch.dot(numbers, numbers).item()):
            _check_numbers(numbers, f"{who}: {name}")
    return tensors


def _check_names(update: Any, who: str) -> None:
    if not isinstance(update, Mapping) or not update:
        got = "an empty update" if isinstance(update, Mapping) else type(update).__name__
        raise AggregationError(f"{who}: expected tensors by name, got {got}")
    if odd := [name for name in update if not isinstance(name, str)]:
        raise AggregationError(f"{who}: expected names of tensors, got {odd[0]!r}")


def _check_numbers(numbers: torch.Tensor, where: str) -> None:
    kind = str(numbers.dtype).removeprefix("torch.")
    largest = torch.finfo(numbers.dtype).max / 4  # differences of means stay within the range
    for odd, what in (
        (~numbers.isfinite(), f"NaN or infinite as {kind}"),
        (numbers.abs() > largest, f"beyond a quarter of {kind}'s range"),
    ):
        if count := int(odd.sum()):
            raise AggregationError(f"{where}: {count} of {numbers.numel()} values are {what}")


def _tensor(array: Array) -> torch.Tensor:
    """An array as a tensor; cast here where torch has no such numbers.

    torch takes no negative stride: what does not lie in order is copied, and so is a single number,
    whose stride may be anything.
    """
    foreign = array.dtype.kind != "f" or not array.dtype.isnative or array.dtype.itemsize > 8
    if foreign:
        array = array.astype(np.float64)
    return shared(np.array(array, order="C", copy=True if array.size < 2 else None))


def _kind(array: Any, where: str) -> str:
    if isinstance(array, np.ndarray) and array.dtype.kind in "biuf":
        return str(array.dtype.kind)
    got = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
    raise AggregationError(f"{where}: expected a numpy array of real numbers, got {got}")
