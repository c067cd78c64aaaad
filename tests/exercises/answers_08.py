"""Known wrong answers to the exercises of lesson 08, and what each is told."""

import numpy as np

from fedlab.exercises import lesson_08


def freeze_all(layers, budget):
    for layer in layers:
        layer.requires_grad_(False)
    return 0


def thaw_below_the_budget(layers, budget):
    return thaw_whatever_fits(layers, budget - 1)


def thaw_whatever_fits(layers, budget):
    sent = 0
    for layer in reversed(layers):
        size = 4 * sum(p.numel() for p in layer.parameters())
        layer.requires_grad_(sent + size <= budget)
        sent += size if sent + size <= budget else 0
    return sent


def exact_in_float64(pairs):
    wide, tall = lesson_08.exact_mean.solve()(pairs)
    return wide.astype(float), tall


def mean_and_identity(pairs):
    mean = np.mean([b @ a for b, a in pairs], axis=0)
    return mean, np.eye(64, dtype=np.float32)


WRONG = [
    ("08.1", 3_850, "each is 4 bytes"),
    ("08.1", 15_360, "a bias too"),
    ("08.1", 3_080, "two classes"),
    ("08.1", 30_800, "one message"),
    ("08.1", 3_840, "biases are missing"),
    ("08.1", 7_700, "in float32"),
    ("08.2", lambda shapes, rank: sum(rank * (o + i) for o, i in shapes), "4 bytes"),
    ("08.2", lambda shapes, rank: sum(4 * o * i for o, i in shapes), "(d_in + d_out)"),
    ("08.2", lambda shapes, rank: 4 * len(shapes) * rank * sum(shapes[0]), "IndexError"),
    ("08.3", lambda layers, budget: budget, "more than the budget"),
    ("08.3", freeze_all, "expected the last 19,240 B"),
    ("08.3", lambda *given: [freeze_all(*given), None][1], "return the bytes"),
    ("08.3", thaw_below_the_budget, "up to its last byte"),
    ("08.3", thaw_whatever_fits, "stop at the first one"),
    ("08.3", lambda *given: lesson_08.thaw.solve()(*given) + 1, "thaw returned 19241"),
    ("08.4", lambda pairs: tuple(np.mean(m, axis=0) for m in zip(*pairs, strict=True)), "away"),
    ("08.4", mean_and_identity, "exact, in 40,960 B"),
    ("08.4", exact_in_float64, "those are float64"),
    ("08.4", lambda pairs: np.mean([b @ a for b, a in pairs], axis=0), "got a ndarray"),
    ("08.4", lambda pairs: pairs[0][::-1], "expected B (96, r)"),
    ("08.5", 1_651_328, "expected two things"),
    ("08.5", ([], 16 * 203_560), "which tensors do not come back"),
    ("08.5", (["2.weight", "2.bias"], 8 * 203_560 + 8 * 2_600), "weighs more than that"),
    ("08.5", ([], 16 * 2_600), "whatever is frozen"),
    ("08.5", ([], 16 * 2_856), "whatever is frozen"),
    ("08.5", ([], 8 * 2_856), "the models went out"),
    ("08.5", ([], 8 * 203_560), "the replies are missing"),
    ("08.5", ([], 4 * (203_560 + 2_856)), "there were two"),
    ("08.5", ([], 8 * 200_704), "how much too much"),
    ("08.5", ([], 1.651328), "in MB"),
    ("08.5", (["2.weight", "2.bias"], 1_651_328), "weigh 2,600 B, and a reply 2,856 B"),
    ("08.5", (["head"], 1_651_328), "no tensor 'head'"),
    ("08.5", ("2.bias", 1_651_328), "as a list"),
]
