"""Exercises of lesson 03, batched training."""

from __future__ import annotations

import math
from collections import deque
from itertools import islice
from typing import Any

import numpy as np

from fedlab.exercises.framework import Exercise, called, number
from fedlab.meters import traced_peak
from fedlab.units import Bytes

EXAMPLE = 50_440  # bytes of activations that one example leaves in mnist_cnn
ROW = 784 * 4 + 8  # bytes of one example of MNIST


batch_of_128 = Exercise(
    "03.1",
    "How many **bytes** of activations does a batch of 128 digits leave in `mnist_cnn`?",
    lambda answer: number(
        answer,
        128 * EXAMPLE + 4,
        unit="bytes",
        wrong={
            128 * EXAMPLE: "nearly: what does a step keep once, however large its batch is?",
            128 * (EXAMPLE + 4): "the loss keeps its 4 bytes once a batch, not once an example",
            128 * 296 + 4: "that is the dense network's; the question is about the CNN",
            128 * EXAMPLE + 4 + 128 * ROW: "that includes the batch itself; only activations",
            4 * (32 * EXAMPLE + 4): "a batch of 128 has one loss, not four",
        },
    ),
    "four times a batch of 32, less the three losses that are not there.",
    [
        "The lesson counted what one example leaves, and what one loss keeps.",
        "50,440 bytes an example, and 4 bytes a batch.",
        "128 digits leave 128 times as much as one, and then there is the loss: once for the "
        "batch, whatever its size.",
    ],
)


def _check_fewest_parts(answer: Any) -> str | None:
    fixed, each = 84_156, EXAMPLE + ROW  # the lesson's CNN with Adam, its data on disk
    cases = [
        (4000, 10_000_000, fixed, each),
        (4000, 300_000_000, fixed, each),
        (4000, fixed + 500 * each, fixed, each),  # 8 parts fit to the byte
        (4000, fixed + 500 * each - 1, fixed, each),
        (10, fixed + 4 * each, fixed, each),
    ]
    given = called(answer, cases, name="fewest_parts")
    for parts, (size, budget, *costs) in zip(given, cases, strict=True):
        if wrong := _not_the_fewest(parts, size, budget, *costs):
            return f"fewest_parts({size}, {budget}, {fixed}, {each}) gave {parts!r}: {wrong}"
    return None


def _not_the_fewest(parts: Any, size: int, budget: int, fixed: int, each: int) -> str | None:
    """Score a number of parts by the bytes its largest one needs; None when it is right."""
    if isinstance(parts, bool) or not isinstance(parts, int) or not 1 <= parts <= size:
        return f"expected a whole number of parts, 1 to {size}"
    largest = math.ceil(size / parts)
    needed = Bytes(fixed + largest * each)
    if needed > budget:
        return f"{largest} examples need {needed:,} B, {needed - budget:,} B more than the budget"
    if parts > 1 and fixed + math.ceil(size / (parts - 1)) * each <= budget:
        return f"{needed:,} B are within the budget, but {parts - 1} parts are too"
    return None


fewest_parts = Exercise(
    "03.2",
    "A step of `size` examples is accumulated in parts, as equal as can be. A part needs `fixed` "
    "bytes, and `per_example` more for each of its examples. Write "
    "`fewest_parts(size, budget, fixed, per_example)`: the smallest number of parts whose largest "
    "needs at most `budget` bytes. (One example always fits.) Scored in bytes: within the budget, "
    "and with no more parts than that takes.",
    _check_fewest_parts,
    "whatever the budget, the step is the same: memory decides the parts, not the training.",
    [
        "How many examples fit beside the fixed bytes?",
        "What is left of the budget beside the fixed bytes, divided by what one takes and rounded "
        "down: so many go into a part.",
        "Then the number of parts is size over that, rounded up. Whole numbers are rounded up with "
        "math.ceil, or by dividing the negative number and turning the sign back.",
    ],
)


def _check_batches(answer: Any) -> str | None:
    called(answer, [(5, 5)], name="batches")
    for count, size in ((5, 5), (6, 3), (10, 4), (3, 8)):
        parts = [np.asarray(part).tolist() for part in islice(answer(count, size), count + 1)]
        right = [list(range(at, min(at + size, count))) for at in range(0, count, size)]
        if parts != right:
            return f"batches({count}, {size}) gave {parts}, expected {right}: {_why(parts, count)}"
    count, size = 1_000_000, 1000
    with traced_peak() as peak:
        deque(islice(answer(count, size), count), maxlen=0)  # keeps none of them
    one = Bytes(8 * size)
    if peak.size > 4 * one:
        return (
            f"the indices are right, but {count:,} of them in batches of {size:,} took "
            f"{peak.size.short} at the peak, where one batch is {one.short}: make each batch when "
            "it is asked for (yield)"
        )
    return None


