"""Known wrong answers to the exercises of lesson 09, and what each is told."""

import numpy as np


def rms_of(models):
    """The mean distance from the mean, and the root mean square distance: of a list of them all."""
    rows = np.stack(list(models))
    apart = np.linalg.norm(rows - rows.mean(axis=0), axis=1)
    return apart.mean(), (apart**2).mean() ** 0.5


def bytes_counted_from_one(target, accuracies, size, clients):
    reached = [n for n, accuracy in enumerate(accuracies, 1) if accuracy >= target]
    return reached[0] * clients * 2 * size if reached else None


def bytes_of_all_when_never(target, accuracies, size, clients):
    reached = [n for n, accuracy in enumerate(accuracies) if accuracy >= target]
    return (reached or [len(accuracies) - 1])[0] * clients * 2 * size


WRONG = [
    ("09.1", 200, "a fifth of the rounds"),
    ("09.1", 40, "five times the local work"),
    ("09.1", 32, "what is saved"),
    ("09.1", 16, "in the 40 GB already"),
    (
        "09.2",
        lambda t, a, s, c: next((n for n, x in enumerate(a) if x >= t), 0) * c * s,
        "back",
    ),
    ("09.2", lambda t, a, s, c: sum(x < t for x in a) * c * 2 * s, "after the first round"),
    ("09.2", lambda t, a, s, c: (len(a) - 1) * c * 2 * s, "two rounds"),
    ("09.2", bytes_counted_from_one, "two rounds"),
    ("09.2", bytes_of_all_when_never, "None, and not the bytes of all"),
    ("09.3", lambda models: rms_of(models)[0], "root of their mean square"),
    ("09.3", lambda models: rms_of(models)[1] ** 2, "take its root"),
    ("09.3", lambda models: rms_of(models)[1] * 2, "divide by how many"),
    ("09.3", lambda models: next(models), "one number"),
    ("09.3", lambda models: next(models).sum(), "their root mean square distance is"),
    (
        "09.3",
        lambda models: float(np.mean([(m * m).sum() for m in models]) ** 0.5),
        "from zero",
    ),
    ("09.3", lambda models: rms_of(models)[1], "keep none of them"),
    ("09.4", 57 * 203_560, "expected three things"),
    ("09.4", (3, 4, 60 * 203_560), "never came"),
    ("09.4", (3, 4, 59 * 203_560), "more than one round"),
    ("09.4", (3, 4, 58 * 203_560), "in how many rounds"),
    ("09.4", (3, 4, 56 * 203_560), "rejected had travelled"),
    ("09.4", (3, 4, 54 * 203_560), "the instructions stay"),
    ("09.4", (3, 4, 53 * 203_560), "the instructions travelled"),
    ("09.4", (3, 4, 48 * 203_560), "answered in the first"),
    ("09.4", (3, 4, 27 * 203_560), "the models went out, too"),
    ("09.4", (3, 4, 3 * 203_560), "how much too much"),
    ("09.4", (3, 4, 57), "in models"),
    ("09.4", (1, 2, 57 * 203_560), "arrived, and was rejected"),
    ("09.4", (0, 4, 57 * 203_560), "node 0 answered in each round"),
    ("09.4", (3, 6, 57 * 203_560), "not its first failure"),
    ("09.5", 150, "one epoch a round"),
    ("09.5", 220, "fewest bytes"),
    ("09.5", 6_300, "in seconds"),
    ("09.5", 75, "also travels"),
]
