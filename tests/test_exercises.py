"""Every exercise accepts its own solution and answers known wrong ones in their own terms."""

import re

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import ServerApp
from flwr.serverapp.strategy import FedAvg

from fedlab import Ledger
from fedlab.capstone import Plan
from fedlab.engines import simulate
from fedlab.exercises import (
    Correct,
    Incorrect,
    NotAttempted,
    lesson_01,
    lesson_02,
    lesson_03,
    lesson_04,
    lesson_05,
    lesson_06,
    lesson_07,
    lesson_08,
    lesson_09,
    lesson_10,
    lesson_11,
    lesson_12,
    predict,
)
from fedlab.exercises.framework import Exercise
from fedlab.meters import traced_peak
from fedlab.records import round_of
from fedlab.units import Bytes

LESSONS = {
    "01": lesson_01,
    "02": lesson_02,
    "03": lesson_03,
    "04": lesson_04,
    "05": lesson_05,
    "06": lesson_06,
    "07": lesson_07,
    "08": lesson_08,
    "09": lesson_09,
    "10": lesson_10,
    "11": lesson_11,
    "12": lesson_12,
}
ALL = [exercise for lesson in LESSONS.values() for exercise in lesson.ALL]


def named(name: str) -> Exercise:
    return next(exercise for exercise in ALL if exercise.name == name)


@pytest.fixture(params=ALL, ids=lambda exercise: exercise.name)
def exercise(request: pytest.FixtureRequest) -> Exercise:
    return request.param


def test_each_lesson_has_three_to_five_exercises_numbered_in_order() -> None:
    for number, lesson in LESSONS.items():
        assert 3 <= len(lesson.ALL) <= 5
        assert [e.name for e in lesson.ALL] == [
            f"{number}.{i}" for i in range(1, len(lesson.ALL) + 1)
        ]


def test_the_reference_solution_is_correct(exercise: Exercise) -> None:
    assert isinstance(exercise.check(exercise.solve()), Correct)


def test_the_printed_solution_runs_as_a_student_would_paste_it(exercise: Exercise) -> None:
    namespace: dict[str, object] = {}
    exec(exercise.solution_source(), namespace)
    assert exercise.check(namespace["answer"])


def test_an_untouched_stub_is_not_attempted_rather_than_wrong(exercise: Exercise) -> None:
    assert isinstance(exercise.check(...), NotAttempted)
    assert isinstance(exercise.check(None), NotAttempted)


def test_nonsense_is_incorrect_and_never_raises(exercise: Exercise) -> None:
    for nonsense in ("x", -1, 3.7, [], {}, True, float("nan"), lambda *_: "?", lambda: 1, object()):
        result = exercise.check(nonsense)
        assert isinstance(result, Incorrect), (nonsense, result)
        assert result.message


def test_a_function_stub_with_an_empty_body_is_not_attempted() -> None:
    for name in (
        "01.2",
        "01.3",
        "02.2",
        "02.3",
        "03.2",
        "03.3",
        "03.4",
        "04.2",
        "05.2",
        "06.2",
        "06.4",
        "07.3",
        "08.2",
        "08.3",
        "08.4",
        "09.2",
        "09.3",
        "10.2",
        "10.5",
        "11.2",
        "11.4",
        "12.3",
    ):
        assert isinstance(named(name).check(lambda *_: ...), NotAttempted)


def test_hints_come_one_by_one_and_the_last_one_repeats(
    capsys: pytest.CaptureFixture[str],
) -> None:
    exercise = Exercise("0", "", lambda _: None, "", ["one", "two"])
    for _ in range(3):
        exercise.hint()
    assert capsys.readouterr().out.splitlines() == [
        "Hint 1 of 2: one",
        "Hint 2 of 2: two",
        "Hint 2 of 2: two",
    ]


def test_every_exercise_has_at_least_two_hints_and_some_praise(exercise: Exercise) -> None:
    assert len(exercise.hints) >= 2
    assert exercise.praise
    assert exercise.prompt


def all_batches_at_once(count, size):
    return np.split(np.arange(count), range(size, count, size))


def full_batches_alone(count, size):
    for start in range(0, count - size + 1, size):
        yield np.arange(start, start + size)


def batches_beyond_the_end(count, size):
    for start in range(0, count, size):
        yield np.arange(start, start + size)


def mean_of_a_list(pairs):
    kept = list(pairs)
    return sum(u * w for u, w in kept) / sum(w for _, w in kept)


def mean_of_products(pairs):
    weighted, weights = zip(*((u * w, w) for u, w in pairs), strict=True)
    return sum(weighted) / sum(weights)


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
    wide, tall = named("08.4").solve()(pairs)
    return wide.astype(float), tall