def _why(parts: list[list[int]], count: int) -> str:
    held = sorted(index for part in parts for index in part)
    if missing := sorted(set(range(count)) - set(held)):
        return f"example {missing[0]} is in no batch; the last one may be smaller"
    if len(held) > count:
        return "an index is there twice, or is that of no example"
    return "each batch is full but the last, and they come in order"


batches = Exercise(
    "03.3",
    "Write `batches(count, size)`: the indices 0 to count − 1 in order, in arrays of `size`; the "
    "last may be smaller. Each example exactly once. Scored in memory: with a million examples it "
    "may hold a few batches, not all of them.",
    _check_batches,
    "a generator holds the batch it is at. A shuffled one must hold the order too, 8 bytes an "
    "example.",
    [
        "range(0, count, size) gives the first index of each batch; the last index is at most "
        "count − 1.",
        "A list of all batches holds every index: yield them one at a time, each from np.arange.",
        "For each first index, yield np.arange from it up to the smaller of two ends: a full batch "
        "further on, or the last index of all.",
    ],
)


def _check_shares(answer: Any) -> str | None:
    cases = [(8, 4), (10, 4), (3, 8), (100, 32)]
    given = called(answer, cases, name="shares")
    for result, (count, micro) in zip(given, cases, strict=True):
        sizes = [min(micro, count - start) for start in range(0, count, micro)]
        shown = " + ".join(map(str, sizes))
        got = [float(share) for share in result]
        if len(got) != len(sizes):
            return (
                f"shares({count}, {micro}) gave a list of {len(got)}: {count} examples are {shown}"
            )
        if not all(math.isclose(g, s / count) for g, s in zip(got, sizes, strict=True)):
            return f"shares({count}, {micro}) gave {got}: {_weights(got, shown, count)}"
    return None


def _weights(got: list[float], shown: str, count: int) -> str:
    if not math.isclose(sum(got), 1):
        return f"the shares of {shown} examples should add up to 1, these are {sum(got):.3g}"
    return f"the parts have {shown} examples: each weighs as much as its part of the {count}"


shares = Exercise(
    "03.4",
    "A step of `count` examples goes through the model in parts of `micro`, the last one smaller "
    "if need be, and each part's loss is a **mean**. Write `shares(count, micro)`: the list of "
    "what each mean must be multiplied with, so that the gradients add up to the whole step's.",
    _check_shares,
    "equal weights would give the few examples of the last part too much say. In lesson 04 the "
    "server makes this very choice between clients.",
    [
        "The whole step's loss is the mean over all examples: a sum over count.",
        "A part's mean is its sum over its own size: multiply with size / count.",
        "Go through the starts 0, micro, 2 × micro, … A part has micro examples, or as many as are "
        "left from its start on, whichever is less; its share is that over all examples.",
    ],
)


from_disk = Exercise(
    "03.5",
    "A million digits lie on disk: 784 float32 numbers and an int64 label each. They are trained "
    "on in shuffled batches of 32. How many **bytes** of data are in memory at a time, the order "
    "of the epoch included?",
    lambda answer: number(
        answer,
        8 * 10**6 + 32 * ROW,
        unit="bytes",
        wrong={
            32 * ROW: "that is the batch; a shuffled epoch also holds its order",
            8 * 10**6: "that is the order; the batch at hand is in memory too",
            8 * 10**6 + 32 * 784 * 4: "nearly: each example brings its label along",
            8 * 10**6 + 32 * 784 * 8: "the pixels are float32, 4 bytes each; and there are labels",
            10**6 * ROW: "that is the whole file, which is not read into memory",
            10**6 * ROW + 32 * ROW + 8 * 10**6: "that is the data in memory; here it is on disk",
        },
    ),
    "8 MB where the file has 3.1 GB, and nearly all of it is the order.",
    [
        "Two things are held: which example comes when, and the batch at hand.",
        "The order is an int64 for each example; the batch is 32 rows of pixels and label.",
        "A row has 784 pixels of 4 bytes and a label of 8. Add 32 of them to the order's 8 million "
        "bytes.",
    ],
)

ALL = [batch_of_128, fewest_parts, batches, shares, from_disk]
