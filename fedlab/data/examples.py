"""Examples: inputs with a label each, and which of them are held back for testing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fedlab.units import Bytes

_FOLD = 5  # every fifth example is for testing


@dataclass(frozen=True, eq=False)
class Examples:
    """Examples and their labels, read-only.

    inputs: (n, features) float32, or (n, length) int64 token ids. labels: (n,) int64.

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
        object.__setattr__(self, "inputs", read_only(self.inputs))
        object.__setattr__(self, "labels", read_only(self.labels))

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def nbytes(self) -> Bytes:
        """Inputs and labels, in bytes."""
        return Bytes(self.inputs.nbytes + self.labels.nbytes)

    def take(self, indices: Any) -> Examples:
        """A copy of the examples with these indices (whole numbers), in this order."""
        return Examples(self.inputs.take(indices, axis=0), self.labels.take(indices))


def read_only(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """A view through which the array cannot be written; the array itself stays as it is."""
    view = array.view()
    view.flags.writeable = False
    return view


def split(places: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Indices to train on and to test with, each shuffled and always the same.

    places: (n,) int64, where each example stands in its file; every fifth is held back for testing.

    >>> train, test = split(np.arange(10))
    >>> len(train), sorted(test.tolist())
    (8, [0, 5])
    """
    every = np.arange(len(places))
    held_back = places % _FOLD == 0
    shuffle = np.random.default_rng(0).permutation
    return shuffle(every[~held_back]), shuffle(every[held_back])
