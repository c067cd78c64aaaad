"""Exercises of lesson 01, what a model weighs."""

from __future__ import annotations

from typing import Any

from fedlab.exercises.framework import Exercise, function, number

wider = Exercise(
    "01.1",
    "How many **bytes** does a Dense 784-128-10 weigh in float32? Weights and biases count.",
    lambda answer: number(
        answer,
        407_080,
        unit="bytes",
        wrong={
            101_770: "that is the number of parameters; each is 4 bytes wide in float32",
            406_528: "the weights are right and the biases are missing: one for each output",
            203_540: "that is 2 bytes a parameter, float16; the question says float32",
            203_560: "that is the 784-64-10 of the lesson; here the hidden layer has 128 units",
            407.08: "that is in kB; the question asks for bytes",
            814_160: "that is 8 bytes a parameter, float64; the question says float32",
        },
    ),
    "twice the hidden units is nearly, not exactly, twice the bytes: the ten output biases stay.",
    [
        "A dense layer from n inputs to m outputs has n × m weights and m biases.",
        "784 × 128 + 128 for the first layer, 128 × 10 + 10 for the second.",
        "That makes 101,770 parameters. How wide is one in float32?",
    ],
)


to_megabytes = Exercise(
    "01.2",
    "Write `to_megabytes(mebibytes)`: the same size in MB (10⁶ bytes), nothing rounded.",
    lambda answer: function(
        answer,
        [
            ((1.0,), 1.048576, "one MiB is 2²⁰ = 1,048,576 bytes"),
            ((53.6640625,), 56.270848, "do not round on the way"),
            ((0.0,), 0.0, "nothing stays nothing"),
        ],
        name="to_megabytes",
    ),
    "4.9 % lies between MB and MiB, 7.4 % between GB and GiB, 10 % between TB and TiB.",
    [
        "Go by way of bytes: MiB to bytes, then bytes to MB.",
        "A MiB is 2**20 bytes and a MB is 10**6 bytes.",
        "Multiply by the bytes of one unit and divide by the bytes of the other: which is which?",
    ],
)


def _check_state_dict_bytes(answer: Any) -> str | None:
    import torch

    layer = torch.nn.Linear(3, 2)
    half = torch.nn.Linear(3, 2).half()
    norm = torch.nn.BatchNorm1d(4)
    cases = [
        ((layer.state_dict(),), 32, "a Linear(3, 2) holds 3 × 2 + 2 numbers of 4 bytes"),
        ((half.state_dict(),), 16, "ask each tensor for its element_size(): halves are 2 bytes"),
        ((norm.state_dict(),), 72, "a BatchNorm's buffers count, and its counter is an int64"),
    ]
    return function(answer, cases, name="state_dict_bytes")


state_dict_bytes = Exercise(
    "01.3",
    "Write `state_dict_bytes(state_dict)`: element size × number of elements, summed over a "
    "PyTorch state dict, whatever the dtypes in it.",
    _check_state_dict_bytes,
    "this is the sum of the bandwidth lesson, and what a federated round sends.",
    [
        "A state dict is a dictionary: its values() are the tensors.",
        "A tensor knows element_size(), in bytes, and numel().",
        "Multiply the two for each tensor, and let sum() go over all of them in one expression.",
    ],
)


_MATRIX = 32_000 * 512  # numbers in the shared matrix of `tied`

tied = Exercise(
    "01.4",
    "A language model reads and writes with one matrix of 32,000 words × 512 numbers, in float16. "
    "Its state dict lists the matrix twice, and a server sends it so to 10 clients. How many "
    "**bytes** of that round's downlink are the second listing?",
    lambda answer: number(
        answer,
        10 * 2 * _MATRIX,
        unit="bytes",
        wrong={
            10 * _MATRIX: "those are numbers; each is 2 bytes wide in float16",
            10 * 4 * _MATRIX: "that is either both listings or float32; one listing, 2 bytes each",
            2 * _MATRIX: "that is one client; the server sends it to ten",
            4 * _MATRIX: "that is one client, and with 4 bytes a number or two listings; see again",
            327.68: "that is in MB; the question asks for bytes",
        },
    ),
    "a third of a gigabyte for a name: `size_of` counts the matrix once, a careless sender twice.",
    [
        "What does one copy of the matrix weigh? float16 is half as wide as float32.",
        "Only the second listing is asked for, and it goes to every client.",
        "Numbers in the matrix, times the width of one, times the clients: three factors, of which "
        "the first is itself a product.",
    ],
)

ALL = [wider, to_megabytes, state_dict_bytes, tied]
