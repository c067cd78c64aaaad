"""Every exercise accepts its own solution and answers known wrong ones in their own terms."""

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
    ):
        assert isinstance(named(name).check(lambda *_: ...), NotAttempted)


def test_hints_come_one_by_one_and_the_last_one_repeats(
    capsys: pytest.CaptureFixture[str],
) -> None:
    exercise = Exercise("0", "", lambda _: None, "", ["one", "two"], lambda: 0)
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
    ],
)
def test_a_known_wrong_answer_is_answered_specifically(name: str, wrong: object, said: str) -> None:
    result = named(name).check(wrong)
    assert isinstance(result, Incorrect)
    assert said in result.message


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
