"""Networks of dense layers, the memory lesson's among them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch


def mlp(widths: Sequence[int], seed: int = 0) -> torch.nn.Sequential:
    """Dense layers with ReLU between them: input (batch, widths[0]) to logits (batch, widths[-1]).

    Raises ValueError for fewer than two widths or one below 1. Same seed, same numbers; torch's own
    generator is left alone.

    >>> sum(p.numel() for p in mlp((784, 32, 32, 10)).parameters())
    26506
    """
    if len(widths) < 2 or min(widths) < 1:
        raise ValueError(f"widths: expected two or more, each at least 1, got {tuple(widths)}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers: list[torch.nn.Module] = []
        for before, after in pairwise(widths):
            layers += [torch.nn.Linear(before, after), torch.nn.ReLU()]
        return torch.nn.Sequential(*layers[:-1])  # logits, so no ReLU at the end


def seed_mlp(seed: int = 0) -> torch.nn.Sequential:
    """The memory lesson's Dense 784-64-10: input (batch, 784) to logits (batch, 10).

    50,890 parameters, 203,560 bytes in float32.

    >>> [tuple(p.shape) for p in seed_mlp().parameters()]
    [(64, 784), (64,), (10, 64), (10,)]
    """
    return mlp((784, 64, 10), seed)
