"""Partitions: which client holds which examples.

Each function returns one array of indices a client, in random order; together they hold every
index exactly once. The same seed gives the same partition.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

Indices = np.ndarray[Any, Any]


def iid(
    labels_or_count: np.ndarray[Any, Any] | int, clients: int, *, seed: int = 0
) -> list[Indices]:
    """Examples dealt at random: independent, identically distributed; sizes differ by at most 1.

    labels_or_count: (n,) labels, or just how many examples there are.

    Raises ValueError for less than one client, or more clients than examples.

    >>> [len(part) for part in iid(10, 3)]
    [4, 3, 3]
    """
    given = labels_or_count
    count = int(given) if isinstance(given, (int, np.integer)) else len(given)
    _enough(count, clients, 1)
    return np.array_split(np.random.default_rng(seed).permutation(count), clients)


def dirichlet(
    labels: np.ndarray[Any, Any], clients: int, alpha: float, *, seed: int = 0, least: int = 1
) -> list[Indices]:
    """Examples dealt with skewed labels: each class is split by shares drawn from Dirichlet(alpha).

    labels: (n,) of any kind that can be compared. alpha: large, and the clients are alike (IID);
    small, and each class sits with few clients. least: how many examples each client has at the
    very least; who got less is topped up with examples of the largest client.

    Raises ValueError for less than one client, too few examples to give each its least, or an alpha
    that is not a positive number.

    Source: Hsu, Qi and Brown 2019, arXiv:1909.06335, in the form that draws for each class how it
    is spread over clients: Yurochkin et al. 2019, arXiv:1905.12022.

    >>> labels = np.repeat([0, 1], 50)
    >>> label_counts(dirichlet(labels, 2, 1e6), labels)
    array([[25, 25],
           [25, 25]])
    """
    if not 0 < alpha < math.inf:
        raise ValueError(f"alpha: expected a positive number, got {alpha}")
    if least < 0:
        raise ValueError(f"least: expected 0 examples or more, got {least}")
    _enough(len(labels), clients, least)
    random = np.random.default_rng(seed)
    owner = np.empty(len(labels), np.int64)
    for label in np.unique(labels):
        members = random.permutation(np.flatnonzero(labels == label))
        # Shares are equal to six digits at 1e12; near float64's largest, draws would overflow.
        shares = random.dirichlet(np.full(clients, min(alpha, 1e12)))
        ends = np.rint(np.cumsum(shares)[:-1] * len(members)).astype(int)
        # Clients come in another order for each class, so that rounding favours nobody.
        for client, part in zip(random.permutation(clients), np.split(members, ends), strict=True):
            owner[part] = client
    order = random.permutation(len(labels))
    parts = [order[owner[order] == client] for client in range(clients)]
    return _topped_up(parts, least)


def label_counts(parts: Sequence[Indices], labels: np.ndarray[Any, Any]) -> Indices:
    """How many examples of each class each client holds: (clients, classes) int64, classes sorted.

    >>> label_counts([np.array([0, 1]), np.array([2])], np.array([7, 3, 7]))
    array([[1, 1],
           [0, 1]])
    """
    classes, which = np.unique(labels, return_inverse=True)
    return np.stack([np.bincount(which[part], minlength=len(classes)) for part in parts])


def _enough(examples: int, clients: int, least: int) -> None:
    if clients < 1:
        raise ValueError(f"clients: expected 1 or more, got {clients}")
    if examples < clients * least:
        raise ValueError(
            f"expected at least {least} for each of {clients} clients, got {examples} examples; "
            "take fewer clients or more examples"
        )


def _topped_up(parts: list[Indices], least: int) -> list[Indices]:
    """Whoever has less than `least` gets the last examples of whoever has most."""
    for client, part in enumerate(parts):
        for _ in range(least - len(part)):
            richest = max(range(len(parts)), key=lambda other: len(parts[other]))
            parts[client] = np.append(parts[client], parts[richest][-1])
            parts[richest] = parts[richest][:-1]
    return parts
