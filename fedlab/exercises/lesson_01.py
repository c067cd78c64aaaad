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
        },
    ),
    "twice the hidden units is nearly, not exactly, twice the bytes: the ten output biases stay.",
    [
        "A dense layer from n inputs to m outputs has n × m weights and m biases.",
        "784 × 128 + 128 for the first layer, 128 × 10 + 10 for the second.",
        "Multiply the 101,770 parameters by the width of a float32: 4 bytes.",
    ],
)


to_megabytes = Exercise(
    "01.2",
    "Write `to_megabytes(mebibytes)`: the same size in MB (10⁶ bytes), nothing rounded.",
    lambda answer: function(
        answer,
        [
            ((1.0,), 1.048576, "one MiB is 2²⁰ = 1,048,576 bytes"),
            ((53.6640625,), 56.27084800000000, "do not round on the way"),
            ((0.0,), 0.0, "nothing stays nothing"),
        ],
        name="to_megabytes",
    ),
    "4.9 % lies between MB and MiB, 7.4 % between GB and GiB, 10 % between TB and TiB.",
    [
        "Go by way of bytes: MiB to bytes, then bytes to MB.",
        "A MiB is 2**20 bytes and a MB is 10**6 bytes.",
        "return mebibytes * 2**20 / 10**6",
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
        "return sum(t.element_size() * t.numel() for t in state_dict.values())",
    ],
)


tied = Exercise(
    "01.4",
    "GPT-2 uses one matrix twice: as input embedding and as output layer. By how many **bytes** "
    "does its state dict, which lists both, outweigh the memory it holds?",
    lambda answer: number(
        answer,
        50_257 * 768 * 4,
        unit="bytes",
        wrong={
            50_257 * 768: "that is the number of shared parameters; each is 4 bytes",
            2 * 50_257 * 768 * 4: "once is in memory anyway: only the second listing is extra",
            652_148_736: "that is the whole state dict; subtract what memory holds",
            497_759_232: "that is what memory holds; subtract it from the state dict",
        },
    ),
    "and a transport that is not careful sends those 154 MB to every client, every round.",
    [
        'size_of("gpt2") counts tied weights once; what would count them each?',
        'size_of("gpt2", tied="each") is what the state dict lists.',
        'size_of("gpt2", tied="each") - size_of("gpt2")',
    ],
)

ALL = [wider, to_megabytes, state_dict_bytes, tied]
