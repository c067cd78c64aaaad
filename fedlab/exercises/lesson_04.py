"""Exercises of lesson 04, what the server holds."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from fedlab.exercises.framework import Exercise, called, number
from fedlab.exercises.streamed import keeps
from fedlab.ledger import Ledger
from fedlab.memory import ServerMemory
from fedlab.units import Bytes

if TYPE_CHECKING:
    import pandas as pd

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
        "Two models of its own and two rounds of 200 updates; each is 25 MB.",
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
    if kept := keeps(answer, lambda count: _pairs([1] * count), size=_SIZE, what="updates"):
        return f"right, but {kept}"
    return None


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
        "Add the new weight to the total first. The share of the way is then the new weight over "
        "that total: all of the way for the first update, less and less for those that follow.",
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
        "Divide the larger share by the smaller one.",
    ],
)


_MODEL = 784 * 64 + 64 + 64 * 10 + 10  # parameters of 784-64-10, float32


@cache
def metered_run() -> Ledger:
    """Two rounds of FedAvg with five clients; client 3 runs out of memory in the second."""
    from flwr.app import Context, Message
    from flwr.clientapp.typing import ClientAppCallable
    from flwr.serverapp.strategy import FedAvg

    from fedlab.exercises.small import small_federation
    from fedlab.records import round_of

    def fail(message: Message, context: Context, call_next: ClientAppCallable) -> Message:
        if context.node_config["partition-id"] == 3 and round_of(message.content) == 2:
            raise MemoryError("out of memory in the third batch")
        return call_next(message, context)

    return small_federation(5).run(2, mods=[fail], strategy=FedAvg).ledger


def someones_bill() -> pd.DataFrame:
    """What somebody says the server of `metered_run` held at its peak."""
    import pandas as pd

    models = {
        "global model": 1,
        "initial model": 1,
        "updates of round 2": 5,
        "updates of round 1, still held": 5,
    }
    models["total"] = sum(models.values())
    rows = {line: [count, f"{count * 4 * _MODEL:,}"] for line, count in models.items()}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["models", "bytes"])


def _check_bill(answer: Any) -> str | None:
    if not isinstance(answer, tuple | list) or len(answer) != 3:
        return "expected three things, (node, round, bytes), as in (0, 1, 1_000_000)"
    node, round_, size = answer
    (missing,) = metered_run().failures
    one = 4 * _MODEL
    came = sum(t.direction == "up" and t.outcome == "ok" for t in metered_run())
    if wrong := number(
        size,
        (came + 2) * one,
        unit="bytes",
        wrong={
            (came + 3) * one: "that is the bill's own total; which of its updates never came?",
            (came + 1) * one: "a client that failed in one round did answer in the other",
            came * one: "those are the updates that came; the server holds two models of its own",
            one: "that is the update that never came; what is left of the bill without it?",
            int(metered_run().traffic): "that is what travelled; the bill is about what is held",
            came + 2: "that is in models; the question asks for bytes",
        },
    ):
        return wrong
    if node != missing.node:
        return f"the bytes are right; but node {node!r} is not the one, see ledger.failures"
    if round_ != missing.round:
        return f"the bytes are right; but what is missing is missing in another round than {round_}"
    return None


debug_the_bill = Exercise(
    "04.4",
    "**Debug the bill.** Five clients, two rounds, Dense 784-64-10 (203,560 B), and FedAvg, which "
    "keeps its updates in a list. `ex.metered_run()` really runs it and returns the ledger. Beside "
    "it is what somebody says the server held at its peak. One update on that bill never came. "
    "Answer with the triple (node, round, bytes): whose it is, of which round, and how many "
    "**bytes** the server really held.",
    _check_bill,
    "who sends nothing is not held: the ledger's failures are no part of a list of updates.",
    [
        "The ledger has a row for every reply. Did they all arrive? Look at outcome and payload.",
        "`ledger.failures` has one entry, with its node and round. The other round is as billed.",
        "Take one update off the line of that round, and none off the other three lines.",
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
            0.8: "the index is an int32, 4 bytes, not 8",
        },
    ),
    "the narrower the values, the more an index weighs beside them.",
    [
        "How many bytes does one weight cost dense, and how many does one that stays cost sparse?",
        "Dense: 2 × n. Sparse: 6 bytes for each of the (1 − zeros) × n that stay. When are they "
        "equal?",
        "A third may stay, for it costs three times as much. The question asks for the others.",
    ],
)

ALL = [bill, running_mean, overstated, debug_the_bill, sparse_enough]
