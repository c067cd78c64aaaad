"""A student's record: what is predicted and solved is kept, whatever happens to the file."""

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from fedlab.cli import app
from fedlab.exercises import lesson_05, lesson_09, predict, progress, record
from fedlab.exercises.overview import exercise_names, standings


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A record of this test's own, not yet there."""
    path = tmp_path / "folder" / "progress.jsonl"
    monkeypatch.setenv(record.VARIABLE, str(path))
    return path


def test_what_is_predicted_and_solved_is_there_in_the_next_process(file):
    code = (
        "from fedlab.exercises import lesson_05 as ex, predict\n"
        "predict('05.total', '212 MB')\n"
        "ex.by_hand.check(20_000)\n"
        "ex.quarter.check(4)\n"
        "import os; os._exit(1)"  # a kernel that crashes
    )
    subprocess.run([sys.executable, "-c", code], check=False)
    done = record.read()
    assert done.predicted == {"05.total": 212_000_000}
    assert done.checked == {"05.1": "Correct", "05.4": "Incorrect"}
    assert done.solved == {"05.1"}


def test_what_was_solved_once_stays_solved(file):
    lesson_05.by_hand.check(20_000)
    lesson_05.by_hand.check(10_000)
    assert record.read().solved == {"05.1"}
    assert record.read().checked == {"05.1": "Incorrect"}


def test_stubs_and_unreadable_guesses_leave_no_line(file):
    lesson_05.by_hand.check(...)
    predict("05.total", ...)
    predict("05.total", "a lot")
    assert not file.exists()
    assert record.read() == record.Done()


def test_a_deleted_record_starts_over(file):
    lesson_05.by_hand.check(20_000)
    file.unlink()
    assert record.read() == record.Done()
    lesson_05.by_hand.check(20_000)
    assert record.read().solved == {"05.1"}


def test_a_corrupt_record_is_set_aside_and_what_can_be_read_is_kept(file):
    lesson_05.by_hand.check(20_000)
    with file.open("ab") as out:
        out.write(b'{"exercise": "05.4", "sta\xff\x00')  # torn by a crash
    lesson_09.same_work.check(8)
    before = file.read_bytes()
    done = record.read()
    assert done.solved == {"05.1", "09.1"}
    aside = file.with_name("progress.jsonl.corrupt")
    assert done.problem == (
        f"1 line of your progress could not be read; the file was set aside as {aside}, "
        "and what could be read is kept"
    )
    assert aside.read_bytes() == before
    assert record.read() == record.Done(done.predicted, done.checked, done.solved)


@given(st.binary(max_size=200))
def test_no_bytes_in_the_file_make_reading_raise(noise):
    # a path of its own, since hypothesis runs one test's fixtures once
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        path = Path(folder) / "progress.jsonl"
        patch.setenv(record.VARIABLE, str(path))
        path.write_bytes(noise)
        record.read()
        lesson_05.by_hand.check(20_000)
        assert record.read().solved == {"05.1"}


@pytest.mark.parametrize(
    "line",
    ["[]", "1", '{"exercise": "05.1"}', '{"exercise": "05.1", "state": "Perfect"}', "null", "{"],
)
def test_a_line_of_another_form_is_none_of_ours(file, line):
    file.parent.mkdir()
    file.write_text(line + "\n")
    assert record.read().problem
    assert record.read() == record.Done()


def test_a_record_that_cannot_be_kept_is_said_and_the_check_goes_on(file):
    file.parent.write_text("a file where a folder should be")
    with pytest.warns(RuntimeWarning, match="your progress is not kept"):
        assert lesson_05.by_hand.check(20_000)
    assert "cannot be read" in record.read().problem


def test_an_empty_variable_keeps_nothing(monkeypatch):
    monkeypatch.setenv(record.VARIABLE, "")
    lesson_05.by_hand.check(20_000)
    assert record.place() is None
    assert record.read() == record.Done()


def test_by_default_it_is_in_the_users_own_data_folder(monkeypatch):
    monkeypatch.delenv(record.VARIABLE)
    assert record.place().parts[-2:] == ("fedlab-course", "progress.jsonl")


def test_every_prediction_and_exercise_of_the_course_is_counted(file):
    found = {one.lesson: one for one in standings(record.read())}
    assert list(found) == sorted(found)
    for number, one in found.items():
        assert one.predictions, f"lesson {number} asks for no prediction"
        assert all(name.startswith(number) for name in one.predictions)
        assert one.exercises == exercise_names(number)
        assert one.exercises or number == "00"


def test_progress_shows_both_counts_for_each_lesson(file, capsys):
    lesson_05.by_hand.check(20_000)
    table = progress()
    (row,) = [index for index in table.index if index.startswith("05 ")]
    assert table.loc[row, "solved"] == f"1 of {len(exercise_names('05'))}"
    assert table.loc[row, "predicted"].startswith("0 of ")
    assert capsys.readouterr().out == ""


def test_the_command_prints_a_table_and_where_it_is_kept(file):
    lesson_05.by_hand.check(20_000)
    said = CliRunner().invoke(app, ["progress"], terminal_width=200)
    assert said.exit_code == 0
    assert "1 of" in said.stdout
    assert str(file) in said.stdout.replace("\n", "")


def test_the_command_prints_json_and_nothing_else(file):
    lesson_05.by_hand.check(20_000)
    said = json.loads(CliRunner().invoke(app, ["progress", "--json"]).stdout)
    assert said["file"] == str(file)
    (five,) = [one for one in said["lessons"] if one["lesson"] == "05"]
    assert five["solved"] == ["05.1"]
