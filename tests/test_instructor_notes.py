"""The instructor's notes: they speak of every lesson, and each cell they name is there."""

import re

import nbformat
import pytest

from fedlab.paths import shipped

NOTES = (shipped("lessons") / "instructor.md").read_text("utf-8")
LESSONS = sorted(shipped("lessons").glob("[0-9][0-9]_*.ipynb"))
PARTS = ("Timing", "Ask the room", "Demo", "Misconceptions", "Discussion")


def section(number):
    """The notes on one lesson: its heading, and the text up to the next heading."""
    found = re.search(rf"^### ({number} · .*)\n([\s\S]*?)(?=^##)", NOTES, re.MULTILINE)
    assert found, f"no notes on lesson {number}"
    return found[1], found[2]


@pytest.fixture(params=LESSONS, ids=lambda path: path.name[:2])
def lesson(request):
    number = request.param.name[:2]
    return number, nbformat.read(request.param, as_version=4).cells, *section(number)


def test_each_lesson_has_its_question_and_every_part(lesson):
    number, cells, heading, text = lesson
    assert heading == f"{number} · {cells[0].source.splitlines()[0].lstrip('# ')}"
    assert [part for part in PARTS if f"**{part}**" not in text] == []


def test_the_minutes_add_up_to_those_of_the_lesson(lesson):
    _, cells, _, text = lesson
    minutes = int(re.search(r"\*\*(\d+) minutes", cells[0].source)[1])
    timing = re.search(r"\*\*Timing\*\*: (.*)\.", text)[1]
    assert sum(map(int, re.findall(r"\d+(?=,|$| minutes)", timing))) == minutes


def test_every_cell_that_is_named_begins_so(lesson):
    _, cells, _, text = lesson
    starts = [cell.source for cell in cells if cell.cell_type == "code"]
    named = re.findall(r"[Cc]ell\s+`([^`]+)`", text)
    assert [begin for begin in named if not any(s.startswith(begin) for s in starts)] == []


def test_each_misconception_but_a_few_names_the_cell_that_refutes_it(lesson):
    *_, text = lesson
    listed = re.search(r"\*\*Misconceptions\*\*\n\n([\s\S]*?)\n\n\*\*", text)[1]
    items = re.split(r"^- ", listed, flags=re.MULTILINE)[1:]
    assert len(items) >= 2
    assert sum("cell `" in re.sub(r"\s+", " ", item).lower() for item in items) >= len(items) - 1


def test_every_demo_that_is_named_can_be_served():
    from fedlab.demos import CATALOGUE

    named = set(re.findall(r"fedlab demo ([a-z-]+)", NOTES))
    assert named == {entry.name for entry in CATALOGUE}


@pytest.mark.parametrize(("route", "minutes"), [("45 minutes, you drive", 45)])
def test_the_short_route_takes_what_it_says(route, minutes):
    table = re.search(rf"### {route}\n([\s\S]*?)\n\n#", NOTES)[1]
    assert sum(map(int, re.findall(r"^\| (\d+) \|", table, re.MULTILINE))) == minutes


def test_every_identifier_in_the_lessons_is_on_the_reading_list_or_in_its_lesson_alone():
    """The list is a selection, but nothing on it is missing from the lessons."""
    cited = {
        identifier
        for path in LESSONS
        for cell in nbformat.read(path, as_version=4).cells
        for identifier in re.findall(r"arxiv\.org/abs/([\d.]+\d)", cell.source)
    }
    listed = set(re.findall(r"arxiv\.org/abs/([\d.]+\d)", NOTES))
    assert listed - cited == set()
