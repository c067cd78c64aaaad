"""Grading runs each notebook as it was left; what is wrong with one is said of that one alone."""

import json
import os
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from classes import GIVEN, PRODUCT, SETUP, SUM, answered, running, starts, tiny_lessons, write

from fedlab import tff_environment
from fedlab.exercises import record
from fedlab.exercises.overview import exercise_names
from fedlab.grading import found, grade
from fedlab.grading.notebooks import LARGEST, RefusedError, known, read
from fedlab.paths import shipped

OTHERS = ("NotAttempted",) * (len(exercise_names("05")) - 2)


@pytest.fixture(scope="module")
def lessons(tmp_path_factory):
    return tiny_lessons(tmp_path_factory.mktemp("lessons"))


def graded(folder, lessons, **options):
    """The grades by the notebooks' paths."""
    return {one.notebook: one for one in grade(folder, lessons=lessons, **options)}


# --- a class, graded in one go -------------------------------------------------------------------


@pytest.fixture(scope="module")
def everyone(tmp_path_factory, lessons):
    folder = tmp_path_factory.mktemp("class")
    answered(folder / "ada" / "05.ipynb", "4", "6")
    answered(folder / "bob" / "what I did.ipynb", "total", "5", "1/0", "import this\nundefined")
    answered(folder / "cy.ipynb", "...", "6", "answer = 7\nex.product.check(answer)")
    answered(
        folder / "dee.ipynb",
        "int(open('apps/number.txt').read())",  # what lies beside a lesson lies beside its copy
        "6",
        "open('dee.ipynb', 'w').write('gone')",
    )
    write(
        folder / "eve.ipynb",
        *(SETUP, GIVEN, SUM.format("4"), "import os\n\nos._exit(1)", PRODUCT.format("6")),
    )
    write(folder / "fay.ipynb", SETUP, "total = 2 + 3", "answer = 4", PRODUCT.format("6"))
    (folder / "gus.ipynb").write_bytes((folder / "cy.ipynb").read_bytes()[:-30])
    (folder / "hal.ipynb").touch()
    write(folder / "ivy.ipynb", "print(1)", title="A poem")
    (folder / "jo.ipynb").write_text('{"names": []}')
    with (folder / "kim.ipynb").open("wb") as file:
        file.truncate(LARGEST + 1)
    (folder / "lou.ipynb").write_text("[" * 100_000)
    answered(folder / "max.ipynb", "input('your answer? ')", "6", "exit()", "7")
    answered(folder / ".ipynb_checkpoints" / "ada-checkpoint.ipynb", "4", "6")
    before = {path: path.read_bytes() for path in found(folder)}
    grades = graded(folder, lessons, jobs=2)
    assert {path: path.read_bytes() for path in found(folder)} == before
    return grades


def test_a_notebook_whose_answers_are_right_is_solved(everyone):
    one = everyone["ada/05.ipynb"]
    assert (one.lesson, one.status, one.note) == ("05", "graded", "")
    assert one.states == ("Correct", "Correct", *OTHERS)
    assert (one.solved, len(one.states)) == (2, len(exercise_names("05")))


def test_a_cell_that_raises_is_counted_and_the_others_are_run(everyone):
    one = everyone["bob/what I did.ipynb"]
    assert one.states == ("Correct", "Incorrect", *OTHERS)
    assert one.status == "graded"
    assert one.note == "2 cells raised, first ZeroDivisionError: division by zero in: 1/0"


def test_the_last_check_of_an_exercise_counts(everyone):
    assert everyone["cy.ipynb"].states == ("NotAttempted", "Incorrect", *OTHERS)


def test_cells_run_beside_what_lies_beside_the_lesson_and_not_in_the_students_folder(everyone):
    assert everyone["dee.ipynb"].solved == 2
    assert everyone["dee.ipynb"].status == "graded"


