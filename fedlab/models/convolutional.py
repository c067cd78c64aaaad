"""A small convolutional network for MNIST."""

from __future__ import annotations

import torch


def mnist_cnn(seed: int = 0) -> torch.nn.Sequential:
    """Two convolutions and a dense layer for MNIST: input (batch, 784) to logits (batch, 10).

    5,258 parameters, a tenth of `seed_mlp`'s, and activations many times larger than its own.

    >>> sum(p.numel() for p in mnist_cnn().parameters())
    5258
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return torch.nn.Sequential(
            torch.nn.Unflatten(1, (1, 28, 28)),
            torch.nn.Conv2d(1, 8, kernel_size=3),  # (batch, 8, 26, 26)
            torch.nn.ReLU(),
            torch.nn.MaxPool2d(2),  # (batch, 8, 13, 13)
            torch.nn.Conv2d(8, 16, kernel_size=3),  # (batch, 16, 11, 11)
            torch.nn.ReLU(),
            torch.nn.MaxPool2d(2),  # (batch, 16, 5, 5)
            torch.nn.Flatten(),
            torch.nn.Linear(400, 10),
        )
