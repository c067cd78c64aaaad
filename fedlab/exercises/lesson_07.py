"""Exercises of lesson 07, smaller updates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fedlab.codecs import parse
from fedlab.exercises.framework import Exercise, called, number

_BUDGET = 2_000  # bytes, in the check of `own_codec`
_BEST = "topk:0.0264|int4"  # of the library's codecs within the budget, found by trying
_ARRIVED = (  # what has arrived in the check of `arrived`
    np.array([9.0, -2.4, 1.25]),
    np.array([-1.5019, 8.9717, 2.1103, -9.1625, -4.8448, 9.2919]),
)

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
            515_121: "the dimensions are in the header too, 4 bytes each",
        },
    ),
    "beyond 65,536 values a position takes 4 bytes, as much as the value itself.",
    [
        "k × (value + position) + header. Is 2 bytes enough for a position here?",
        "k is 64,389; value and position are 4 bytes each; the header is 24 + 4 × 2 + 9.",
        "24 + 8 + 9 + 64_389 * 8",
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
        "Keep np.argsort(np.abs(flat))[-500:], as float16 values and uint16 positions.",
    ],
)


def _without_feedback(updates: Sequence[Array], k: int) -> Array:
    total = np.zeros_like(updates[0])
    for update in updates:
        largest = np.argsort(np.abs(update))[-k:]
        total[largest] += update[largest]
    return total


def _check_arrived(answer: Any) -> str | None:
    random = np.random.default_rng(0)
    constant = [np.array([1.0, -0.3, 0.125])] * 10
    cases = [(constant, 1), (list(random.standard_normal((30, 6))), 2)]
    copies = [([u.copy() for u in updates], k) for updates, k in cases]
    totals = called(answer, copies, name="arrived")
    for (updates, k), right, total in zip(cases, _ARRIVED, totals, strict=True):
        if not isinstance(total, np.ndarray) or total.shape != right.shape:
            return f"expected an array of shape {right.shape}, got a {type(total).__name__}"
        if np.allclose(total, right, atol=1e-4):
            continue
        if np.allclose(total, _without_feedback(updates, k)):
            return "that is without error feedback: keep what was not sent, add it to what comes"
        if np.allclose(total, sum(updates)):
            return "that is all of it: only k values travel in each round"
        return f"expected {np.round(right[:3], 3)} first, got {np.round(total[:3], 3)}"
    return None


arrived = Exercise(
    "07.3",
    "Write `arrived(updates, k)`: what a server has received in all when a client has one update "
    "after the other (arrays of one dimension), and sends of each the `k` values of largest size, "
    "**with error feedback**. Return the sum of what was sent, an array.",
    _check_arrived,
    "what has not arrived yet is the last residual, and it does not grow with the rounds.",
    [
        "Keep two arrays: what arrived so far, and the residual.",
        "In each round: wanted = update + residual; the k largest of wanted are sent.",
        "residual = wanted - sent, where sent is zero but for the k values.",
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
            142_000.0: "those are bytes; the question asks for kB",
            138.7: "those are KiB; kB are 10³ bytes",
        },
    ),
    "a quarter of the 4 bytes that a plain position takes: 8.08 bits.",
    [
        "How many ways are there to choose k of n positions?",
        "log₂ of n! / (k! (n − k)!) is the number of bits; math.lgamma(n + 1) is ln n!.",
        "(math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)) / math.log(2) / 8000",
    ],
)


both_ways = Exercise(
    "07.5",
    "A chain makes the uplink 120 times smaller, and the model goes out in float16 instead of "
    "float32. By what **factor** does the traffic of both ways together shrink? (Within 1 %.)",
    lambda answer: number(
        answer,
        3.9344,
        unit="times",
        within=0.01,
        wrong={
            61: "that is the mean of the two factors; add up the bytes",
            122: "factors do not add up; bytes do",
            240: "factors multiply on the same bytes; these are two links",
            120: "that is the uplink alone",
            2 / (1 + 1 / 120): "that has the downlink still in float32",
            0.25417: "that is the new traffic as a share of the old; turn it round",
        },
    ),
    "what is left is nearly all downlink.",
    [
        "Write both links before and after, in models.",
        "Before: 1 + 1. After: 1/2 + 1/120.",
        "2 / (1/2 + 1/120)",
    ],
)

ALL = [bill, own_codec, arrived, positions, both_ways]
