"""Known wrong answers to the exercises of lesson 07, and what each is told."""

import numpy as np


def total_sent(updates, k, choose, left):
    """With error feedback, but for what is chosen by, and what is left over."""
    total, residual = np.zeros_like(updates[0]), np.zeros_like(updates[0])
    for update in updates:
        wanted = update + residual
        largest = np.argsort(choose(update, wanted))[-k:]
        sent = np.zeros_like(wanted)
        sent[largest] = wanted[largest]
        residual = left(update, residual, wanted, sent)
        total += sent
    return total


def largest_with_sign(updates, k):
    return total_sent(updates, k, lambda u, w: w, lambda u, r, w, s: w - s)


def chosen_before_feedback(updates, k):
    return total_sent(updates, k, lambda u, w: abs(u), lambda u, r, w, s: w - s)


def old_residual_forgotten(updates, k):
    return total_sent(updates, k, lambda u, w: abs(w), lambda u, r, w, s: u - s)


def old_residual_twice(updates, k):
    return total_sent(updates, k, lambda u, w: abs(w), lambda u, r, w, s: r + w - s)


def dense_halves(update):
    return update.astype(np.float16).tobytes()


def first_values(update):
    return update.ravel()[:500].tobytes()


def read_first_values(blob, shape):
    values = np.zeros(shape, np.float32)
    values.flat[:500] = np.frombuffer(blob, np.float32)
    return values


def without_feedback(updates, k):
    total = np.zeros_like(updates[0])
    for update in updates:
        largest = np.argsort(abs(update))[-k:]
        total[largest] += update[largest]
    return total


WRONG = [
    ("07.1", 515_112, "add the header"),
    ("07.1", 386_375, "here they need 4"),
    ("07.1", 257_597, "needs its position"),
    ("07.1", 25_755_648, "dense"),
    ("07.2", lambda update: b"", "expected the pair (encode, decode), got a function"),
    ("07.2", (dense_halves, read_first_values), "100,352 B, more than 2,000"),
    ("07.2", (lambda update: update[:1], read_first_values), "tobytes() helps"),
    ("07.2", (first_values, lambda blob, shape: np.zeros(9)), "array of shape (64, 784)"),
    ("07.2", (first_values, read_first_values), "the lesson's own codec has 0.839"),
    ("07.3", without_feedback, "keep what was not sent"),
    ("07.3", lambda updates, k: sum(updates), "only k values travel"),
    ("07.3", largest_with_sign, "without the sign"),
    ("07.3", chosen_before_feedback, "add the residual first"),
    ("07.3", old_residual_forgotten, "an older residual is part"),
    ("07.3", old_residual_twice, "counted twice"),
    ("07.3", lambda updates, k: updates[-1], "first, got"),
    ("07.3", lambda updates, k: 1.0, "got a float"),
    ("07.4", 562.7, "what is the entropy"),
    ("07.4", 417.56, "in which order"),
    ("07.4", 1_136.6, "those are bits"),
    ("07.4", 142_070, "those are bytes"),
    ("07.4", 98.48, "those are nats"),
    ("07.5", 3_082_344, "expected two things"),
    ("07.5", (2, "3 MB"), "got a str"),
    ("07.5", (2, 24 * 203_560), "counted before compression"),
    ("07.5", (2, 12 * 203_560 + 12 * 3_216), "one by one"),
    ("07.5", (2, 24 * 3_216), "the models went out whole"),
    ("07.5", (2, 3 * 203_560 + 9 * 3_216), "asks for the total"),
    ("07.5", (2, 9 * 203_560 + 9 * 3_216), "moved bytes, too"),
    ("07.5", (2, 9 * (203_560 - 3_216)), "how much too much"),
    ("07.5", (2, 12 * 204_120 + 9 * 3_282 + 3 * 204_138), "the bill is in payload"),
    ("07.5", (2, 3.082344), "in MB"),
    ("07.5", (1, 3_082_344), "node 1 is not it"),
    ("07.5", ("2", 3_082_344), "node '2' is not it"),
]
