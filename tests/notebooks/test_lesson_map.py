"""The README's lesson map is what the lessons' title cells say."""

import re

import nbformat
from execute import LESSONS, lessons

ROW = re.compile(r"^\| \[(\d\d)\]\(lessons/(\S+)\) \| (\*elective\*)?.* \| (\d+) \|$", re.MULTILINE)
TITLE = re.compile(r"\*\*(\d+) minutes · ([\w-]+)\*\*")


def row(path):
    minutes, kind = TITLE.search(nbformat.read(path, as_version=4).cells[0].source).groups()
    return path.name[:2], path.name, "*elective*" if kind == "elective" else "", minutes


def test_every_lesson_has_a_row_with_its_minutes_and_whether_it_is_elective():
    readme = (LESSONS.parent / "README.md").read_text("utf-8")
    assert ROW.findall(readme) == list(map(row, lessons()))
