"""Exercises of lesson 02, where a participant's memory goes."""

from __future__ import annotations

from fedlab.exercises.framework import Exercise, function, number

adam = Exercise(
    "02.1",
    "A model has 25,000,000 float32 parameters in 100 tensors, all of them trained with Adam. How "
    "many **bytes** are parameters, gradients and optimizer state together?",
    lambda answer: number(
        answer,
        400_000_400,
        unit="B",
        wrong={
            400_000_000: "nearly: Adam counts its steps too, in 4 bytes for each tensor",
            300_000_000: "Adam keeps two numbers for each gradient, not one",
            300_000_400: "Adam keeps two numbers for each gradient, not one",
            200_000_000: "that is parameters and gradients; Adam keeps state of its own",
            100_000_100: "those are numbers; each takes 4 bytes",
            100_000_000: "those are the parameters alone",
            400_000_800: "a step counter is a float32: 4 bytes a tensor, not 8",
            500_000_400: "parameter, gradient, two moments: that is four numbers, not five",
        },
    ),
    "the famous four times the model, and 400 bytes that the rule forgets.",
    [
        "One number for the parameter, one for its gradient, and how many for Adam?",
        "Adam keeps two moments for each parameter, and a step counter of 4 bytes a tensor.",
        "Four numbers for each parameter, all float32, make the rule of thumb; then add what 100 "
        "counters weigh.",
    ],
)


activations = Exercise(
    "02.2",
    "Write `activations(batch, widths)`: the bytes that a network of dense layers with ReLU "
    "between them saves for one backward pass of a cross-entropy loss, its batch left out. "
    "`activations(32, [784, 64, 10])` is the number of this lesson.",
    lambda answer: function(
        answer,
        [
            ((32, [784, 64, 10]), 9_476, "the network of this lesson: 32·64·4 + 32·10·4 + 4"),
            ((64, [784, 64, 10]), 18_948, "twice the batch; the loss still keeps one number more"),
            ((1, [784, 10]), 44, "without a hidden layer only the loss keeps something"),
            ((10, [784, 100, 50, 10]), 6_404, "two hidden layers; the 784 inputs are the batch"),
        ],
        name="activations",
    ),
    "the first width is not in it: that is the batch, and it is counted there.",
    [
        "Each hidden layer's output is kept once, in float32, for each example.",
        "The loss keeps its log-probabilities (the last width) and one number of 4 bytes.",
        "Add up all widths but the first: that many float32 are kept for each example. One more "
        "float32 is kept for the whole batch.",
    ],
)


largest_batch = Exercise(
    "02.3",
    "A phone may use `budget` bytes. Parameters, gradients and optimizer state take `fixed`; every "
    "example of a batch takes `for_each_example` (itself and its activations). Write "
    "`largest_batch(budget, fixed, for_each_example)`: how many examples fit, 0 if none does.",
    lambda answer: function(
        answer,
        [
            ((10_000, 2_000, 100), 80, "8,000 bytes are left for examples of 100"),
            (
                (10_000, 2_000, 300),
                26,
                "8,000 / 300 is 26.67; part of an example is none",
            ),
            ((10_000, 9_950, 100), 0, "50 bytes are left, and one example takes 100"),
            ((10_000, 12_000, 100), 0, "the model alone does not fit; no batch is negative"),
        ],
        name="largest_batch",
    ),
    "and where it is 0 no batch size helps: another optimizer or a smaller model does.",
    [
        "What is left of the budget, divided by what an example takes.",
        "Whole examples: `//`. And never below 0.",
        "If the fixed part alone is too large, the division gives a negative number: max() of it "
        "and what?",
    ],
)


who_pays = Exercise(
    "02.4",
    "8 participants with 2 GB of data each, or 1,000 with 12 MB each, all training Dense "
    "784-64-10 (203,560 B). In the case that costs the **server** more, how many **bytes** of "
    "updates does it receive in a round?",
    lambda answer: number(
        answer,
        203_560_000,
        unit="B",
        wrong={
            1_628_480: "that is the case of the eight; the server pays for updates, not for data",
            16_000_000_000: "that is the data of the eight, which never leaves them",
            12_000_000_000: "that is the data of the thousand, which never leaves them",
            203_560: "that is one update; a thousand come in",
            203.56: "that is in MB; the question asks for bytes",
            407_120_000: "that counts the models that go out as well; the server receives updates",
        },
    ),
    "the participants' sum is larger with the eight, the server's with the thousand.",
    [
        "Data stays where it is. What comes to the server?",
        "One update from each participant, as large as the model.",
        "So the case with more participants costs the server more: how many updates of 203,560 B?",
    ],
)

ALL = [adam, activations, largest_batch, who_pays]
