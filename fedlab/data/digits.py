"""MNIST, 5,000 digits of it, as arrays: what the lessons train on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fedlab.data.fetching import fetch
from fedlab.units import Bytes

_WHITE = 255
_FOLD = 5  # every fifth example is for testing


@dataclass(frozen=True, eq=False)
class Examples:
    """Examples and their labels, read-only.

    inputs: (n, features) float32. labels: (n,) int64.

    Raises ValueError when there are not as many labels as inputs.

    >>> some = Examples(np.zeros((3, 784), np.float32), np.array([7, 1, 7]))
    >>> len(some), some.nbytes, some.take([0, 2]).labels
    (3, Bytes(9432), array([7, 7]))
    """

    inputs: np.ndarray[Any, Any]
    labels: np.ndarray[Any, Any]

    def __post_init__(self) -> None:
        if len(self.inputs) != len(self.labels):
            raise ValueError(
                f"expected a label for each example, got {len(self.inputs)} examples and "
                f"{len(self.labels)} labels"
            )
        for name in ("inputs", "labels"):
            view = getattr(self, name).view()
            view.flags.writeable = False
            object.__setattr__(self, name, view)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def nbytes(self) -> Bytes:
        """Inputs and labels, in bytes."""
        return Bytes(self.inputs.nbytes + self.labels.nbytes)

    def take(self, indices: Any) -> Examples:
        """A copy of the examples with these indices (whole numbers), in this order."""
        return Examples(self.inputs.take(indices, axis=0), self.labels.take(indices))


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
    every = np.arange(len(table))
    held_back = every % _FOLD == 0
    shuffle = np.random.default_rng(0).permutation
    return Digits(
        _examples(table[shuffle(every[~held_back])]), _examples(table[shuffle(every[held_back])])
    )


def _examples(table: np.ndarray[Any, Any]) -> Examples:
    return Examples(table[:, :-1].astype(np.float32) / _WHITE, table[:, -1].astype(np.int64))
