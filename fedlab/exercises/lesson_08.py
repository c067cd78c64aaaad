"""Exercises of lesson 08, fewer layers."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fedlab.exercises.framework import Exercise, UntouchedError, called, function, number
from fedlab.ledger import Ledger
from fedlab.sizes import size_of

if TYPE_CHECKING:
    import pandas as pd
    import torch

Matrix: TypeAlias = NDArray[Any]


head = Exercise(
    "08.1",
    "MiniLM's hidden states are 384 numbers wide. Its head is to tell ten languages apart, and the "
    "head alone travels. How many **bytes** is one message?",
    lambda answer: number(
        answer,
        15_400,
        unit="bytes",
        wrong={
            3_850: "those are numbers; each is 4 bytes",
            15_360: "each class has a bias too",
            3_080: "that is the lesson's head, for two classes",
            30_800: "that is both ways; one message was asked for",
            3_840: "those are the weights' numbers: the biases are missing, and 4 bytes a number",
            7_700: "that is float16; it travels in float32",
        },
    ),
    "the head grows with the classes alone. The model in front of it may be of any size.",
    [
        "A linear layer has a weight for each input and class, and a bias for each class.",
        "384 × 10 weights and 10 biases, in float32.",
        "So there are 385 numbers for each of the ten languages. How many bytes is a float32?",
    ],
)


_PYTHIA = [(384, 128)] * 6

adapters = Exercise(
    "08.2",
    "Write `adapters(shapes, rank)`: the bytes of one message of LoRA in float32. `shapes` is the "
    "list of the adapted layers' weights, each (d_out, d_in).",
    lambda answer: function(
        answer,
        [
            ((_PYTHIA, 8), 98_304, "4 bytes × rank × (d_in + d_out), for each of 6 layers"),
            (([(4096, 4096)] * 64, 8), 16_777_216, "two targets in each of 32 layers"),
            (([(10, 20), (30, 40)], 1), 400, "layers may differ in shape: add them up one by one"),
            (([], 8), 0, "no layer, no bytes"),
        ],
        name="adapters",
    ),
    "it grows with the sum of a layer's widths, where the layer itself grows with their product.",
    [
        "A is rank × d_in, B is d_out × rank.",
        "Their sizes add up: rank · (d_in + d_out) numbers of 4 bytes.",
        "One term for each layer, its two widths added up: sum(… for d_out, d_in in shapes). What "
        "stands in place of the dots?",
    ],
)


def _layers(widths: Sequence[int]) -> list[torch.nn.Module]:
    import torch

    return [torch.nn.Linear(i, o) for i, o in pairwise(widths)]


# widths of the layers, budget, how many of the last layers fit, what is wrong otherwise
_BUDGETS: tuple[tuple[list[int], int, int, str], ...] = (
    ([64, 64, 64, 64, 10], 20_000, 2, "freeze the others, and thaw as many as fit"),
    ([64, 64, 64, 64, 10], 19_240, 2, "a budget that is used up to its last byte is kept"),
    ([64, 64, 64, 64, 10], 2_000, 0, "not even the last layer fits, so all are frozen"),
    ([64, 64, 500, 8], 40_000, 1, "the last layers: stop at the first one that does not fit"),
    ([64, 64, 10], 10**6, 2, "all fit, so all are trained"),
)


def _check_thaw(answer: Any) -> str | None:
    models = [_layers(widths) for widths, *_ in _BUDGETS]
    cases = [(layers, budget) for layers, (_, budget, *_) in zip(models, _BUDGETS, strict=True)]
    try:
        said = called(answer, cases, name="thaw")
    except UntouchedError:
        if all(_trained(layer) for layers in models for layer in layers):
            raise
        return "return the bytes that will travel"
    for returned, layers, (_, budget, fit, why) in zip(said, models, _BUDGETS, strict=True):
        sizes = [_size(layer) for layer in layers]
        what = f"layers of {', '.join(f'{size:,}' for size in sizes)} B, a budget of {budget:,} B"
        sent = sum(size for size, layer in zip(sizes, layers, strict=True) if _trained(layer))
        best = sum(sizes[len(sizes) - fit :])
        if sent > budget:
            return f"{what}: {sent:,} B require a gradient, more than the budget: {why}"
        if [_trained(layer) for layer in layers] != [
            n >= len(sizes) - fit for n in range(len(sizes))
        ]:
            return f"{what}: {sent:,} B require a gradient, expected the last {best:,} B: {why}"
        if not isinstance(returned, numbers.Integral) or returned != sent:
            return f"{what}: {sent:,} B will travel, and thaw returned {returned!r}"
        print(f"{len(layers)} layers, budget {budget:9,} B: {sent:6,} B travel, the best there is")
    return None


def _size(layer: torch.nn.Module) -> int:
    return int(size_of(list(layer.parameters())))


def _trained(layer: torch.nn.Module) -> bool:
    return any(p.requires_grad for p in layer.parameters())


thaw = Exercise(
    "08.3",
    "Write `thaw(layers, budget)`. `layers` is a list of torch modules in float32, from the input "
    "to the output. Set `requires_grad` so that as many of the **last** layers are trained as fit "
    "together into `budget` bytes, and all others are frozen; return the bytes that will travel. "
    "It is scored in **bytes**.",
    _check_thaw,
    "a budget in bytes decides how deep the training reaches.",
    [
        "Go from the end towards the input, and add up as you go.",
        "Once a layer did not fit, every layer before it is frozen, however small it is.",
        "Python's reversed() goes from the end. A variable remembers whether all layers so far did "
        "fit, and each layer's requires_grad_() takes its value.",
    ],
)


def _pairs() -> list[tuple[Matrix, Matrix]]:
    """Four clients' factors of rank 2, for a layer of 96 × 64."""
    draw = np.random.default_rng(8).standard_normal
    return [(draw((96, 2), np.float32), draw((2, 64), np.float32)) for _ in range(4)]


