"""Exercises of lesson 09, fewer rounds."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterator
from typing import Any

import numpy as np

from fedlab.exercises.framework import Exercise, called, function, number
from fedlab.meters import traced_peak

_SIZE = 2**20  # bytes of one model in the check of `streamed_drift`


same_work = Exercise(
    "09.1",
    "A federated run of 100 rounds, one local epoch each, moves 40 GB. How many **GB** does the "
    "same local work move with five epochs a round?",
    lambda answer: number(
        answer,
        8,
        unit="GB",
        wrong={
            200: "local epochs move nothing; five times the epochs in a round, a fifth of the "
            "rounds",
            40: "that is five times the local work: 100 rounds of five epochs",
            32: "that is what is saved; how much still moves?",
            0.4: "that is one round; how many are left?",
        },
    ),
    "the bill goes by rounds. Whether the model is as good for it is what the lesson measures.",
    [
        "100 rounds of one epoch are 100 local epochs. How many rounds of five is that?",
        "20 rounds. One round costs 40 GB / 100.",
        "40 / 5",
    ],
)


def _check_bytes_to(answer: Any) -> str | None:
    climbing = (0.1, 0.5, 0.7, 0.8)
    cases: list[tuple[tuple[Any, ...], int | None, str]] = [
        ((0.7, climbing, 100, 10), 4_000, "two rounds, ten clients, a model out and one back"),
        ((0.6, (0.1, 0.7, 0.5, 0.8), 100, 10), 2_000, "it was there after the first round already"),
        (
            (0.05, climbing, 100, 10),
            0,
            "accuracies[0] is from before the first round: nothing moved",
        ),
        ((0.9, climbing, 100, 10), None, "it was never reached: None, and not the bytes of all"),
    ]
    return function(answer, cases, name="bytes_to")


bytes_to = Exercise(
    "09.2",
    "Write `bytes_to(target, accuracies, size, clients)`: how many bytes a run had moved, both "
    "ways, when the accuracy first reached `target`. `accuracies[0]` is from before the first "
    "round, `accuracies[1]` from after it, and so on; None if it was never reached. A model of "
    "`size` bytes goes to each of the `clients` in each round, and as much comes back.",
    _check_bytes_to,
    "rounds to a target accuracy is how the field compares such runs: it charges for what was "
    "learned, not for what was run.",
    [
        "First find the round, then multiply.",
        "`for rounds, accuracy in enumerate(accuracies)` counts from 0, as the rounds do here.",
        "if accuracy >= target: return rounds * clients * 2 * size",
    ],
)


def _models(count: int) -> Iterator[np.ndarray[Any, Any]]:
    """Models, each made when it is asked for."""
    for client in range(count):
        yield np.random.default_rng(client).random(_SIZE // 8) + client


def _check_streamed_drift(answer: Any) -> str | None:
    (drift,) = called(answer, [(_models(4),)], name="streamed_drift")
    if not isinstance(drift, numbers.Real):
        return f"expected one number, got a {type(drift).__name__}"
    rows = np.stack(list(_models(4)))
    apart = np.linalg.norm(rows - rows.mean(axis=0), axis=1)
    right = float(np.sqrt((apart**2).mean()))
    for known, why in (
        (apart.mean(), "that is the mean of the distances; asked is the root of their mean square"),
        (right**2, "that is the mean square; take its root"),
        (right * 2, "divide by how many came before you take the root"),
        (
            np.sqrt((rows**2).sum() / 4),
            "that is the distance from zero; subtract the mean's square",
        ),
    ):
        if math.isclose(drift, known, rel_tol=1e-6):
            return why
    if not math.isclose(drift, right, rel_tol=1e-6):
        return f"four models gave {drift:.4g}; their root mean square distance is {right:.4g}"
    few, many = (_held(answer, count) for count in (10, 30))
    if many > few + 2:
        return f"right, but of 10 models it held {few} at once and of 30 {many}: keep none of them"
    return None


def _held(answer: Any, count: int) -> int:
    """The peak of a student's function, in models."""
    with traced_peak() as peak:
        answer(_models(count))
    return round(peak.size / _SIZE)


streamed_drift = Exercise(
    "09.3",
    "A server that streams keeps no client's model (lesson 04). It can measure drift all the same. "
    "Write `streamed_drift(models)`: the root of the mean square L2 distance of the models from "
    "their mean. `models` yields one array a client, makes it when it is asked for, and can be "
    "gone through once. It is scored in memory: what it holds must not grow with the clients.",
    _check_streamed_drift,
    "one pass, one sum of models and two numbers; the same trick gives a variance.",
    [
        "The mean of ‖w − mean‖² over the clients is the mean of ‖w‖² minus ‖mean‖².",
        "Keep how many came, the sum of the models, and the sum of their squared lengths.",
        "At the end: (squares / count - ((total / count) ** 2).sum()) ** 0.5",
    ],
)


pull = Exercise(
    "09.4",
    "FedProx adds mu/2 · (w − w_global)² for each weight to the loss. The global model's weight "
    "is 1.0, a client's is 1.5 by now, and mu is 0.2. How much does the term add to the weight's "
    "**gradient**?",
    lambda answer: number(
        answer,
        0.1,
        unit="(a gradient)",
        within=1e-9,
        wrong={
            0.025: "that is the term itself; the gradient is its derivative by w",
            0.05: "the 2 of the square cancels the half: mu · (w − w_global)",
            -0.1: "the sign: SGD subtracts the gradient, and the weight shall go back down to 1.0",
            0.3: "that pulls towards 0, which is weight decay; FedProx pulls towards the global "
            "model",
        },
    ),
    "a spring to where the round began: the further a client is, the harder it is pulled back.",
    [
        "Differentiate mu/2 · (w − w_global)² by w.",
        "mu · (w − w_global).",
        "round(0.2 * (1.5 - 1.0), 3)",
    ],
)


fastest = Exercise(
    "09.5",
    "A local epoch takes each client 30 s, sending the model both ways 60 s a round. Measured: the "
    "target accuracy takes 100 rounds of one epoch, 30 rounds of five, or 20 rounds of twenty. How "
    "many **minutes** does the fastest of the three take?",
    lambda answer: number(
        answer,
        105,
        unit="minutes",
        wrong={
            150: "that is one epoch a round; another one is faster",
            220: "fewest rounds, and fewest bytes, but each takes 660 s: another one is faster",
            6_300: "that is in seconds",
            20: "those are 20 rounds of sending; the clients also compute",
            30: "those are 30 rounds of sending; the clients also compute",
            75: "that is the computing of 30 rounds; the model also travels",
        },
    ),
    "fewest bytes is not fastest: the slower the link beside the device, the more local epochs.",
    [
        "A round takes epochs × 30 s + 60 s.",
        "90 s, 210 s and 660 s a round; times how many rounds?",
        "min(100 * 90, 30 * 210, 20 * 660) // 60",
    ],
)

ALL = [same_work, bytes_to, streamed_drift, pull, fastest]
