"""A student's copy of the course: no solution is in it, and everything else works."""

import base64
import csv
import hashlib
import importlib.util
import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from fedlab.exercises import Exercise, lesson_05
from fedlab.paths import shipped

ROOT = Path(__file__).parents[1]
SPEC = importlib.util.spec_from_file_location("student_build", ROOT / "student" / "build.py")
student = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(student)
ALL = student.exercises()


@pytest.fixture(scope="module")
def handed_out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("student")
    (folder / "fedlab_course-0.0.1+student-py3-none-any.whl").touch()  # of last year
    student.build(folder)
    return folder


@pytest.fixture(scope="module")
def wheel(handed_out):
    (built,) = handed_out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def copy(wheel, tmp_path_factory):
    """Run Python with the student's copy in place of the clone."""
    home = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--quiet"]
    subprocess.run([*pip, "--target", str(home / "site"), str(wheel)], check=True)

    def run(code, *arguments):
        seen = f"import fedlab; assert {str(home)!r} in fedlab.__file__, fedlab.__file__\n"
        return subprocess.run(
            [sys.executable, "-c", seen + code, *arguments],
            env=os.environ | {"PYTHONPATH": str(home / "site")},
            cwd=home,
            capture_output=True,
            text=True,
        )

    return run


# --- what is in it -------------------------------------------------------------------------------


def test_a_wheel_its_constraints_and_a_readme_with_two_commands_are_handed_out(handed_out, wheel):
    assert {path.name for path in handed_out.iterdir()} == {
        "README.md",
        "constraints.txt",
        wheel.name,
    }
    commands = (handed_out / "README.md").read_text("utf-8").split("```")[1].strip().splitlines()
    assert commands == [f"pip install {wheel.name} -c constraints.txt", "fedlab lessons"]


def test_solutions_and_the_instructors_notes_are_absent_and_nothing_else(wheel, tmp_path):
    ordinary = set(zipfile.ZipFile(student.ordinary_wheel(tmp_path)).namelist())
    names = {name.replace("+student", "") for name in zipfile.ZipFile(wheel).namelist()}
    assert not [name for name in names if "solutions" in name or "instructor" in name]
    left_out = ordinary - names
    assert names <= ordinary
    assert left_out
    assert all(
        name.startswith("fedlab/exercises/solutions/")
        or name == "fedlab/shipped/lessons/instructor.md"
        for name in left_out
    )


def test_no_file_of_the_build_holds_a_solution(handed_out, wheel):
    assert student.leaks(wheel) == []
    for path in handed_out.glob("*.[mt]*"):
        text = student._squeezed(path.read_text("utf-8"))
        for exercise in ALL:
            results, steps = student.telling(exercise)
            assert not [piece for piece in (*results, *steps) if student._stands(piece, text)]


