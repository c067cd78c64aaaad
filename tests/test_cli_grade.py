"""fedlab grade, called as an instructor calls it."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from functools import partial

import pytest
from classes import answered, running, starts, tiny_lessons, write
from typer.testing import CliRunner

from fedlab import cli
from fedlab.grading import classroom
from fedlab.grading.grades import Grade

COMMAND = """
import pathlib, sys
from fedlab import cli
from fedlab.grading import classroom

home = pathlib.Path(sys.argv.pop())
classroom.shipped = lambda name: home
cli.main()
"""


@pytest.fixture
def lessons(tmp_path, monkeypatch):
    folder = tiny_lessons(tmp_path / "lessons")
    monkeypatch.setattr(classroom, "shipped", lambda name: folder)
    return folder


@pytest.fixture
def grade(fedlab):
    return partial(fedlab, "grade")


def table(file):
    with file.open(encoding="utf-8-sig", newline="") as lines:
        return {row["notebook"]: row for row in csv.DictReader(lines)}


def test_a_class_becomes_a_table_on_the_screen_and_in_the_file(tmp_path, lessons, grade):
    answered(tmp_path / "class" / "ada.ipynb", "4", "6")
    (tmp_path / "grades.csv").write_text("of last week")
    status, out, err = grade(tmp_path / "class", "--csv", tmp_path / "grades.csv")
    assert (status, err) == (0, "")
    assert "2 of 5" in out
    assert "1 of 1 were run to their end" in out
    row = table(tmp_path / "grades.csv")["ada.ipynb"]
    assert (row["solved"], row["1"], row["2"], row["3"]) == (
        "2",
        "correct",
        "correct",
        "not attempted",
    )


def test_what_could_not_be_run_is_said_and_is_exit_status_1(tmp_path, lessons, grade):
    answered(tmp_path / "class" / "ada.ipynb", "4", "5")
    write(tmp_path / "class" / "[red]=b.ipynb", title="Another")
    status, out, _ = grade(tmp_path / "class", "--csv", tmp_path / "a.csv", "--json")
    assert status == 1
    said = json.loads(out)
    assert said["file"] == str(tmp_path / "a.csv")
    by_name = {one["notebook"]: one for one in said["notebooks"]}
    assert by_name["ada.ipynb"]["states"][:2] == ["Correct", "Incorrect"]
    assert by_name["[red]=b.ipynb"]["status"] == "refused"
    assert table(tmp_path / "a.csv")["[red]=b.ipynb"]["note"].startswith("it is no lesson")


@pytest.mark.parametrize(
    ("folder", "file", "said"),
    [
        ("none", "a.csv", "expected a folder of notebooks"),
        ("empty", "a.csv", "expected notebooks (.ipynb) in it"),
        ("class", "none/a.csv", "cannot be written: No such file or directory"),
        ("class", "empty", "cannot be written: Is a directory"),
        ("class", "class/ada.ipynb", "expected a file for a table, not a notebook's name"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="its words for these errors are others")
def test_what_cannot_be_read_or_written_is_one_sentence_before_anything_runs(
    tmp_path, lessons, grade, monkeypatch, folder, file, said
):
    (tmp_path / "empty").mkdir()
    answered(tmp_path / "class" / "ada.ipynb", "4", "6")
    before = (tmp_path / "class" / "ada.ipynb").read_bytes()
    monkeypatch.setattr(classroom, "Keeper", None)
    status, out, err = grade(tmp_path / folder, "--csv", tmp_path / file)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert said in err
    assert (tmp_path / "class" / "ada.ipynb").read_bytes() == before


def test_a_markup_or_an_escape_in_a_name_is_shown_as_it_stands(tmp_path, grade, monkeypatch):
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "[bold]a.ipynb").touch()
    grades = [Grade("[bold]a.ipynb", note="[red]x")]
    monkeypatch.setattr("fedlab.grading.grade", lambda *_, **__: (one for one in grades))
    out = grade(tmp_path / "class", "--csv", tmp_path / "a.csv")[1]
    assert "[bold]a.ipynb" in out
    assert "[red]x" in out


@pytest.mark.skipif(sys.platform == "win32", reason="an interrupt is sent as POSIX does it")
def test_ctrl_c_ends_what_runs_and_the_file_has_what_was_graded(tmp_path, lessons):
    pids, file = tmp_path / "pids", tmp_path / "a.csv"
    answered(tmp_path / "class" / "a.ipynb", "4", "6")
    write(tmp_path / "class" / "b.ipynb", starts(pids), title="A tiny lesson")
    write(tmp_path / "class" / "c.ipynb", title="A tiny lesson")
    command = ["grade", str(tmp_path / "class"), "--csv", str(file), str(lessons)]
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, *command],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"COLUMNS": "500"},
    )
    try:
        while not pids.exists() or not pids.read_text():
            assert process.poll() is None, process.communicate()
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130
    assert out == ""
    assert "Traceback" not in err
    assert f"what was graded is in {file}" in err
    assert {name: row["status"] for name, row in table(file).items()} == {
        "a.ipynb": "graded",
        "b.ipynb": "not run",
        "c.ipynb": "not run",
    }
    assert not running(pids)


def test_the_help_says_whose_rights_students_code_has_and_what_the_score_is_worth():
    shown = CliRunner().invoke(cli.app, ["grade", "--help"], terminal_width=200).stdout
    said = " ".join(shown.replace("│", " ").split())
    assert "runs students' code with your rights" in said
    assert "no score for proof against one who forges" in said
    assert "it is overwritten" in said


def test_nothing_heavy_is_imported_to_show_the_help():
    code = (
        "import sys, fedlab.cli\n"
        "assert not {'pandas', 'torch', 'jupyter_client', 'fedlab.grading'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