def _check_exact_mean(answer: Any) -> str | None:
    pairs = _pairs()
    mean = np.mean([b @ a for b, a in pairs], axis=0)
    least, one = 4 * sum(b.size + a.size for b, a in pairs), sum(m.nbytes for m in pairs[0])
    (got,) = called(answer, [([(b.copy(), a.copy()) for b, a in pairs],)], name="exact_mean")
    if not (isinstance(got, tuple) and [type(m) for m in got] == [np.ndarray] * 2):
        return f"expected the pair of arrays (B, A), got a {type(got).__name__}"
    b, a = got
    if b.ndim != 2 or a.ndim != 2 or (b.shape[0], a.shape[1], b.shape[1]) != (96, 64, len(a)):
        return f"expected B (96, r) and A (r, 64), got {b.shape} and {a.shape}"
    off = float(np.linalg.norm(b @ a - mean) / np.linalg.norm(mean))
    sent = b.nbytes + a.nbytes
    wide = " (those are float64)" if np.float64 in (b.dtype, a.dtype) else ""
    print(f"yours: {sent:,} B, {off:.0%} away from the mean of the products")
    print(f"best known: {least:,} B, exact; one client's own factors: {one:,} B")
    if not off < 1e-5:  # NaN is not
        return f"B @ A is {off:.0%} away from the mean of the products"
    if sent > least:
        return f"exact, in {sent:,} B{wide}; {least:,} B are enough"
    return None


exact_mean = Exercise(
    "08.4",
    "Write `exact_mean(pairs)`. Each pair is a client's (B, A), float32 arrays of shapes (96, 2) "
    "and (2, 64); all clients count alike. Return one pair (B, A), of a rank of your choice, whose "
    "product **is** the mean of the clients' products. It is scored in **bytes**: four clients, as "
    "few as you can.",
    _check_exact_mean,
    "the exact mean costs a downlink that grows with the clients. That is FLoRA (Wang et al., "
    "2024, arXiv:2409.05976), which stacks the factors.",
    [
        "B₁·A₁ + B₂·A₂ is one product, of matrices that are wider and taller.",
        "Put the Bs side by side (np.hstack) and the As on top of each other (np.vstack).",
        "The product is now the sum. Divide one of the two by the number of clients, not both.",
    ],
)


