"""MNIST, 5,000 digits of it, as arrays: what the lessons train on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fedlab.data.examples import Examples, split
from fedlab.data.fetching import fetch

_WHITE = 255


@dataclass(frozen=True, eq=False)
class Digits:
    """Handwritten digits: examples to train on, and others to test with."""

    train: Examples
    test: Examples


def mnist() -> Digits:
    """MNIST: 4,000 digits to train on and 1,000 to test with, each class equally often in both.

    inputs are (n, 784) float32 in [0, 1], labels (n,) int64. The order is shuffled and always the
    same, so that the first few hundred hold every digit about equally often. All 5,000 are from the
    training set of MNIST. They are fetched when the cache does not have them.

    Raises DataError when they can be neither found nor fetched.

    Source: LeCun, Bottou, Bengio and Haffner 1998 (see `registry.MNIST`).
    """
    return read_digits(fetch("mnist"))


def read_digits(path: Path) -> Digits:
    """Digits from a file of one a line: pixels from 0 to 255, then the label, sorted by label."""
    table = np.loadtxt(path, np.uint8, delimiter=",")  # decompresses .gz by itself
    train, test = split(np.arange(len(table)))
    return Digits(_examples(table[train]), _examples(table[test]))


def _examples(table: np.ndarray[Any, Any]) -> Examples:
    return Examples(table[:, :-1].astype(np.float32) / _WHITE, table[:, -1].astype(np.int64))
