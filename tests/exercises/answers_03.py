"""Known wrong answers to the exercises of lesson 03, and what each is told."""

import numpy as np


def all_batches_at_once(count, size):
    return np.split(np.arange(count), range(size, count, size))


def full_batches_alone(count, size):
    for start in range(0, count - size + 1, size):
        yield np.arange(start, start + size)


def batches_beyond_the_end(count, size):
    for start in range(0, count, size):
        yield np.arange(start, start + size)


WRONG = [
    ("03.1", 128 * 50_440, "what does a step keep once"),
    ("03.1", 128 * 50_444, "once a batch"),
    ("03.1", 128 * 296 + 4, "dense network's"),
    ("03.1", 128 * (50_440 + 3_144) + 4, "the batch itself"),
    ("03.1", 4 * (32 * 50_440 + 4), "one loss, not four"),
    ("03.2", lambda n, budget, fixed, each: -(-n * each // budget), "more than the budget"),
    ("03.2", lambda n, budget, fixed, each: n // ((budget - fixed) // each), "more than"),
    ("03.2", lambda n, budget, fixed, each: n, "3999 parts are too"),
    ("03.2", lambda n, budget, fixed, each: n / ((budget - fixed) / each), "whole number"),
    ("03.3", all_batches_at_once, "yield"),
    ("03.3", full_batches_alone, "example 8 is in no batch"),
    ("03.3", batches_beyond_the_end, "of no example"),
    ("03.3", lambda n, size: [np.arange(n)], "each batch is full but the last"),
    ("03.4", lambda n, micro: [micro / n] * -(-n // micro), "add up to 1"),
    ("03.4", lambda n, micro: [1 / -(-n // micro)] * -(-n // micro), "as its part of the 10"),
    ("03.4", lambda n, micro: [1.0], "gave a list of 1"),
    ("03.5", 100_608, "also holds its order"),
    ("03.5", 8_000_000, "the batch at hand"),
    ("03.5", 8_100_352, "its label"),
    ("03.5", 3_144_000_000, "not read into memory"),
]
