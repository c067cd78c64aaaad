"""Exercises of lesson 09, fewer rounds."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from fedlab.exercises.framework import Exercise, called, function, number
from fedlab.exercises.streamed import keeps
from fedlab.ledger import Ledger

if TYPE_CHECKING:
    import pandas as pd

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
            16: "both ways are in the 40 GB already",
        },
    ),
    "the bill goes by rounds. Whether the model is as good for it is what the lesson measures.",
    [
        "100 rounds of one epoch are 100 local epochs. How many rounds of five is that?",
        "20 rounds. What do they cost, if 100 rounds cost 40 GB?",
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
        "enumerate(accuracies) counts from 0, as the rounds do here.",
        "Return at the first accuracy that is large enough: the rounds so far, times what one "
        "client moves both ways, times the clients. What is there to return after the loop?",
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
    if kept := keeps(answer, _models, size=_SIZE, what="models"):
        return f"right, but {kept}"
    return None


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
        "At the end, divide both sums by how many came. From the one take the squared length of "
        "the other, and then the root.",
    ],
)


_MODEL = 203_560  # bytes of Dense 784-64-10
_CRASHING, _FROM = 3, 4  # the client that crashes, and the first round in which it does
_NAN, _ONCE = 1, 2  # the client whose model diverges, and the one round in which it does


@cache
def metered_run() -> Ledger:
    """Six rounds with five clients, of which one diverges once and one crashes in the end."""
    from flwr.app import ArrayRecord, Context, Message
    from flwr.clientapp.typing import ClientAppCallable

    from fedlab.exercises.small import small_federation
    from fedlab.records import array_of, round_of

    def trouble(message: Message, context: Context, call_next: ClientAppCallable) -> Message:
        client, round_ = context.node_config["partition-id"], round_of(message.content)
        if client == _CRASHING and round_ >= _FROM:
            raise MemoryError("out of memory in local epoch 5")
        reply = call_next(message, context)
        if (client, round_) == (_NAN, _ONCE):
            trained = reply.content["arrays"]
            assert isinstance(trained, ArrayRecord)
            diverged = {n: array_of(a.numpy() * np.float32("nan")) for n, a in trained.items()}
            reply.content["arrays"] = ArrayRecord(diverged)
        return reply

    return small_federation(5, epochs=5).run(6, mods=[trouble]).ledger


def someones_bill() -> pd.DataFrame:
    """What somebody charges for `metered_run`."""
    import pandas as pd

    rows = {f"round {number}": [5, 5, f"{10 * _MODEL:,}"] for number in range(1, 7)}
    rows["total"] = [30, 30, f"{60 * _MODEL:,}"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=["down", "up", "bytes"])


def _check_bill(answer: Any) -> str | None:
    if not isinstance(answer, tuple | list) or len(answer) != 3:
        return "expected three things, (node, round, bytes), as in (0, 1, 1_000_000)"
    node, round_, size = answer
    if wrong := number(
        size,
        57 * _MODEL,
        unit="bytes",
        wrong={
            60 * _MODEL: "that is the bill's own total; which of its replies never came?",
            56 * _MODEL: "one reply too many is gone: the one that was rejected had travelled",
            59 * _MODEL: "it crashed in more than one round; and what was rejected had travelled",
            54 * _MODEL: "the client that crashed got its model each time: the instructions stay",
            53 * _MODEL: "the instructions travelled, and so did the reply that was rejected",
            48 * _MODEL: "it took part in all rounds, and answered in the first of them",
            58 * _MODEL: "one reply more never came: in how many rounds did it crash?",
            27 * _MODEL: "that is the uplink; the models went out, too",
            3 * _MODEL: "that is how much too much was charged; what is the right total?",
            57: "that is in models; the question asks for bytes",
            57 * _MODEL / 10**6: "that is in MB; the question asks for bytes",
        },
    ):
        return wrong
    if node == _NAN:
        return f"the bytes are right; but what node {_NAN} sent arrived, and was rejected"
    if node != _CRASHING:
        return f"the bytes are right; but node {node!r} answered in each round"
    if round_ != _FROM:
        return f"the bytes are right, and the node; but round {round_!r} is not its first failure"
    return None


debug_the_bill = Exercise(
    "09.4",
    "**Debug the bill.** Five clients, six rounds of five local epochs, Dense 784-64-10 "
    "(203,560 B). From some round on one client crashes in its last epoch. `ex.metered_run()` "
    "really runs it and returns the ledger. Beside it is what somebody charges for it. Answer with "
    "the triple (node, round, bytes): who crashes, in which round for the first time, and the "
    "corrected total of the bill in **bytes**.",
    _check_bill,
    "a crash costs a model down and saves a reply. What diverged had been sent: it is on the bill.",
    [
        "Compare the bill with `ledger.per_round()`. In which rounds do the bytes differ?",
        "`ledger.failures` has four entries, and they are not all alike: see outcome and payload.",
        "A reply that was rejected had travelled. Take off the bill what never came, and nothing "
        "else: everybody got a model in every round.",
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
        "The least of the three products is in seconds.",
    ],
)

ALL = [same_work, bytes_to, streamed_drift, debug_the_bill, fastest]