def test_a_kernel_that_dies_is_a_crash_and_what_was_checked_until_then_counts(everyone):
    one = everyone["eve.ipynb"]
    assert one.status == "crashed"
    assert one.states == ("Correct", "NotAttempted", *OTHERS)
    assert one.note.startswith("the kernel ended, in: import os")


def test_an_edited_notebook_is_graded_and_the_cells_are_named(everyone):
    one = everyone["fay.ipynb"]
    assert (one.status, one.solved) == ("graded", 1)
    changed, check = one.note.split("; ")
    assert changed == "given cell changed or missing: total = 2 + 2"
    assert check == "check line gone: ex.sum.check("


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("gus", "it is no notebook: it holds no JSON, or a torn one"),
        ("hal", "it is empty"),
        ("ivy", "it is no lesson: none of its headings is a lesson's title"),
        ("jo", "it is no notebook: its JSON is that of something else"),
        ("kim", f"it is {LARGEST + 0}"),
        ("lou", "it is no notebook: it holds no JSON, or a torn one"),
    ],
)
def test_what_is_no_lesson_is_refused_with_the_reason(everyone, name, why):
    one = everyone[f"{name}.ipynb"]
    assert (one.lesson, one.status, one.states) == ("", "refused", ())
    assert one.note.startswith(why)


def test_a_cell_that_asks_for_input_raises_and_one_that_exits_ends_the_kernel(everyone):
    one = everyone["max.ipynb"]
    assert one.states[1] == "Correct"
    assert one.status == "crashed"
    first, second = one.note.split("; ")
    assert first == "the kernel ended, in: exit()"
    assert second.startswith("1 cell raised, StdinNotImplementedError")


def test_every_notebook_but_the_hidden_has_one_grade(everyone):
    assert len(everyone) == 13
    assert not [name for name in everyone if "checkpoint" in name]


# --- what hangs, and what is left running --------------------------------------------------------


def test_what_hangs_is_ended_with_all_that_it_started(tmp_path, lessons):
    pids = tmp_path / "pids"
    write(tmp_path / "class/a.ipynb", SETUP, GIVEN, SUM.format("4"), starts(pids), "never")
    for limit in (10, 60):  # seconds; on a busy machine ten may pass before the cell is come to
        one = graded(tmp_path / "class", lessons, limit_seconds=limit)["a.ipynb"]
        assert one.status == "time limit"
        if pids.exists():
            break
    assert one.states[0] == "Correct"
    assert one.note.startswith(
        f"not at its end after {limit} s, in: import subprocess, sys, time; "
    )
    assert len(pids.read_text().split()) == 2
    assert not running(pids)


def test_what_a_notebook_leaves_running_is_ended_and_its_folder_is_gone(tmp_path, lessons):
    pids, place = tmp_path / "pids", tmp_path / "place"
    where = f"import pathlib; pathlib.Path({str(place)!r}).write_text(str(pathlib.Path.cwd()))"
    answered(tmp_path / "class/a.ipynb", "4", "6", starts(pids, then=where))
    one = graded(tmp_path / "class", lessons)["a.ipynb"]
    assert (one.status, one.solved) == ("graded", 2)
    assert not running(pids)
    assert not Path(place.read_text()).exists()


@pytest.mark.skipif(sys.platform == "win32", reason="a parent is killed as POSIX does it")
def test_a_notebook_that_kills_its_worker_is_a_crash_and_the_next_one_is_graded(tmp_path, lessons):
    kill = "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\nimport time; time.sleep(600)"
    answered(tmp_path / "a.ipynb", "4", "6", kill)
    answered(tmp_path / "b.ipynb", "4", "6")
    grades = graded(tmp_path, lessons)
    assert grades["a.ipynb"].status == "crashed"
    assert grades["a.ipynb"].note == "its run failed: its worker was ended"
    assert grades["b.ipynb"].solved == 2


