"""The table of a class: what a student writes stays text, whatever opens it."""

import csv
import os
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedlab.exercises.overview import exercise_names
from fedlab.grading import Grade
from fedlab.grading.grades import MOST_EXERCISES, brief, harmless, save
from fedlab.grading.notebooks import known
from fedlab.paths import shipped


def rows(file):
    with file.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))


def test_a_row_a_notebook_with_a_column_for_each_exercise(tmp_path):
    states = ("Correct", "Incorrect", "NotAttempted", "Correct")
    grades = [Grade("ada/a.ipynb", "05", "graded", states, "fine"), Grade("b.ipynb")]
    save(grades, tmp_path / "grades.csv")
    first, second = rows(tmp_path / "grades.csv")
    assert first == {
        "notebook": "ada/a.ipynb",
        "lesson": "05",
        "status": "graded",
        "solved": "2",
        "of": "4",
        "1": "correct",
        "2": "not yet",
        "3": "not attempted",
        "4": "correct",
        "5": "",
        "note": "fine",
    }
    assert (second["status"], second["solved"], second["of"]) == ("not run", "", "")


def test_a_table_of_that_name_is_replaced_and_nothing_else_is_left(tmp_path):
    file = tmp_path / "grades.csv"
    save([Grade("a.ipynb"), Grade("b.ipynb")], file)
    save([Grade("c.ipynb")], file)
    assert [row["notebook"] for row in rows(file)] == ["c.ipynb"]
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("name", ["=1+1.ipynb", "+a.ipynb", "-a.ipynb", "@a.ipynb", " =a.ipynb"])
def test_a_name_that_begins_as_a_formula_is_text(tmp_path, name):
    save([Grade(name, note=f"raised NameError: x in: {name}")], tmp_path / "grades.csv")
    (row,) = rows(tmp_path / "grades.csv")
    assert row["notebook"].lstrip().startswith("'")
    assert row["notebook"].replace("'", "") == name


@given(st.text())
def test_no_text_begins_a_formula_with_any_separator(text):
    safe = harmless(text)
    for separator in ";,\t":
        for cell in safe.split(separator):
            assert not cell.strip().startswith(("=", "+", "-", "@"))


@given(st.text(st.characters(codec=None), max_size=20))
def test_every_name_gives_one_line(text):
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "grades.csv"
        save([Grade(text, note=text)], file)
        assert len(file.read_text("utf-8-sig").splitlines()) == 2
        assert len(rows(file)) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_what_a_link_leads_to_is_replaced_and_the_link_stays(tmp_path):
    link, file = tmp_path / "link.csv", tmp_path / "grades.csv"
    link.symlink_to(file)
    save([Grade("a.ipynb")], link)
    assert os.path.islink(link)
    assert len(rows(file)) == 1


def test_a_cell_is_named_by_its_first_line_without_what_a_terminal_obeys():
    assert brief("\n\n  x = 1\ny") == "x = 1"
    assert brief("\x1b[31mred") == "?[31mred"
    assert len(brief("x" * 1000)) == 60
    assert brief("") == ""


def test_no_lesson_has_more_exercises_than_the_table_has_columns():
    for lesson in known(shipped("lessons")):
        assert len(exercise_names(lesson.number)) <= MOST_EXERCISES
