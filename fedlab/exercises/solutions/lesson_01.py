"""Solutions of lesson 01, what a model weighs."""

from __future__ import annotations

from typing import Any


def wider() -> int:
    """Weights and biases of both layers, four bytes each."""
    return (784 * 128 + 128 + 128 * 10 + 10) * 4


def to_megabytes() -> Any:
    """By way of bytes."""

    def to_megabytes(mebibytes: float) -> float:
        return mebibytes * 2**20 / 10**6

    return to_megabytes


def state_dict_bytes() -> Any:
    """The bandwidth lesson's own sum."""

    def state_dict_bytes(state_dict: Any) -> int:
        return sum(t.element_size() * t.numel() for t in state_dict.values())

    return state_dict_bytes


def tied() -> int:
    """One listing of the matrix, to ten clients."""
    return 32_000 * 512 * 2 * 10


ALL = [wider, to_megabytes, state_dict_bytes, tied]
