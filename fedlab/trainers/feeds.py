"""Feeds: how many examples make a step, and how many of them are held at once.

A feed yields steps, and a step yields batches, each made when it is asked for: whoever drops one
before asking for the next never holds two. Beside that, a shuffled epoch holds its order, 8 bytes
an example.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch

from fedlab.data import Examples
from fedlab.tensors import shared


class TrainingError(ValueError):
    """Examples that cannot be fed, or a training that diverged."""


class Batch(NamedTuple):
    """What goes through the model at once; share: its part of its step's examples, 0 to 1."""

    inputs: torch.Tensor
    labels: torch.Tensor
    share: float


@dataclass(frozen=True)
class Feed:
    """Examples in steps of `size`, each in batches of `micro`; the last of each may be smaller.

    seed: each epoch has its own order, drawn from the seed and the epoch's number alone; None keeps
    the stored order, and then batches are views of the examples, no copies.

    Raises TrainingError when there are no examples, when they are neither float32 nor int64
    token ids, when labels are not int64, when size is below 1 or micro outside 1 to size.

    >>> Feed(Examples(np.zeros((5, 3), np.float32), np.arange(5)), 4, 2, seed=None).steps
    2
    """

    examples: Examples
    size: int
    micro: int
    seed: int | None

    def __post_init__(self) -> None:
        check(self.examples.inputs, self.examples.labels, "examples", tokens=True)
        if self.size < 1:
            raise TrainingError(f"size: expected 1 or more examples a step, got {self.size}")
        if not 1 <= self.micro <= self.size:
            raise TrainingError(
                f"micro: expected 1 to {self.size} examples, as a step has, got {self.micro}"
            )

    @property
    def steps(self) -> int:
        """How many steps an epoch has."""
        return math.ceil(len(self.examples) / self.size)

    def epoch(self, number: int) -> Iterator[Iterator[Batch]]:
        """Yield the steps of one epoch; number: 0 for the first.

        >>> five = Examples(np.zeros((5, 3), np.float32), np.arange(5))
        >>> for step in accumulated(five, 4, 3).epoch(0):
        ...     print([(tuple(batch.inputs.shape), batch.share) for batch in step])
        [((3, 3), 0.75), ((1, 3), 0.25)]
        [((1, 3), 1.0)]
        """
        count = len(self.examples)
        order = None
        if self.seed is not None:
            order = np.random.default_rng([self.seed, number]).permutation(count)
        for start in range(0, count, self.size):
            yield self._step(order, start, min(start + self.size, count))

    def _step(self, order: np.ndarray[Any, Any] | None, start: int, stop: int) -> Iterator[Batch]:
        for first in range(start, stop, self.micro):
            last = min(first + self.micro, stop)
            # In the drawn order, also from disk: sorted rows would be summed in another order.
            rows = slice(first, last) if order is None else order[first:last]
            yield Batch(
                _tensor(self.examples.inputs[rows]),
                _tensor(self.examples.labels[rows]),
                (last - first) / (stop - start),
            )


def whole(examples: Examples) -> Feed:
    """All examples as one batch, in their own memory: nothing is copied.

    >>> whole(Examples(np.zeros((5, 3), np.float32), np.arange(5))).steps
    1
    """
    return Feed(examples, len(examples), len(examples), None)


def mini_batches(examples: Examples, size: int, *, seed: int = 0) -> Feed:
    """Shuffled batches of `size` examples, a step each.

    >>> mini_batches(Examples(np.zeros((5, 3), np.float32), np.arange(5)), 2).steps
    3
    """
    return Feed(examples, size, size, seed)


def accumulated(examples: Examples, size: int, micro: int, *, seed: int = 0) -> Feed:
    """The steps of `mini_batches(examples, size)`, of which only `micro` examples are held at once.

    The gradients of a step are the same, up to float32 rounding, for a model that treats each
    example by itself (batch normalisation does not).

    >>> accumulated(Examples(np.zeros((5, 3), np.float32), np.arange(5)), 4, 2).steps
    2
    """
    return Feed(examples, size, micro, seed)


def check(
    inputs: np.ndarray[Any, Any],
    labels: np.ndarray[Any, Any],
    source: str,
    *,
    tokens: bool = False,
) -> None:
    """Raise TrainingError, naming the source, unless these can be trained on.

    inputs: float32 (n, ...). labels: int64 (n,). n: at least 1. tokens: take int64 inputs too, the
    ids of tokens.
    """
    dtypes = (np.float32, np.int64) if tokens else (np.float32,)
    if inputs.dtype not in dtypes or inputs.ndim < 2:
        wanted = "float32 (or int64, token ids)" if tokens else "float32"
        raise TrainingError(
            f"{source}: expected inputs of {wanted} in shape (n, ...), got {inputs.dtype} in shape "
            f"{tuple(inputs.shape)}; convert or reshape them first"
        )
    if labels.dtype != np.int64 or labels.ndim != 1:
        raise TrainingError(
            f"{source}: expected labels of int64 in shape (n,), got {labels.dtype} in shape "
            f"{tuple(labels.shape)}; convert or reshape them first"
        )
    if len(inputs) != len(labels):
        raise TrainingError(
            f"{source}: expected a label for each input, got {len(inputs)} inputs and "
            f"{len(labels)} labels"
        )
    if len(labels) == 0:
        raise TrainingError(f"{source}: expected at least one example, got none")


def _tensor(rows: np.ndarray[Any, Any]) -> torch.Tensor:
    """The same memory as a tensor.

    A mapped file's rows are read-only. DLPack would end the process on a negative stride: rows that
    do not lie one after the other are copied first.
    """
    return shared(np.ascontiguousarray(rows))