def test_an_iterator_that_is_closed_ends_what_runs(tmp_path, lessons):
    pids = tmp_path / "pids"
    answered(tmp_path / "class/a.ipynb", "4", "6")
    write(tmp_path / "class/b.ipynb", starts(pids), title="A tiny lesson")
    with closing(grade(tmp_path / "class", lessons=lessons)) as grades:
        assert next(grades).notebook == "a.ipynb"
        while not pids.exists() or not pids.read_text():
            time.sleep(0.1)
    assert not running(pids)


def test_what_one_students_files_break_in_us_is_said_of_them_alone(tmp_path, lessons, monkeypatch):
    def breaks(_, left):
        if len(left) > 4:
            raise ZeroDivisionError("by them")
        return []

    monkeypatch.setattr("fedlab.grading.classroom.edits", breaks)
    answered(tmp_path / "a.ipynb", "4", "6", "more")
    answered(tmp_path / "b.ipynb", "4", "6")
    grades = graded(tmp_path, lessons)
    assert grades["a.ipynb"].note == "its run failed: by them"
    assert grades["b.ipynb"].solved == 2


# --- of the lessons themselves -------------------------------------------------------------------


def test_nothing_of_your_own_record_is_read_or_written(tmp_path, lessons, monkeypatch):
    mine = tmp_path / "mine.jsonl"
    monkeypatch.setenv(record.VARIABLE, str(mine))
    record.keep_check("05.1", "Correct")
    before = mine.read_bytes()
    answered(tmp_path / "class/a.ipynb", "...", "6")
    assert graded(tmp_path / "class", lessons)["a.ipynb"].states[:2] == ("NotAttempted", "Correct")
    assert mine.read_bytes() == before
    assert os.environ[record.VARIABLE] == str(mine)


def test_a_real_lesson_is_known_by_its_title_and_run(tmp_path):
    """Lesson 05 with one answer; the name says another lesson."""
    (path,) = shipped("lessons").glob("05_*.ipynb")
    whole = json.loads(path.read_text("utf-8"))
    cell = next(c for c in whole["cells"] if "ex.by_hand.check(" in "".join(c["source"]))
    cell["source"] = ["answer = (25 + 25) * 40 * 10\n", "ex.by_hand.check(answer)"]
    (tmp_path / "07_mine.ipynb").write_text(json.dumps(whole), "utf-8")
    (one,) = grade(tmp_path)
    assert (one.lesson, one.status, one.note) == ("05", "graded", "")
    assert (one.states[0], one.solved) == ("Correct", 1)


def test_lesson_11_is_left_out_where_its_kernel_cannot_be(tmp_path, monkeypatch):
    monkeypatch.setattr(tff_environment, "obstacle", lambda: "TensorFlow Federated is left out")
    (path,) = shipped("lessons").glob("11_*.ipynb")
    (tmp_path / "a.ipynb").write_bytes(path.read_bytes())
    (one,) = grade(tmp_path)
    assert (one.lesson, one.status) == ("11", "left out")
    assert one.note == "TensorFlow Federated is left out"


def test_every_lesson_has_a_title_of_its_own():
    lessons = known(shipped("lessons"))
    assert len({lesson.title for lesson in lessons}) == len(lessons)


def test_a_damaged_lesson_of_ours_is_named(tmp_path):
    (tmp_path / "05_x.ipynb").write_text("{}")
    with pytest.raises(ValueError, match=r"05_x.ipynb is to be a lesson, and it is no notebook"):
        known(tmp_path)


def test_a_folder_without_notebooks_is_one_sentence(tmp_path):
    with pytest.raises(ValueError, match=r"expected notebooks \(.ipynb\) in it"):
        found(tmp_path)
    with pytest.raises(ValueError, match="expected a folder"):
        found(tmp_path / "none")


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_that_leads_nowhere_is_refused(tmp_path):
    (tmp_path / "a.ipynb").symlink_to(tmp_path / "none")
    with pytest.raises(RefusedError, match="it is no file"):
        read(*found(tmp_path))
