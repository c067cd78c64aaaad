"""Exercises of lesson 07, smaller updates."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fedlab.codecs import parse
from fedlab.exercises.framework import Exercise, called, number
from fedlab.ledger import Ledger

if TYPE_CHECKING:
    import pandas as pd

_BUDGET = 2_000  # bytes, in the check of `own_codec`
_BEST = "topk:0.0264|int4"  # of the library's codecs within the budget, found by trying

Array: TypeAlias = NDArray[Any]


bill = Exercise(
    "07.1",
    "Pythia-14m's embedding is a float32 tensor of shape (50304, 128). How many **bytes** does "
    "`topk:0.01` make of its update, header included?",
    lambda answer: number(
        answer,
        parse("topk:0.01").size((50_304, 128)),
        unit="bytes",
        wrong={
            515_112: "add the header: 24 bytes, 4 a dimension, and the codec's text",
            386_375: "that has positions of 2 bytes, which count to 65,535; here they need 4",
            386_334: "positions of 2 bytes count to 65,535; and add the header",
            257_597: "each kept value also needs its position",
            25_755_648: "that is the dense update",
            515_144: "the codec's text is in the header too",
            515_145: "the dimensions are in the header too, 4 bytes each",
        },
    ),
    "beyond 65,536 values a position takes 4 bytes, as much as the value itself.",
    [
        "k × (value + position) + header. Is 2 bytes enough for a position here?",
        "64,389 values are kept. Each costs 4 bytes, and as many for its position.",
        "Before the 64,389 × 8 bytes comes the header: 24, and 4 for each dimension. One more part "
        "of it is missing here.",
    ],
)


def _update() -> Array:
    """A tensor as long-tailed as an update; (64, 784) float32."""
    return np.float32(0.01) * np.random.default_rng(7).standard_t(3, (64, 784)).astype(np.float32)


def _error(decoded: Array, update: Array) -> float:
    return float(np.linalg.norm(decoded - update) / np.linalg.norm(update))


def _of_the_lesson(update: Array) -> float:
    """The error of top-k with values of 4 bytes and positions of 2, in the same bytes."""
    left_out = np.sort(np.abs(update), axis=None)[: -(_BUDGET // 6)]
    return float(np.linalg.norm(left_out) / np.linalg.norm(update))


def _check_own_codec(answer: Any) -> str | None:
    if not isinstance(answer, tuple) or len(answer) != 2:
        return f"expected the pair (encode, decode), got a {type(answer).__name__}"
    encode, decode = answer
    update = _update()
    (blob,) = called(encode, [(update.copy(),)], name="encode")
    if not isinstance(blob, bytes):
        return f"encode is to return bytes, got a {type(blob).__name__}: numpy's tobytes() helps"
    if len(blob) > _BUDGET:
        return (
            f"that is {len(blob):,} B, more than {_BUDGET:,}: keep fewer values, or narrower ones"
        )
    (decoded,) = called(decode, [(blob, update.shape)], name="decode")
    if not isinstance(decoded, np.ndarray) or decoded.shape != update.shape:
        got = decoded.shape if isinstance(decoded, np.ndarray) else type(decoded).__name__
        return f"decode is to return an array of shape {update.shape}, got {got}"
    best, error, plain = parse(_BEST), _error(decoded, update), _of_the_lesson(update)
    least = best.encode(update, seed=0)
    known = _error(best.decode(least, update.shape), update)
    print(f"yours: {len(blob):,} B, relative error {error:.3f}")
    print(f"the lesson's, in {_BUDGET:,} B: {plain:.3f}")
    print(f"best known, {best}: {len(least):,} B, {known:.3f}")
    if not error <= 1.001 * plain:  # NaN is not
        return f"the relative error is {error:.3f}; the lesson's own codec has {plain:.3f}"
    return None


own_codec = Exercise(
    "07.2",
    "Write `encode(update)`, which returns bytes, and `decode(blob, shape)`, which returns a "
    "float32 array. The update is a (64, 784) float32 tensor. It is scored in **bytes and error**: "
    f"at most {_BUDGET:,} bytes, and a relative error no larger than that of the lesson's top-k in "
    "as many bytes. How far are you from the best we know?",
    _check_own_codec,
    "what is saved on a value pays for another value.",
    [
        "The lesson's codec pays 4 bytes for a value and 2 for its position: 333 of them. Which of "
        "the two can be narrower?",
        "With float16 values 500 of them fit. With int8 and one scale, more.",
        "np.argsort of the sizes gives positions, from the smallest value to the largest: keep the "
        "last 500. Two astype() and two tobytes() make the message.",
    ],
)


# what arrives in the two cases of `_check_arrived`, and what does with a known mistake
_ARRIVED = ([9.0, -2.4, 1.25], [-1.5019, 8.9717, 2.1103, -9.1625, -4.8448, 9.2919])
_MISTAKEN = {
    "that is without error feedback: keep what was not sent, add it to what comes": (
        [10.0, 0.0, 0.0],
        [-3.4213, 7.0855, -0.0734, -7.5227, -1.8375, 4.3762],
    ),
    "largest is meant without the sign: −0.3 is larger than 0.125": (
        [10.0, 0.0, 1.0],
        [2.7665, 9.3947, 4.4736, 0.5862, 0.0, 9.4229],
    ),
    "the residual is what was wanted and not sent; an older residual is part of what was wanted": (
        [10.0, 0.0, 0.0],
        [-1.7214, 7.5204, -1.3026, -8.7989, -1.3758, 6.7794],
    ),
    "the old residual is in what was wanted already: it is counted twice": (
        [44.0, -13.2, 20.0],
        [76361.3424, 107317.3434, -114268.8701, 167325.1500, -71822.6447, 162453.6949],
    ),
    "add the residual first, then choose the k largest": (
        [10.0, 0.0, 0.0],
        [-1.5019, 9.2471, 1.7033, -10.1892, -4.8448, 9.2919],
    ),
    "that is all of it: only k values travel in each round": (
        [10.0, -3.0, 1.25],
        [-0.8887, 9.3947, 1.7033, -9.1625, -4.8448, 9.4229],
    ),
}


def _check_arrived(answer: Any) -> str | None:
    given = [([np.array([1.0, -0.3, 0.125]) for _ in range(10)], 1)]
    given += [(list(np.random.default_rng(0).standard_normal((30, 6))), 2)]
    totals = called(answer, given, name="arrived")
    for right, total in zip(_ARRIVED, totals, strict=True):
        if not isinstance(total, np.ndarray) or total.shape != (len(right),):
            return f"expected an array of shape ({len(right)},), got a {type(total).__name__}"
    for why, known in (_MISTAKEN | {"": _ARRIVED}).items():
        if all(np.allclose(k, t, atol=1e-3) for k, t in zip(known, totals, strict=True)):
            return why or None
    right, total = next(
        case for case in zip(_ARRIVED, totals, strict=True) if not np.allclose(*case, atol=1e-3)
    )
    return f"expected {np.array(right[:3])} first, got {np.round(total[:3], 3)}"


arrived = Exercise(
    "07.3",
    "Write `arrived(updates, k)`: what a server has received in all when a client has one update "
    "after the other (arrays of one dimension), and sends of each the `k` values of largest size, "
    "**with error feedback**. Return the sum of what was sent, an array.",
    _check_arrived,
    "what has not arrived yet is the last residual, and it does not grow with the rounds.",
    [
        "Keep two arrays: what arrived so far, and the residual.",
        "What a client wants to send is its update and the residual together; the k largest of "
        "these, by size without sign, are sent.",
        "What was wanted and not sent is the new residual. It takes the old one's place, since the "
        "old one is in what was wanted.",
    ],
)


positions = Exercise(
    "07.4",
    "1 % of Pythia-14m's 14,067,712 values are kept, 140,677 of them, evenly spread. What is the "
    "least that their **positions** take on average, in **kB** (10³ bytes)? (Within 1 %.)",
    lambda answer: number(
        answer,
        142.07,
        unit="kB",
        within=0.01,
        wrong={
            562.7: "that is 4 bytes a position; what is the entropy?",
            417.5: "that is log₂(n) bits a position: it also says in which order they come",
            1758.5: "that is one bit a value, kept or not; most of these bits say the same",
            1136.6: "those are bits; a byte is 8 of them",
            98.48: "those are nats: the natural logarithm, divided by ln 2, is bits",
            142_000.0: "those are bytes; the question asks for kB",
            138.7: "those are KiB; kB are 10³ bytes",
        },
    ),
    "a quarter of the 4 bytes that a plain position takes: 8.08 bits.",
    [
        "How many ways are there to choose k of n positions?",
        "log₂ of n! / (k! (n − k)!) is the number of bits; math.lgamma(n + 1) is ln n!.",
        "One lgamma less two others is the natural logarithm. ln 2 turns it into bits, and from "
        "bits it is two more divisions to kB.",
    ],
)


_FULL, _KEPT = 203_560, 3_216  # bytes of Dense 784-64-10, and of its update as topk:0.01
_OLD = 2  # the client whose app is an older one


@cache
def metered_run() -> Ledger:
    """Three rounds with four clients; all but one compress their updates."""
    from flwr.app import Context, Message
    from flwr.clientapp.typing import ClientAppCallable

    from fedlab.exercises.small import small_federation
    from fedlab.mods import compress

    topk = compress("topk:0.01")

    def app_of_each(message: Message, context: Context, call_next: ClientAppCallable) -> Message:
        if context.node_config["partition-id"] == _OLD:
            return call_next(message, context)
        return topk(message, context, call_next)

    return small_federation(4).run(3, mods=[app_of_each]).ledger


def someones_bill() -> pd.DataFrame:
    """What somebody charges for `metered_run`."""
    import pandas as pd

    lines = {"models out": 12, "updates back": 12}
    rows = {line: [count, f"{_FULL:,}", f"{count * _FULL:,}"] for line, count in lines.items()}
    rows["total"] = [24, "", f"{24 * _FULL:,}"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=["messages", "each", "bytes"])


def _check_bill(answer: Any) -> str | None:
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        return "expected two things, (node, bytes), as in (0, 1_000_000)"
    node, size = answer
    up = 9 * _KEPT + 3 * _FULL
    if wrong := number(
        size,
        12 * _FULL + up,
        unit="bytes",
        wrong={
            24 * _FULL: "that is the bill's own total; its second line was counted before "
            "compression",
            12 * (_FULL + _KEPT): "that takes every update for compressed; look at the ledger's "
            "replies one by one",
            24 * _KEPT: "the codec is on the updates alone; the models went out whole",
            12 * _KEPT + up: "the codec is on the updates alone; the models went out whole",
            up: "that is the second line put right; the question asks for the total",
            9 * (_FULL + _KEPT): "the client that does not compress moved bytes, too",
            12 * _FULL - up: "that is how much too much was charged; what is the right total?",
            metered_run().levels().record: "that is with headers and names; the bill is in payload",
            (12 * _FULL + up) / 10**6: "that is in MB; the question asks for bytes",
        },
    ):
        return wrong
    if node != _OLD:
        return f"the bytes are right; but node {node!r} is not it: whose replies are not smaller?"
    return None


debug_the_bill = Exercise(
    "07.5",
    "**Debug the bill.** Four clients, three rounds, Dense 784-64-10 (203,560 B), and an app that "
    "compresses its updates with `topk:0.01`. `ex.metered_run()` really runs it and returns the "
    "ledger. Beside it is what somebody charges for it. That bill is wrong, and one client still "
    "runs an older app. Answer with the pair (node, bytes): the node of the older app, and the "
    "corrected total of the bill in **bytes**.",
    _check_bill,
    "one client that does not compress sends more than the three others together. And the models "
    "that go out are most of the bill.",
    [
        "Compare each line of the bill with `ledger.downlink` and `ledger.uplink`.",
        "The updates were priced before compression. `ledger.table()` has a row for each message: "
        "which payloads are there among those that went up?",
        "Three kinds of message are on the right bill: models, compressed updates, and three "
        "updates as large as a model. The ledger adds them up for you.",
    ],
)

ALL = [bill, own_codec, arrived, positions, debug_the_bill]
