"""What counts as an edit of a lesson, and what does not."""

import pytest

from fedlab.grading.edits import edits, is_answer
from fedlab.grading.notebooks import known
from fedlab.paths import shipped

GIVEN = [
    "import math",
    "def area(r):\n    return math.pi * r**2",
    "answer = ...\nex.one.check(answer)",
    "def two(n):\n    # your code\n    ...\n\n\nex.two.check(two)",
    "%matplotlib inline",
]
FILLED = [
    *GIVEN[:2],
    "answer = 7\nex.one.check(answer)",
    "def two(n):\n    return 2 * n\n\n\nex.two.check(two)",
    GIVEN[4],
]


def test_filled_in_answers_new_cells_another_order_and_white_space_are_no_edits():
    assert edits(GIVEN, FILLED) == []
    assert edits(GIVEN, ["print('mine')", *reversed(FILLED), ""]) == []
    assert (
        edits(GIVEN, [source.replace("    ", "\t").replace(" ", "  ") for source in FILLED]) == []
    )


def test_an_answer_may_be_given_to_the_check_itself():
    assert edits(GIVEN, [*FILLED[:2], "ex.one.check(7)", *FILLED[3:]]) == []


def test_a_changed_a_missing_and_a_commented_cell_are_named_by_their_first_lines():
    changed = [FILLED[0], FILLED[1].replace("r**2", "r"), *FILLED[2:]]
    assert edits(GIVEN, changed) == ["given cell changed or missing: def area(r):"]
    assert edits(GIVEN, changed[1:]) == [
        "given cell changed or missing: import math | def area(r):"
    ]
    assert edits(GIVEN, ["# import math", *FILLED[1:]]) == [
        "given cell changed or missing: import math"
    ]


@pytest.mark.parametrize("check", ["", "# ex.one.check(answer)", "ex.one .hint()"])
def test_a_check_line_that_is_gone_is_named(check):
    left = [*FILLED[:2], f"answer = 7\n{check}", *FILLED[3:]]
    assert edits(GIVEN, left) == ["check line gone: ex.one.check("]


def test_a_cell_that_was_given_twice_is_missed_when_it_is_there_once():
    assert edits(["show()", "show()"], ["show()"]) == ["given cell changed or missing: show()"]


def test_many_edits_are_counted_after_the_third():
    (said,) = edits([f"cell_{n}()" for n in range(9)], [])
    assert said == "given cell changed or missing: cell_0() | cell_1() | cell_2() | and 6 more"


@pytest.mark.parametrize("lesson", known(shipped("lessons")), ids=lambda lesson: lesson.number)
def test_each_lesson_as_it_was_given_out_has_no_edits(lesson):
    code = lesson.given.code
    assert edits(code, code) == []
    checks = [source for source in code if ".check(" in source and "..." in source]
    assert all(is_answer(source) for source in checks)