def mean_and_identity(pairs):
    mean = np.mean([b @ a for b, a in pairs], axis=0)
    return mean, np.eye(64, dtype=np.float32)


def without_feedback(updates, k):
    total = np.zeros_like(updates[0])
    for update in updates:
        largest = np.argsort(abs(update))[-k:]
        total[largest] += update[largest]
    return total


def single_rounds(target, accuracies):
    return next((n for n, a in enumerate(accuracies) if n and a >= target), None)


def mean_with_round_zero(target, accuracies):
    ends = range(4, len(accuracies))
    return next((n for n in ends if sum(accuracies[n - 4 : n + 1]) / 5 >= target), None)


def mean_of_fewer_than_five(target, accuracies):
    for n in range(1, len(accuracies)):
        last = accuracies[max(1, n - 4) : n + 1]
        if sum(last) / len(last) >= target:
            return n
    return None


@pytest.mark.parametrize(
    ("name", "wrong", "said"),
    [
        ("01.1", 101_770, "4 bytes wide"),
        ("01.1", 406_528, "biases are missing"),
        ("01.1", 203_540, "float16"),
        ("01.1", 203_560, "784-64-10"),
        ("01.2", lambda mib: mib, "2²⁰"),
        ("01.2", lambda mib: int(mib) * 2**20 / 10**6, "do not round"),
        ("01.3", lambda sd: sum(t.numel() for t in sd.values()) * 4, "halves are 2 bytes"),
        ("01.3", lambda sd: {}["x"], "your answer raised KeyError"),
        ("01.1", 407.08, "in kB"),
        ("01.1", 814_160, "float64"),
        ("01.4", 163_840_000, "2 bytes wide"),
        ("01.4", 655_360_000, "one listing"),
        ("01.4", 32_768_000, "sends it to ten"),
        ("01.4", 65_536_000, "one client"),
        ("01.4", 327.68, "in MB"),
        ("02.1", 400_000_000, "counts its steps"),
        ("02.1", 300_000_000, "two numbers"),
        ("02.1", 200_000_000, "state of its own"),
        ("02.1", 400_000_800, "4 bytes a tensor"),
        ("02.1", 500_000_400, "four numbers"),
        ("02.2", lambda b, w: b * 4 * sum(w) + 4, "32·64·4"),
        ("02.2", lambda b, w: b * 4 * sum(w[1:]), "+ 4"),
        ("02.3", lambda budget, fixed, each: (budget - fixed) / each, "none"),
        ("02.3", lambda budget, fixed, each: (budget - fixed) // each, "no batch is negative"),
        ("02.4", 8 * 203_560, "the eight"),
        ("02.4", 16 * 10**9, "never leaves"),
        ("02.4", 203_560, "one update"),
        ("02.4", 203.56, "in MB"),
        ("02.4", 407_120_000, "receives updates"),
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
        ("04.1", 5_050, "first round"),
        ("04.1", 5_000, "one round's updates"),
        ("04.1", 10_000, "two rounds"),
        ("04.1", 10_025, "one model each"),
        ("04.1", 50_050, "not all ten rounds'"),
        ("04.1", 100, "running mean"),
        ("04.1", 9_584.43, "in MiB"),
        ("04.1", 10.05, "GB"),
        ("04.2", lambda pairs: sum(u for u, _ in pairs) / 3, "counts alike"),
        ("04.2", lambda pairs: sum(u * w for u, w in pairs), "weighted sum"),
        ("04.2", lambda pairs: sum(u * w for u, w in pairs) / 3, "not by how many came"),
        ("04.2", lambda pairs: next(u for u, _ in pairs).mean(), "an array of shape"),
        ("04.2", lambda pairs: next(u for u, _ in pairs), "not the weighted mean"),
        ("04.2", mean_of_a_list, "at once and of 30 3"),
        ("04.2", mean_of_products, "keep none of them"),
        ("04.3", 100, "shares of the mean"),
        ("04.3", 2, "counts a half"),
        ("04.3", 0.0099, "share by examples"),
        ("04.3", 0.0198, "turn it round"),
        ("04.4", 2_239_160, "three things"),
        ("04.4", (3, 2), "three things"),
        ("04.4", (3, 2, 12 * 203_560), "bill's own total"),
        ("04.4", (3, 2, 10 * 203_560), "did answer in the other"),
        ("04.4", (3, 2, 9 * 203_560), "two models of its own"),
        ("04.4", (3, 2, 203_560), "what is left of the bill"),
        ("04.4", (3, 2, 19 * 203_560), "what travelled"),
        ("04.4", (3, 2, 11), "in models"),
        ("04.4", (4, 2, 2_239_160), "node 4 is not the one"),
        ("04.4", (3, 1, 2_239_160), "another round than 1"),
        ("04.4", (3, 2, "2 MB"), "expected a number"),
        ("04.5", 0.5, "float32"),
        ("04.5", 0.333, "may stay"),
        ("04.5", 66.7, "between 0 and 1"),
        ("04.5", 0.75, "6 bytes"),
        ("04.5", 0.8, "4 bytes, not 8"),
        ("05.1", 10_000, "one direction"),
        ("05.1", 40_000, "whole cohort"),
        ("05.1", 2_000, "one round"),
        ("05.1", 20, "GB"),
        ("05.2", lambda o, i, c, f, r: round((o + i) * c * f * r), "28.99"),
        ("05.2", lambda o, i, c, f, r: 2 * o * int(c * f) * r, "need not be equal"),
        ("05.3", 23, "does not fit"),
        ("05.3", 44, "both directions"),
        ("05.3", 444, "20 are selected"),
        ("05.3", 50 * 10**9 / (40 * 56_270_848), "how many whole ones"),
        ("05.4", 4, "only the uplink"),
        ("05.4", 2, "half of the traffic stays"),
        ("05.4", 0.625, "turn it round"),
        ("05.4", 1.25, "new traffic in models"),
        ("05.5", 10_992_240, "two things"),
        ("05.5", (3, 10_935_660), "bill's own total"),
        ("05.5", (3, 10.93566), "in bytes"),
        ("05.5", (3, 10.93566 * 2**20), "not every line"),
        ("05.5", (3, round(10.93566 * 2**20)), "not every line"),
        ("05.5", (3, 1_221_360), "asks for the total"),
        ("05.5", (1, 4_885_440), "it is right"),
        ("05.5", (3, 9_770_880), "evaluation moved bytes too"),
        ("05.5", (3, 10.99224), "in MB"),
        ("05.5", (3, 9_770_880 + 1.1648 * 2**20), "the ledger has exact bytes"),
        ("05.5", (2, 10_992_240), "line 2 agrees"),
        ("06.1", 734_208, "holds twelve"),
        ("06.1", 4_405_248, "twelve messages"),
        ("06.1", 12 * 497_759_232 - 5_688 * 10**6, "MiB as MB"),
        ("06.1", 12 * 497_759_232 - 5_696 * 2**20, "not the sum"),
        ("06.2", lambda sizes: sum(int(s / 2**20) for s in sizes), "cut nothing"),
        ("06.3", 32 * 56_270_848, "sent nothing back"),
        ("06.3", 29 * 56_270_848, "it travelled"),
        ("06.3", 26 * 56_270_848, "all eight"),
        ("06.3", 14 * 56_270_848, "the first one is on the bill too"),
        ("06.3", 15 * 56_270_848, "count both directions"),
        ("06.3", 30, "those are messages"),
        ("06.4", lambda ledger, node: sum(t.payload for t in ledger.transfers), "no uplink"),
        (
            "06.4",
            lambda ledger, node: sum(
                t.payload
                for t in ledger.transfers
                if (t.node, t.direction, t.outcome) == (node, "up", "ok")
            ),
            "rejected reply was sent",
        ),
        ("06.5", 1_586_688, "two things"),
        ("06.5", ("head.weight", 3_122_688), "bill's own total"),
        ("06.5", ("head.weight", 50_688), "both copies"),
        ("06.5", ("head.weight", 2_994_688), "puts one message right"),
        ("06.5", ("head.weight", 2_354_688), "puts one direction right"),
        ("06.5", ("head.weight", 132_224), "one message"),
        ("06.5", ("head.weight", 793_344), "one direction"),
        ("06.5", ("head.weight", 1_536_000), "billed too much"),
        ("06.5", ("mix.weight", 1_586_688), "not as large"),
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
        ("08.3", lambda *given: named("08.3").solve()(*given) + 1, "thaw returned 19241"),
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
        ("10.1", 900_333_568, "pushes its broadcast once"),
        ("10.1", 450_166_784, "replies alone"),
        ("10.1", 112_541_696, "one SuperNode's hop"),
        ("10.2", lambda sizes: sum(-(-size // 5_242_880) for size in sizes), "counts the pieces"),
        ("10.2", lambda sizes: 2 * len(sizes), "travel as well"),
        ("10.2", lambda sizes: 4 + len(sizes), "two objects"),
        ("10.2", lambda sizes: 4 + sum(1 + size // 5_242_880 for size in sizes), "two objects"),
        ("10.2", lambda sizes: 4 + sum(2 + size // 5_242_880 for size in sizes), "one piece"),
        ("10.3", 203_560, "payload"),
        ("10.3", 205_712, "each of its objects"),
        ("10.3", 211_296, "downlink"),
        ("10.3", 443_784, "both ways"),
        ("10.4", 0.0327, "one node's day"),
        ("10.4", 327_300, "in MB"),
        ("10.4", 284.8, "they receive answers"),
        ("10.4", 42.5, "they ask, too"),
        ("10.4", 304.8, "in GiB"),
        (
            "10.5",
            lambda wire, hop, kinds: wire.select(hop=hop, kinds=kinds).up / wire.select(hop=hop).up,
            "count both ways",
        ),
        (
            "10.5",
            lambda wire, hop, kinds: (
                len(wire.select(hop=hop, kinds=kinds)) / len(wire.select(hop=hop))
            ),
            "count bytes",
        ),
        ("10.5", lambda wire, hop, kinds: wire.select(kinds=kinds).total / wire.total, "all hops"),
        ("10.5", lambda wire, hop, kinds: 95.0, "not a percentage"),
        ("11.1", 407_080, "metrics and its weight"),
        ("11.1", 407_084, "learning rate"),
        ("11.1", 203_596, "64 units"),
        ("11.1", 407_192, "do not double"),
        ("11.1", 101_770, "each is 4 bytes"),
        ("11.1", 814_232, "two clients"),
        ("11.2", lambda values, bits: values * bits // 8, "one byte a value"),
        ("11.2", lambda values, bits: -(-values * bits // 32) * 4 + 8, "all 32 bits"),
        ("11.2", lambda values, bits: -(-values * bits // 28) * 4, "largest value travel too"),
        ("11.2", lambda values, bits: -(-values * bits // 28) * 4 + 4, "two float32"),
        ("11.2", lambda values, bits: -(-values * bits // 28), "those are int32 numbers"),
        ("11.2", lambda values, bits: values * bits // 28 * 4 + 8, "round up"),
        ("11.2", lambda values: 57_352, "TypeError"),
        ("11.3", 31_806, "100 MiB"),
        ("11.3", 33_436, "has a label"),
        ("11.3", 33_394, "int64"),
        ("11.3", 33_352, "round down"),
        ("11.3", 132_395, "a pixel is a float32"),
        ("11.4", lambda clients, each, memory: clients * each / memory, "round up"),
        ("11.4", lambda clients, each, memory: -(-clients * each // memory), "none is split"),
        ("11.4", lambda clients, each, memory: clients // (memory // each), "round up"),
        ("11.4", lambda clients, each, memory: memory // each, "5 full groups"),
        ("12.1", 12.5, "in kB"),
        ("12.1", 1_250, "do not share"),
        ("12.1", 125_000, "all ten send"),
        ("12.1", 6_250, "what comes down"),
        ("12.1", 203_560, "in full"),
        ("12.1", 7_200_000, "in each round"),
        ("12.1", 12_207, "1,024"),
        ("12.1", 12_800, "KiB"),
        ("12.1", 7_500, "this run has 24"),
        ("12.2", 4, "lean does not"),
        ("12.2", 2, "global model is needed"),
        ("12.2", 1, "folded into"),
        ("12.2", 1_002, "first round"),
        ("12.2", 2_002, "keeps no update"),
        ("12.2", 300, "does not grow"),
        ("12.2", 1_000, "keeps none"),
        ("12.3", single_rounds, "no mean of five"),
        ("12.3", mean_with_round_zero, "five rounds are needed"),
        ("12.3", mean_of_fewer_than_five, "five will do"),
        ("12.3", lambda target, accuracies: len(accuracies) - 1, "rounds 3 to 7"),
        ("12.3", lambda target: 5, "TypeError"),
        ("12.4", {"codec": "int8"}, "expected a Plan, as in Plan(rounds=20), got a dict"),
        ("12.4", Plan(codec="zip"), "unknown codec 'zip'"),
        ("12.4", Plan(layers=("1",)), "no '1'; there are 0, 2"),
        ("12.4", Plan(rounds=100), "from 1 to 40, got 100"),
        ("12.4", Plan(learning_rate=...), "above 0, got ..."),
        ("12.4", Plan(layers=["2"], rounds=2, aggregation="lean"), "points below 92%"),
        ("12.4", Plan(rounds=2, local_epochs=1), "turn codec, layers or rounds"),
        ("12.4", Plan(rounds=2, local_epochs=1), "turn aggregation: a list"),
    ],
)
def test_a_known_wrong_answer_is_answered_specifically(name: str, wrong: object, said: str) -> None:
    result = named(name).check(wrong)
    assert isinstance(result, Incorrect)
    assert said in result.message


def test_a_codec_is_scored_beside_the_lessons_and_the_best_known(
    capsys: pytest.CaptureFixture[str],
) -> None:
    exercise = named("07.2")
    assert exercise.check(exercise.solve())
    yours, lessons, best = capsys.readouterr().out.splitlines()
    assert yours == "yours: 2,000 B, relative error 0.811"
    assert lessons == "the lesson's, in 2,000 B: 0.839"
    assert re.fullmatch(r"best known, topk:0.0264\|int4: (1,9\d\d|2,000) B, 0.7[23]\d", best)


def test_a_pair_of_untouched_stubs_is_not_attempted() -> None:
    assert isinstance(named("07.2").check((lambda _: ..., lambda *_: ...)), NotAttempted)


def test_a_right_total_within_a_percent_is_accepted() -> None:
    assert named("04.3").check(50.3)


def test_a_prediction_keeps_number_and_unit_until_the_measurement() -> None:
    table = predict("06.total", "212 MB").reconcile(formula=225_083_392, measured=225_083_392)
    assert table.loc["your prediction", "bytes"] == "212,000,000"
    assert table.loc["your prediction", "minus measured"] == "-13,083,392"
    assert table.loc["formula", "minus measured"] == "0"


def test_an_untouched_or_unreadable_prediction_says_so_and_still_reconciles() -> None:
    assert predict("06.total", ...).guess is None
    assert "needs a unit" in repr(predict("06.total", "212"))
    assert predict("06.total", [1]).guess is None  # type: ignore[arg-type]
    table = predict("06.total", ...).reconcile(formula=1, measured=2)
    assert table.loc["your prediction", "bytes"] == "–"


@pytest.mark.parametrize("lesson", ["04", "05", "06", "07", "08", "09"])
def test_the_bill_to_debug_has_a_ledger_that_holds_the_answer(lesson: str) -> None:
    exercises = LESSONS[lesson]
    answer = exercises.debug_the_bill.solve()
    assert exercises.debug_the_bill.check(list(answer))
    assert f"{answer[-1]:,}" not in exercises.someones_bill().to_string()
    if lesson != "04":  # whose bill is about what is held: see the next test
        assert answer[-1] == exercises.metered_run().traffic


def test_either_name_of_a_tied_matrix_is_the_one_that_did_not_travel() -> None:
    assert named("06.5").check(("embed.weight", 1_586_688))


@pytest.mark.parametrize("failing", [False, True])
def test_a_list_holds_the_updates_that_came_as_the_bill_of_04_is_debugged(failing: bool) -> None:
    model, alone = 2**20, 5  # bytes; models that a client at work holds in the server's process
    client_app, server_app = ClientApp(), ServerApp()

    @client_app.train()
    def train(message, context):
        if failing and context.node_config["partition-id"] == 3 and round_of(message.content) == 2:
            raise MemoryError("out of memory")
        weights = message.content["arrays"]["w"].numpy()
        noise = np.random.default_rng(0).random(weights.shape, np.float32)
        arrays = ArrayRecord({"w": Array(weights + noise)})
        metrics = MetricRecord({"num-examples": 1})
        return Message(RecordDict({"arrays": arrays, "metrics": metrics}), reply_to=message)

    @server_app.main()
    def main(grid, context):
        start = ArrayRecord({"w": Array(np.zeros(model // 4, np.float32))})
        FedAvg(fraction_evaluate=0.0).start(grid, start, num_rounds=2)

    with traced_peak() as peak:
        simulate(server_app, client_app, nodes=5)
    assert peak.size // model - alone == (11 if failing else 12)


@pytest.mark.parametrize(
    "guess", ["words", "-5 MB", -5, 10**400, "9" * 400 + " PB", float("nan"), 3.7, {}, None]
)
def test_whatever_is_predicted_nothing_later_raises(guess: object) -> None:
    prediction = predict("06.total", guess)  # type: ignore[arg-type]
    assert prediction.guess is None
    assert "no prediction yet" in repr(prediction)
    assert prediction.reconcile(formula=1, measured=2).loc["your prediction", "bytes"] == "–"


def test_a_prediction_in_plain_bytes_counts_as_bytes() -> None:
    assert predict("x", 1000).guess == Bytes(1000)
    assert Ledger().traffic == 0
