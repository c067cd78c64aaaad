"""Every exercise accepts its own solution and answers known wrong ones in their own terms."""

import re

import pytest
from known import EXERCISES, LESSONS, WRONG

from fedlab.capstone import Attempt, Plan, reference
from fedlab.exercises import Correct, Exercise, Incorrect, NotAttempted, lesson_12


@pytest.fixture(autouse=True)
def reference_plan_is_not_trained_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the capstone's solution reached is on record; tests/test_capstone.py trains it."""
    attempt, solution = lesson_12._attempt, lesson_12.own_plan.solve()

    def recorded(plan: Plan) -> Attempt:
        return reference() if plan == solution else attempt(plan)

    monkeypatch.setattr(lesson_12, "_attempt", recorded)


@pytest.fixture(params=EXERCISES.values(), ids=EXERCISES)
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
    asked_for_a_function = [e for e in EXERCISES.values() if callable(e.solve())]
    assert len(asked_for_a_function) >= 22
    for exercise in asked_for_a_function:
        assert isinstance(exercise.check(lambda *_: ...), NotAttempted), exercise.name


def test_a_pair_of_untouched_stubs_is_not_attempted() -> None:
    assert isinstance(EXERCISES["07.2"].check((lambda _: ..., lambda *_: ...)), NotAttempted)


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


def test_every_exercise_knows_some_wrong_answers(exercise: Exercise) -> None:
    assert exercise.name in {name for name, _, _ in WRONG}


@pytest.mark.parametrize(("name", "wrong", "said"), WRONG)
def test_a_known_wrong_answer_is_answered_specifically(name: str, wrong: object, said: str) -> None:
    result = EXERCISES[name].check(wrong)
    assert isinstance(result, Incorrect)
    assert said in result.message


def test_a_right_total_within_a_percent_is_accepted() -> None:
    assert EXERCISES["04.3"].check(50.3)


def test_either_name_of_a_tied_matrix_is_the_one_that_did_not_travel() -> None:
    assert EXERCISES["06.5"].check(("embed.weight", 1_586_688))


def test_a_codec_is_scored_beside_the_lessons_and_the_best_known(
    capsys: pytest.CaptureFixture[str],
) -> None:
    exercise = EXERCISES["07.2"]
    assert exercise.check(exercise.solve())
    yours, lessons, best = capsys.readouterr().out.splitlines()
    assert yours == "yours: 2,000 B, relative error 0.811"
    assert lessons == "the lesson's, in 2,000 B: 0.839"
    assert re.fullmatch(r"best known, topk:0.0264\|int4: (1,9\d\d|2,000) B, 0.7[23]\d", best)
