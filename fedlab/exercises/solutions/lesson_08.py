"""Solutions of lesson 08, fewer layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import torch
from numpy.typing import NDArray

Matrix: TypeAlias = NDArray[Any]


def head() -> int:
    """Weights and biases."""
    return (384 + 1) * 10 * 4


def adapters() -> Any:
    """A has a row, and B a column, for each rank."""

    def adapters(shapes: Sequence[tuple[int, int]], rank: int) -> int:
        return sum(4 * rank * (d_out + d_in) for d_out, d_in in shapes)

    return adapters


def thaw() -> Any:
    """From the end towards the input, until a layer does not fit."""

    def thaw(layers: Sequence[torch.nn.Module], budget: int) -> int:
        sent, fits = 0, True
        for layer in reversed(layers):
            size = sum(4 * p.numel() for p in layer.parameters())
            fits = fits and sent + size <= budget
            layer.requires_grad_(fits)
            sent += size if fits else 0
        return sent

    return thaw


def exact_mean() -> Any:
    """Side by side, the products add up."""
    import numpy as np

    def exact_mean(pairs: Sequence[tuple[Matrix, Matrix]]) -> tuple[Matrix, Matrix]:
        wide = np.hstack([b for b, _ in pairs]) / len(pairs)
        tall = np.vstack([a for _, a in pairs])
        return wide, tall

    return exact_mean


def debug_the_bill() -> tuple[list[str], int]:
    """Eight whole models out; the first layer's weight does not come back."""
    return (["0.bias", "2.weight", "2.bias"], 8 * 203_560 + 8 * (256 + 2_560 + 40))


ALL = [head, adapters, thaw, exact_mean, debug_the_bill]
