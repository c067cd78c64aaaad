"""Every exercise accepts its own solution and answers known wrong ones in their own terms."""

import re

import numpy as np
import pytest

from fedlab import Ledger, size_of
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
    predict,
)
from fedlab.exercises.framework import Exercise
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
    namespace = {"size_of": size_of}
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


def mean_and_identity(pairs):
    mean = np.mean([b @ a for b, a in pairs], axis=0)
    return mean, np.eye(64, dtype=np.float32)


def without_feedback(updates, k):
    total = np.zeros_like(updates[0])
    for update in updates:
        largest = np.argsort(abs(update))[-k:]
        total[largest] += update[largest]
    return total


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
        ("01.4", 50_257 * 768, "each is 4 bytes"),
        ("01.4", 2 * 50_257 * 768 * 4, "only the second listing"),
        ("01.4", 652_148_736, "whole state dict"),
        ("01.4", 497_759_232, "what memory holds"),
        ("02.1", 400_000_000, "counts its steps"),
        ("02.1", 300_000_000, "two numbers"),
        ("02.1", 200_000_000, "state of its own"),
        ("02.2", lambda b, w: b * 4 * sum(w) + 4, "32·64·4"),
        ("02.2", lambda b, w: b * 4 * sum(w[1:]), "+ 4"),
        ("02.3", lambda budget, fixed, each: (budget - fixed) / each, "none"),
        ("02.3", lambda budget, fixed, each: (budget - fixed) // each, "no batch is negative"),
        ("02.4", 8 * 203_560, "the eight"),
        ("02.4", 16 * 10**9, "never leaves"),
        ("02.4", 203_560, "one update"),
        ("03.1", 128 * 50_440, "what does a step keep once"),
        ("03.1", 128 * 50_444, "once a batch"),
        ("03.1", 128 * 296 + 4, "dense network's"),
        ("03.1", 128 * (50_440 + 3_144) + 4, "the batch itself"),
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
        ("04.4", 1_000, "servers send their means up"),
        ("04.4", 1_111, "nobody to send to"),
        ("04.4", 1_100, "10 others"),
        ("04.4", 111, "how many servers"),
        ("04.4", 110, "clients send their updates first"),
        ("04.4", 10, "top server receives"),
        ("04.5", 0.5, "float32"),
        ("04.5", 0.333, "may stay"),
        ("04.5", 66.7, "between 0 and 1"),
        ("04.5", 0.75, "6 bytes"),
        ("05.1", 10_000, "one direction"),
        ("05.1", 40_000, "whole cohort"),
        ("05.1", 2_000, "one round"),
        ("05.1", 20, "GB"),
        ("05.2", lambda o, i, c, f, r: round((o + i) * c * f * r), "28.99"),
        ("05.2", lambda o, i, c, f, r: 2 * o * int(c * f) * r, "need not be equal"),
        ("05.3", 23, "does not fit"),
        ("05.3", 44, "both directions"),
        ("05.3", 444, "20 are selected"),
        ("05.4", 4, "only the uplink"),
        ("05.4", 2, "half of the traffic stays"),
        ("05.4", 0.625, "turn it round"),
        ("06.1", 696_320, "holds four"),
        ("06.1", 13_083_392, "MiB as MB"),
        ("06.2", lambda sizes: sum(int(s / 2**20) for s in sizes), "cut nothing"),
        ("06.3", 10 * 56_270_848, "sent nothing back"),
        ("06.3", 8 * 56_270_848, "it travelled"),
        ("06.3", 6 * 56_270_848, "all five"),
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
        ("06.5", 100 * 56_270_848 / 20e6 / 3600, "bits"),
        ("06.5", 2 * 100 * 56_270_848 * 8 / 20e6 / 3600, "only the upload"),
        ("06.5", 100 * 56_270_848 * 8 / 20e6 / 60, "minutes"),
        ("06.5", 100 * 56_270_848 * 8 / 20e6, "seconds"),
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
        ("07.3", lambda updates, k: updates[-1], "first, got"),
        ("07.3", lambda updates, k: 1.0, "got a float"),
        ("07.4", 562.7, "what is the entropy"),
        ("07.4", 417.56, "in which order"),
        ("07.4", 1_136.6, "those are bits"),
        ("07.4", 142_070, "those are bytes"),
        ("07.5", 120, "uplink alone"),
        ("07.5", 1.983, "downlink still in float32"),
        ("07.5", 61, "add up the bytes"),
        ("07.5", 240, "two links"),
        ("08.1", 3_850, "each is 4 bytes"),
        ("08.1", 15_360, "a bias too"),
        ("08.1", 3_080, "two classes"),
        ("08.1", 30_800, "one message"),
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
        ("08.4", lambda pairs: np.mean([b @ a for b, a in pairs], axis=0), "got a ndarray"),
        ("08.4", lambda pairs: pairs[0][::-1], "expected B (96, r)"),
        ("08.5", 302.91, "for every phone"),
        ("08.5", 2, "travel as well"),
        ("08.5", 0.503, "turn it round"),
        ("08.5", 1.9934, "both ways"),
        ("09.1", 200, "a fifth of the rounds"),
        ("09.1", 40, "five times the local work"),
        ("09.1", 32, "what is saved"),
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
        ("09.4", 0.025, "derivative"),
        ("09.4", 0.05, "cancels the half"),
        ("09.4", -0.1, "the sign"),
        ("09.4", 0.3, "weight decay"),
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
    assert named("06.5").check(0.625)


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


def test_a_prediction_in_plain_bytes_counts_as_bytes() -> None:
    assert predict("x", 1000).guess == Bytes(1000)
    assert Ledger().traffic == 0
