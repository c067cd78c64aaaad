"""Exercises of lesson 04, what the server holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from fedlab.exercises.framework import Exercise, called, number
from fedlab.memory import ServerMemory
from fedlab.meters import traced_peak
from fedlab.units import Bytes

_SIZE = 2**20  # bytes of one update in the check of `running_mean`


bill = Exercise(
    "04.1",
    "Ten rounds of FedAvg, which keeps its updates in a list, with 200 clients a round and a model "
    "of 25 MB. How many **MB** does the server hold at its peak, its own models included?",
    lambda answer: number(
        answer,
        ServerMemory(Bytes(25 * 10**6), updates=200, rounds=10).total // 10**6,
        unit="MB",
        wrong={
            5_050: "that is the first round; from the second on the last replies are still held",
            5_000: "those are one round's updates; add the last round's and the own models",
            10_000: "those are the updates of two rounds; add the server's own models",
            10_025: "the global model and the one that the run began with are one model each",
            50_050: "only this round's and the last round's updates are held, not all ten rounds'",
            100: "that is what a running mean takes; this server keeps a list",
            9_584: "that is in MiB; the question asks for MB",
            9_584.43: "that is in MiB; the question asks for MB",
            10.05: "that would be GB; the question asks for MB",
        },
    ),
    "10 GB on the server for a model of 25 MB; a running mean would take 100 MB.",
    [
        "Count in models first: what is there beside this round's 200 updates?",
        "The global model, the model of the start, 200 updates, and the 200 of the round before.",
        "(1 + 200 + 200 + 1) * 25",
    ],
)


def _pairs(weights: list[int]) -> Iterator[tuple[np.ndarray[Any, Any], int]]:
    """Updates and their weights, each made when it is asked for."""
    for client, weight in enumerate(weights):
        numbers_ = np.random.default_rng(client).random(_SIZE // 4, np.float32)
        yield numbers_ + np.float32(client), weight


def _check_running_mean(answer: Any) -> str | None:
    weights = [10, 1000, 500]
    exact: Any = sum(u.astype(np.float64) * w for u, w in _pairs(weights)) / sum(weights)
    plain = sum(u.astype(np.float64) for u, _ in _pairs(weights)) / len(weights)
    (mean,) = called(answer, [(_pairs(weights),)], name="running_mean")
    if not isinstance(mean, np.ndarray) or mean.shape != exact.shape:
        got = mean.shape if isinstance(mean, np.ndarray) else type(mean).__name__
        return f"expected an array of shape {exact.shape}, got {got}"
    for known, why in (
        (plain, "every update counts alike in your mean; weight it with its examples"),
        (exact * sum(weights), "that is the weighted sum; divide it by the sum of the weights"),
        (exact * sum(weights) / 3, "divide by the sum of the weights, not by how many came"),
    ):
        if np.allclose(mean, known, rtol=1e-4):
            return why
    if not np.allclose(mean, exact, rtol=1e-4):
        return "that is not the weighted mean: sum of weight × update, divided by sum of weights"
    few, many = _held(answer, 10), _held(answer, 30)
    if many > few + 2:
        return f"right, but of 10 updates it held {few} at once and of 30 {many}: keep none of them"
    return None


def _held(answer: Any, count: int) -> int:
    """The peak of a student's function, in updates."""
    with traced_peak() as peak:
        answer(_pairs([1] * count))
    return round(peak.size / _SIZE)


running_mean = Exercise(
    "04.2",
    "Write `running_mean(pairs)`: the weighted mean of all updates. `pairs` yields (update, "
    "weight), an array and a number, and makes each when it is asked for. It is scored in memory: "
    "what it holds must not grow with the number of updates.",
    _check_running_mean,
    "a thousand clients or a million, the server holds the same.",
    [
        "Keep two things: what came so far, and the sum of its weights.",
        "Either a sum of weight × update, divided once at the end, or a mean that moves: by which "
        "share of the way should it move towards the new update?",
        "mean = mean + (update - mean) * (weight / total), where total includes the new weight.",
    ],
)


overstated = Exercise(
    "04.3",
    "Two clients, with 10 and 1,000 examples. By what **factor** does `sum(x) / len(updates)` "
    "overstate the smaller one, compared with weighting by examples? (Within 1 %.)",
    lambda answer: number(
        answer,
        50.5,
        unit="times",
        within=0.01,
        wrong={
            100: "that is how many times more examples the other has; compare shares of the mean",
            2: "in the plain mean it counts a half; what would its share of the examples be?",
            10 / 1010: "that is its share by examples; by what factor is a half more?",
            1 / 50.5: "turn it round: by what factor is it overstated, not understated",
        },
    ),
    "whoever holds next to nothing has as much to say as everybody else.",
    [
        "What is its share in the plain mean? And its share of all examples?",
        "A half, against 10 of 1,010.",
        "(1 / 2) / (10 / 1010)",
    ],
)


tree = Exercise(
    "04.4",
    "1,000 clients report to a tree of servers with a fan-out of 10, every server on a machine of "
    "its own. How many **updates and means** travel upwards in one round?",
    lambda answer: number(
        answer,
        1_110,
        unit="messages",
        wrong={
            1_000: "those are the clients' updates; servers send their means up too",
            1_111: "the top server has nobody to send to",
            1_100: "the 100 edge servers report to 10 others, which report to the top",
            1_101: "the 100 edge servers report to 10 others, which report to the top",
            111: "that is how many servers there are; count what is sent",
            110: "those are the servers' means; the clients send their updates first",
            10: "that is what the top server receives; count what travels in the whole tree",
        },
    ),
    "11 % more messages than without a tree, and no server receives more than 10 of them.",
    [
        "Go level by level: who sends to whom?",
        "1,000 clients to 100 servers, these to 10, these to one.",
        "1000 + 100 + 10",
    ],
)


sparse_enough = Exercise(
    "04.5",
    "Weights in half precision, 2 bytes each, are pruned; what is left is stored as its value (2 "
    "bytes) and an int32 index. From which **share of zeros** on, between 0 and 1, is that smaller "
    "than the dense tensor? (Within 1 %.)",
    lambda answer: number(
        answer,
        2 / 3,
        unit="of the weights",
        within=0.01,
        wrong={
            0.5: "that is for float32, where value and index are equally wide",
            1 / 3: "that is the share that may stay; the question asks for the zeros",
            66.67: "give it as a share between 0 and 1",
            0.75: "a number that stays costs its value and its index, 6 bytes in all",
        },
    ),
    "the narrower the values, the more an index weighs beside them.",
    [
        "How many bytes does one weight cost dense, and how many does one that stays cost sparse?",
        "Dense: 2 × n. Sparse: (2 + 4) × (1 − zeros) × n. When are they equal?",
        "1 - 2 / (2 + 4)",
    ],
)

ALL = [bill, running_mean, overstated, tree, sparse_enough]
