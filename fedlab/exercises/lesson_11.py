"""Exercises of lesson 11, TensorFlow Federated. Here numpy is enough, in either environment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fedlab.exercises.framework import Exercise, function, number

_DIGIT = 784 * 4 + 8  # bytes of a digit with its label
_LIMIT = 100 * 2**20  # bytes of a graph


uplink = Exercise(
    "11.1",
    "A client trains Dense 784-128-10 with the metrics of this lesson. How many **bytes** does it "
    "send in a round of TFF's federated averaging, in float32?",
    lambda answer: number(
        answer,
        407_116,
        unit="B",
        wrong={
            407_080: "that is the model; the client's metrics and its weight travel with it",
            407_084: "4 more bytes go down (the learning rate); up go metrics and a weight",
            203_596: "that is for 64 units in the middle; this network has 128",
            407_192: "twice 203,596: the second bias, the metrics and the weight do not double",
            101_770: "those are the parameters; each is 4 bytes, and more than the model travels",
            101_806: "each parameter is 4 bytes",
            814_232: "that is for two clients; one was asked for",
        },
    ),
    "36 bytes on 407,080: what TFF adds does not grow with the model.",
    [
        "Count parameters layer by layer, 4 bytes each. Then look up what else goes up.",
        "784 × 128 weights and 128 biases, 128 × 10 weights and 10 biases; each is 4 bytes.",
        "Add what TFF adds on the way up. It does not depend on the model, so the lesson's own "
        "number holds.",
    ],
)


def _check_packed(answer: Any) -> str | None:
    full = "28 bits of each int32 are used, and the smallest and largest value travel"
    cases = [
        ((50_176, 8), 57_352, full),
        ((50_176, 1), 7_176, "the same at 1 bit: 28 values in each int32"),
        ((640, 8), 740, "an int32 that is not full is sent whole: round up"),
        ((10, 2), 12, "20 bits take one int32, and two float32 travel beside it"),
    ]
    if callable(answer) and (slip := _slip(answer)):
        return slip
    return function(answer, cases, name="packed_bytes")


def _slip(answer: Callable[[int, int], Any]) -> str | None:
    """A known mistake in its own words."""
    got = answer(50_176, 8)
    known = {
        50_176: "that is one byte a value; TFF uses 28 bits of each int32",
        50_184: "that would be all 32 bits of each int32; TFF uses 28",
        57_344: "right for the packed values; their smallest and largest value travel too",
        57_348: "two float32 travel beside the packed values, the smallest and the largest",
        14_336: "those are int32 numbers; each is 4 bytes",
    }
    return known.get(got) if isinstance(got, int) else None


packed = Exercise(
    "11.2",
    "Write `packed_bytes(values, bits)`: the bytes in which TFF sends one tensor of so many values "
    "at so many bits. Each int32 carries 28 bits, values may lie across two of them, the last one "
    "may not be full, and the smallest and largest value go along as float32.",
    _check_packed,
    "at 8 bits that is 9.14 bits a value, and no tensor shrinks to nothing.",
    [
        "How many bits are there in all? How many int32 carry them?",
        "Round up: the last int32 is sent whole. math.ceil does, and so does // of a negative "
        "number, since -7 // 2 is -4.",
        "4 bytes for each of the int32, and as much for each of the two float32.",
    ],
)


graph = Exercise(
    "11.3",
    "A dataset from tensors holds digits of 784 float32 with an int64 label each. TFF takes graphs "
    "of up to 100 MiB, and beside the digits a graph has less than one kB. How many **digits** can "
    "such a dataset hold at most?",
    lambda answer: number(
        answer,
        _LIMIT // _DIGIT,
        unit="digits",
        wrong={
            100 * 10**6 // _DIGIT: "that is for 100 MB; the limit is 100 MiB",
            _LIMIT // (784 * 4): "each digit has a label, too",
            _LIMIT // (784 * 4 + 4): "the label is an int64",
            _LIMIT // _DIGIT + 1: "round down: the last one does not fit in whole",
            _LIMIT // 784: "a pixel is a float32",
            _LIMIT // 792: "a pixel is a float32",
        },
    ),
    "half of MNIST's 60,000 digits; a file has no such limit.",
    [
        "How many bytes is one digit with its label? How many is 100 MiB?",
        "784 float32 and an int64 make a digit; a MiB is 2^20 bytes.",
        "Divide, and keep whole digits: `//` rounds down.",
    ],
)


subrounds = Exercise(
    "11.4",
    "Write `subrounds(clients, each, memory)`: the smallest number of groups, so that a runtime "
    "that takes `each` bytes for every client of a group stays within `memory` bytes. At least one "
    "client fits.",
    lambda answer: function(
        answer,
        [
            ((100, 10, 200), 5, "20 clients fit at once, which makes 5 full groups"),
            ((101, 10, 200), 6, "the one that is left needs a group of its own: round up"),
            ((9, 60, 100), 9, "one whole client fits at once; none is split over two groups"),
            ((100, 11, 200), 6, "18 clients fit at once, and 100 of them make 6 groups"),
            ((5, 10, 2_000), 1, "all fit at once: one group"),
        ],
        name="subrounds",
    ),
    "the price is time: groups run one after the other.",
    [
        "How many whole clients fit at once?",
        "Divide memory by each, and round down. How many groups of that size do all clients make?",
        "A group that is not full is a group, too: the second division rounds up.",
    ],
)

ALL = [uplink, packed, graph, subrounds]