def test_the_record_has_every_file_and_its_hash(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/RECORD")]
        rows = list(csv.reader(io.StringIO(archive.read(name).decode())))
        assert [row[0] for row in rows] == archive.namelist()
        for path, digest, size in rows[:-1]:
            content = archive.read(path)
            whole = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode()
            assert (digest, size) == ("sha256=" + whole.rstrip("="), str(len(content)))


# --- that a solution would be found --------------------------------------------------------------


def planted(folder, name, content):
    wheel = folder / "planted.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(name, content)
    return wheel


def notebook(source, outputs=(), kind="code"):
    cell = {"cell_type": kind, "source": [source], "outputs": list(outputs)}
    return json.dumps({"cells": [cell]})


@pytest.mark.parametrize("exercise", ALL, ids=lambda exercise: exercise.name)
def test_each_solution_would_be_found_wherever_it_stood(exercise, tmp_path):
    source = exercise.solution_source()
    shown = {"output_type": "display_data", "data": {"text/html": [f"<pre>{source}</pre>"]}}
    for name, content in {
        "fedlab/plots/x.py": source,
        "fedlab/x.md": "See:\n\n    " + source.replace(" ", "  ").replace("\n", "\n    "),
        "fedlab/shipped/lessons/x.ipynb": notebook("x", [shown]),
        "fedlab/shipped/lessons/y.ipynb": notebook(f"`{source}`", kind="markdown"),
    }.items():
        assert f"{name}: the solution of {exercise.name}" in student.leaks(
            planted(tmp_path, name, content)
        )


def test_a_hint_that_is_the_solution_would_be_found(tmp_path):
    content = "hints=['Halve it.', '(25+25)*40*10']"
    found = student.leaks(planted(tmp_path, "fedlab/exercises/lesson_05.py", content))
    assert found == ["fedlab/exercises/lesson_05.py: the solution of 05.1"]


def test_a_part_of_longer_numbers_is_no_solution():
    assert student._stands("40//5", "rounds=40//5")
    assert not student._stands("40//5", "140//5")
    assert not student._stands("40//5", "40//55")


@pytest.mark.parametrize(
    ("source", "said", "found"),
    [
        ("answer = ...\nex.one.check(answer)", "Not attempted: …", None),
        ("answer = 7\nex.one.check(answer)", "Not attempted: …", "an answer is filled in"),
        ("answer = ...\nex.one.check(answer)", "Correct: well done", "an answer is filled in"),
        ("ex.one.solution()", "", "a cell shows a solution"),
    ],
)
def test_an_answer_or_a_solution_in_a_stored_notebook_would_be_found(tmp_path, source, said, found):
    name = "fedlab/shipped/lessons/05_x.ipynb"
    outputs = [{"output_type": "execute_result", "data": {"text/plain": [said]}}]
    wheel = planted(tmp_path, name, notebook(source, outputs))
    line = source.splitlines()[-1]
    assert student.leaks(wheel) == ([f"{name}: {found}: {line}"] if found else [])


def test_nothing_is_handed_out_when_a_solution_is_found(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(student, "ROOT", tmp_path)
    monkeypatch.setattr(student, "student_wheel", lambda wheel, _: wheel)
    monkeypatch.setattr(student, "ordinary_wheel", lambda folder: folder / "a.whl")
    monkeypatch.setattr(student, "leaks", lambda _: ["a.py: the solution of 05.1"])
    assert student.main() == 1
    assert capsys.readouterr().err == (
        "make student: nothing is handed out, for it holds:\na.py: the solution of 05.1\n"
    )
    assert not (tmp_path / "dist").exists()


def test_a_checkpoint_of_a_notebook_is_not_handed_out(tmp_path):
    whole = tmp_path / "fedlab_course-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr("fedlab/__init__.py", "")
        archive.writestr("fedlab/shipped/lessons/.ipynb_checkpoints/05-checkpoint.ipynb", "{}")
        archive.writestr("fedlab_course-0.1.0.dist-info/METADATA", "Name: a\nVersion: 0.1.0\n\n")
        archive.writestr("fedlab_course-0.1.0.dist-info/RECORD", "")
    made = student.student_wheel(whole, tmp_path)
    assert made.name == "fedlab_course-0.1.0+student-py3-none-any.whl"
    assert zipfile.ZipFile(made).namelist() == [
        "fedlab/__init__.py",
        "fedlab_course-0.1.0+student.dist-info/METADATA",
        "fedlab_course-0.1.0+student.dist-info/RECORD",
    ]


# --- that it works -------------------------------------------------------------------------------


def plain(exercise: Exercise) -> object:
    """Its answer without types of our own; None for a function."""
    answer = exercise.solve()
    try:
        same = json.loads(json.dumps(answer))
    except TypeError:
        return None
    return tuple(same) if isinstance(answer, tuple) else same


def test_exercises_check_answers_and_give_hints_and_say_that_there_is_no_solution(copy):
    answers = {one.name: plain(one) for one in ALL if plain(one) is not None}
    code = (
        "import importlib, sys\n"
        f"answers = {answers!r}\n"
        f"for name in {sorted({one.name[:2] for one in ALL})!r}:\n"
        "    for one in importlib.import_module(f'fedlab.exercises.lesson_{name}').ALL:\n"
        "        one.hint()\n"
        "        one.solution()\n"
        "        assert not one.check('nonsense')\n"
        "        if one.name in answers:\n"
        "            assert one.check(answers[one.name]), one.name\n"
        "            print('solved', one.name)\n"
    )
    done = copy(code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("This copy of the course has no solutions") == len(ALL)
    assert done.stdout.count("solved") == len(answers)


def test_the_wheel_says_that_it_is_a_students(copy):
    code = "from importlib.metadata import version; print(version('fedlab-course'))"
    assert copy(code).stdout.endswith("+student\n")


def test_notebooks_are_graded_the_same_in_it(copy, tmp_path):
    (path,) = shipped("lessons").glob("05_*.ipynb")
    whole = json.loads(path.read_text("utf-8"))
    cell = next(c for c in whole["cells"] if "ex.by_hand.check(" in "".join(c["source"]))
    cell["source"] = [f"answer = {lesson_05.by_hand.solve()}\n", "ex.by_hand.check(answer)"]
    (tmp_path / "mine.ipynb").write_text(json.dumps(whole), "utf-8")
    code = "import fedlab.cli as c; c.main()"
    done = copy(code, "grade", str(tmp_path), "--csv", str(tmp_path / "a.csv"), "--json")
    assert done.returncode == 0, done.stderr
    (one,) = json.loads(done.stdout)["notebooks"]
    assert (one["lesson"], one["status"], one["solved"], one["note"]) == ("05", "graded", 1, "")