# bytes of each tensor of Dense 784-64-10, and which of them come back in `metered_run`
_TENSORS = {"0.weight": 200_704, "0.bias": 256, "2.weight": 2_560, "2.bias": 40}
_BACK = {"0.bias", "2.weight", "2.bias"}


@cache
def metered_run() -> Ledger:
    """Two rounds with four clients that get the whole model and send back what they trained."""
    from fedlab.exercises.small import small_federation
    from fedlab.models import seed_mlp
    from fedlab.mods import send_only, trainable

    def model() -> torch.nn.Module:
        network = seed_mlp()
        for name, parameter in network.named_parameters():
            parameter.requires_grad_(name in _BACK)
        return network

    federation = small_federation(4, model=model)
    return federation.run(2, mods=[send_only(trainable(model()))]).ledger


def someones_bill() -> pd.DataFrame:
    """What somebody charges for `metered_run`."""
    import pandas as pd

    both_ways = {name: 2 * 8 * size for name, size in _TENSORS.items()}
    rows = {name: [f"{_TENSORS[name]:,}", 8, 8, f"{size:,}"] for name, size in both_ways.items()}
    rows["total"] = ["", "", "", f"{sum(both_ways.values()):,}"]
    return pd.DataFrame.from_dict(
        rows, orient="index", columns=["bytes of it", "times down", "times up", "bytes"]
    )


def _check_bill(answer: Any) -> str | None:
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        return 'expected two things, (names, bytes), as in (["0.bias"], 1_000_000)'
    names, size = answer
    whole, back = sum(_TENSORS.values()), sum(_TENSORS[name] for name in _BACK)
    head = _TENSORS["2.weight"] + _TENSORS["2.bias"]
    if wrong := number(
        size,
        8 * whole + 8 * back,
        unit="bytes",
        wrong={
            16 * whole: "that is the bill's own total; which tensors do not come back?",
            8 * (whole + head): "that takes the last layer alone for what comes back; a reply in "
            "the ledger weighs more than that",
            16 * back: "the server sends all of the model, whatever is frozen",
            16 * head: "the server sends all of the model, whatever is frozen",
            8 * back: "that is the uplink; the models went out, too",
            8 * whole: "that is the downlink; the replies are missing",
            4 * (whole + back): "that is one round; there were two",
            8 * (whole - back): "that is how much too much was charged; what is the right total?",
            (8 * whole + 8 * back) / 10**6: "that is in MB; the question asks for bytes",
        },
    ):
        return wrong
    if isinstance(names, str) or not isinstance(names, tuple | list | set):
        return "the bytes are right; give the names as a list, even if it is one"
    if strange := [name for name in names if name not in list(_TENSORS)]:
        return f"the bytes are right; but the bill has no tensor {strange[0]!r}"
    if set(names) != _BACK:
        weight = sum(_TENSORS[name] for name in set(names))
        return f"the bytes are right; but these weigh {weight:,} B, and a reply {back:,} B"
    return None


debug_the_bill = Exercise(
    "08.5",
    "**Debug the bill.** Four clients, two rounds, Dense 784-64-10. The server sends all of the "
    "model, the clients send back what they trained. Something is frozen, and nobody remembers "
    "what. `ex.metered_run()` really runs it and returns the ledger. Beside it is what somebody "
    "charges for it. Answer with the pair (names, bytes): the list of the tensors that come back, "
    "and the corrected total of the bill in **bytes**.",
    _check_bill,
    "one frozen tensor was nearly half of the bill. What is left is nearly all downlink: the whole "
    "model, in each round.",
    [
        "Each line of the bill charges a tensor both ways. Compare their sums with "
        "`ledger.downlink` and `ledger.uplink`: which way is wrong?",
        "What does one reply weigh? `ledger.table()` has a row for each.",
        "It weighs less than the largest tensor, and more than the last layer. Which of the four "
        "sizes add up to it?",
    ],
)

ALL = [head, adapters, thaw, exact_mean, debug_the_bill]
