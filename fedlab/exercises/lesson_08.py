"""Exercises of lesson 08, fewer layers."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fedlab.exercises.framework import Exercise, UntouchedError, called, function, number

if TYPE_CHECKING:
    import torch

_MINILM = 90_264_584  # bytes of all of it, head included
_LORA = 297_992  # bytes of the lesson's adapters and head

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
        },
    ),
    "the head grows with the classes alone. The model in front of it may be of any size.",
    [
        "A linear layer has a weight for each input and class, and a bias for each class.",
        "384 × 10 weights and 10 biases, in float32.",
        "(384 + 1) * 10 * 4",
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
        "sum(4 * rank * (d_out + d_in) for d_out, d_in in shapes)",
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
    return sum(4 * p.numel() for p in layer.parameters())


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
        "for layer in reversed(layers): ...; layer.requires_grad_(fits)",
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
    print(f"yours: {sent:,} B, {off:.0%} away from the mean of the products")
    print(f"best known: {least:,} B, exact; one client's own factors: {one:,} B")
    if not off < 1e-5:  # NaN is not
        return f"B @ A is {off:.0%} away from the mean of the products"
    if sent > least:
        return f"exact, in {sent:,} B; {least:,} B are enough"
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
        "np.hstack([b for b, _ in pairs]) / len(pairs), np.vstack([a for _, a in pairs])",
    ],
)


newcomers = Exercise(
    "08.5",
    "Every phone takes part in one round and never again, and none has MiniLM: it downloads all of "
    "it (90,264,584 B), then receives and sends what LoRA trains (297,992 B). By what **factor** "
    "is all traffic smaller than with the whole model both ways? (Two decimals.)",
    lambda answer: number(
        answer,
        1.98688,
        unit="times",
        within=0.003,
        wrong={
            _MINILM / _LORA: "the first download is on the bill too, for every phone",
            2.0: "nearly: the adapters travel as well, both ways",
            0.5033: "turn it round: how many times smaller",
            2 * _MINILM / (_MINILM + _LORA): "the adapters travel both ways",
        },
    ),
    "nearly 2, as for any cut of the uplink alone. Few layers pay where the clients come back, or "
    "come with the model.",
    [
        "Bytes of one phone: both ways with the whole model, over download and adapters.",
        "2 × 90,264,584 over (90,264,584 + 2 × 297,992).",
        "2 * 90_264_584 / (90_264_584 + 2 * 297_992)",
    ],
)

ALL = [head, adapters, thaw, exact_mean, newcomers]
