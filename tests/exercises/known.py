"""All exercises, lesson by lesson, and the known wrong answers to them.

A lesson brings `fedlab/exercises/lesson_NN.py`, and `answers_NN.py` beside this file: a list WRONG
of (name of the exercise, wrong answer, words of the reply).
"""

import importlib
from pathlib import Path
from typing import Any

import fedlab.exercises
from fedlab.exercises import Exercise

NUMBERS = sorted(
    file.stem.removeprefix("lesson_")
    for file in Path(fedlab.exercises.__file__).parent.glob("lesson_[0-9][0-9].py")
)
LESSONS = {
    number: importlib.import_module(f"fedlab.exercises.lesson_{number}") for number in NUMBERS
}
EXERCISES: dict[str, Exercise] = {
    exercise.name: exercise for lesson in LESSONS.values() for exercise in lesson.ALL
}
WRONG: list[tuple[str, Any, str]] = [
    case for number in NUMBERS for case in importlib.import_module(f"answers_{number}").WRONG
]
