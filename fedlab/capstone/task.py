"""What no plan changes: the model, the clients, the limits."""

from __future__ import annotations

from functools import cache

import torch

from fedlab.data import Digits, Examples, dirichlet, mnist
from fedlab.models import seed_mlp
from fedlab.units import Bytes

TARGET = 0.92  # accuracy, 0 to 1
UPLINK = Bytes(300_000)  # payload that one client may send in the whole run
SERVER = 3  # models that the server may hold at a time
CLIENTS = 10
MOST_ROUNDS = 40
MOST_EPOCHS = 5
AVERAGED = 5  # last rounds, whose mean is the accuracy that counts: one alone is half chance

_ALPHA = 0.3


@cache
def digits() -> Digits:
    """MNIST, read once: its arrays are read-only."""
    return mnist()


def clients(seed: int) -> list[Examples]:
    """What each client holds; the seed draws the split."""
    train = digits().train
    return [train.take(part) for part in dirichlet(train.labels, CLIENTS, _ALPHA, seed=seed)]


def model(layers: tuple[str, ...], seed: int) -> torch.nn.Sequential:
    """The model, of which these layers or tensors are trained."""
    built = seed_mlp(seed)
    for name, parameter in built.named_parameters():
        parameter.requires_grad_(name in layers or name.partition(".")[0] in layers)
    return built


def names() -> list[str]:
    """Every layer and every tensor of the model.

    >>> names()
    ['0', '2', '0.weight', '0.bias', '2.weight', '2.bias']
    """
    tensors = [name for name, _ in seed_mlp().named_parameters()]
    return list(dict.fromkeys(name.partition(".")[0] for name in tensors)) + tensors
