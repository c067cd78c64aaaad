"""What grading says of one notebook, and the table of a class."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Status = Literal["graded", "time limit", "crashed", "refused", "left out", "not run"]

MOST_EXERCISES = 5  # of a lesson
_COLUMNS = (
    *("notebook", "lesson", "status", "solved", "of"),
    *(str(number + 1) for number in range(MOST_EXERCISES)),
    "note",
)
_STATES = {"Correct": "correct", "Incorrect": "not yet", "NotAttempted": "not attempted"}
# Where a spreadsheet may begin a cell: with another separator than ours, inside a cell of ours too.
_FORMULA = re.compile(r"(^|[;,\t])(\s*)(?=[=+\-@])")


@dataclass(frozen=True)
class Grade:
    """One notebook: its path below the folder, its lesson's number, and how it went.

    status: "graded" when it ran to its end; "time limit" and "crashed" when it did not; "refused"
    what cannot be run at all, "left out" what cannot be run on this machine, "not run" what was not
    come to. states: of each exercise of the lesson, as `Exercise.check` names it, its last check;
    of a run that did not end, until then. note: what else there is to say.
    """

    notebook: str
    lesson: str = ""
    status: Status = "not run"
    states: tuple[str, ...] = ()
    note: str = ""

    @property
    def solved(self) -> int:
        """How many exercises were correct when they were checked last."""
        return self.states.count("Correct")

    def as_json(self) -> dict[str, Any]:
        """The same as JSON takes it."""
        return {
            "notebook": self.notebook,
            "lesson": self.lesson,
            "status": self.status,
            "solved": self.solved,
            "of": len(self.states),
            "states": list(self.states),
            "note": self.note,
        }


def save(grades: Iterable[Grade], file: Path) -> None:
    """Write a row a notebook; a file of that name is replaced, whole or not at all.

    With a byte order mark, without which some spreadsheets take UTF-8 for something else.
    """
    file = file.resolve()  # what a link leads to is replaced, not the link
    part = file.with_name(file.name + ".part")
    with part.open("w", encoding="utf-8-sig", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(_COLUMNS)
        rows.writerows(_row(one) for one in grades)
    os.replace(part, file)


def _row(one: Grade) -> list[str]:
    known = [_STATES.get(state, "?") for state in one.states]  # what was forged is of no known one
    scored = [str(one.solved), str(len(known))] if one.states else ["", ""]
    blanks = [""] * (MOST_EXERCISES - len(known))
    row = [one.notebook, one.lesson, one.status, *scored, *known, *blanks, one.note]
    return [harmless(printable(text)) for text in row]


def harmless(text: str) -> str:
    """No formula: an apostrophe before what a spreadsheet would compute.

    >>> harmless("=HYPERLINK(1)"), harmless("a;-1"), harmless("a-1")
    ("'=HYPERLINK(1)", "a;'-1", 'a-1')
    """
    return _FORMULA.sub(r"\1\2'", text)


def printable(text: str) -> str:
    """Without what moves a cursor, colours a terminal or ends a line.

    >>> printable("a\\x1b[31m\\nb")
    'a?[31m?b'
    """
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def brief(text: str, most: int = 60) -> str:
    """Its first line with something in it, no longer than `most` characters.

    >>> brief("  import this  # and that\\n", 14)
    'import this  …'
    """
    line = printable(next((line.strip() for line in text.splitlines() if line.strip()), ""))
    return line if len(line) <= most else line[: most - 1] + "…"
