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


def by_label(
    labels: np.ndarray[Any, Any], clients: int, *, classes_per_client: int = 2, seed: int = 0
) -> list[Indices]:
    """Examples dealt by class: no client holds more than `classes_per_client` of them.

    labels: (n,) of any kind that can be compared. Each class is cut into shards, as equal as can be
    over all classes, and each client gets `classes_per_client` shards drawn at random. Two may be
    of one class, so some clients hold fewer classes. Where classes are equally large, and so are
    the shards, this is the paper's pathological partition.

    Raises ValueError for less than one client or class a client, for fewer shards than classes, or
    fewer examples than shards.

    Source: McMahan, Moore, Ramage, Hampson and Agüera y Arcas 2017, arXiv:1602.05629, section 3.

    >>> labels = np.repeat([0, 1, 2, 3], 50)
    >>> label_counts(by_label(labels, 2), labels)
    array([[ 0, 50,  0, 50],
           [50,  0, 50,  0]])
    """
    if classes_per_client < 1:
        raise ValueError(f"classes_per_client: expected 1 or more, got {classes_per_client}")
    _enough(len(labels), clients, classes_per_client)
    random = np.random.default_rng(seed)
    classes = np.unique(labels)
    shards = _shards(labels, classes, clients * classes_per_client, random)
    dealt = random.permutation(len(shards)).reshape(clients, classes_per_client)
    return [random.permutation(np.concatenate([shards[s] for s in hand])) for hand in dealt]


def natural(groups: np.ndarray[Any, Any], *, seed: int = 0) -> list[Indices]:
    """Examples where they arose: one client for each group, in the groups' sorted order.

    groups: (n,) of any kind that can be compared, such as `Sentences.sources`.

    >>> [part.tolist() for part in natural(np.array(["tweet", "film", "tweet"]), seed=1)]
    [[1], [0, 2]]
    """
    random = np.random.default_rng(seed)
    return [random.permutation(np.flatnonzero(groups == group)) for group in np.unique(groups)]


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


def _shards(
    labels: np.ndarray[Any, Any],
    classes: np.ndarray[Any, Any],
    count: int,
    random: np.random.Generator,
) -> list[Indices]:
    """`count` shards of one class each, none of them empty: the coarsest class is cut again."""
    if count < len(classes):
        raise ValueError(
            f"expected clients x classes_per_client to be at least {len(classes)}, the number of "
            f"classes, got {count}; take more clients or more classes a client"
        )
    members = [random.permutation(np.flatnonzero(labels == label)) for label in classes]
    cuts = np.ones(len(classes), np.int64)
    for _ in range(count - len(classes)):
        cuts[np.argmax([len(its) / cut for its, cut in zip(members, cuts, strict=True)])] += 1
    return [
        shard for its, cut in zip(members, cuts, strict=True) for shard in np.array_split(its, cut)
    ]
