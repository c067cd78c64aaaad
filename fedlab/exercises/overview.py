"""What there is to predict and to solve, lesson by lesson, and what of it has been done."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fedlab.exercises import record
from fedlab.paths import shipped

if TYPE_CHECKING:
    import pandas as pd

_PREDICTION = re.compile(r'\bpredict\(\s*"(\d\d\.\w+)"')


@dataclass(frozen=True)
class Standing:
    """One lesson: its number and question, the names of what there is, and of what is done."""

    lesson: str
    question: str
    predictions: tuple[str, ...]
    exercises: tuple[str, ...]
    predicted: tuple[str, ...]
    solved: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The same as JSON takes it."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def standings(done: record.Done) -> list[Standing]:
    """Every lesson that has something to predict or to solve.

    Neither lessons nor exercises are imported for it: torch alone would take seconds.
    """
    found = []
    for path in sorted(shipped("lessons").glob("[0-9][0-9]_*.ipynb")):
        cells = json.loads(path.read_text("utf-8"))["cells"]
        sources = ["".join(cell["source"]) for cell in cells]
        number = path.name[:2]
        predictions = tuple(dict.fromkeys(_PREDICTION.findall("\n".join(sources))))
        exercises = exercise_names(number)
        if predictions or exercises:
            found.append(
                Standing(
                    number,
                    sources[0].splitlines()[0].lstrip("# "),
                    predictions,
                    exercises,
                    tuple(name for name in predictions if name in done.predicted),
                    tuple(name for name in exercises if name in done.solved),
                )
            )
    return found


def exercise_names(lesson: str) -> tuple[str, ...]:
    """The names of a lesson's exercises, in order; none where it has no exercises.

    >>> exercise_names("05")[0]
    '05.1'
    """
    file = Path(__file__).with_name(f"lesson_{lesson}.py")
    if not file.is_file():
        return ()
    return tuple(
        str(node.args[0].value)
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") == "Exercise"
        and isinstance(node.args[0], ast.Constant)
    )


def progress() -> pd.DataFrame:
    """A row for each lesson: what of it has been predicted and solved on this computer."""
    import pandas as pd

    done = record.read()
    if done.problem:
        print(done.problem)
    rows = [
        {
            "lesson": f"{one.lesson} {one.question}",
            "predicted": f"{len(one.predicted)} of {len(one.predictions)}",
            "solved": f"{len(one.solved)} of {len(one.exercises)}",
        }
        for one in standings(done)
    ]
    return pd.DataFrame(rows).set_index("lesson")
