"""Exercises that check themselves, and the prediction a student commits to before measuring.

One file a lesson (`lesson_01.py`, …), each a handful of `Exercise` objects. An answer is in one of
three states: `NotAttempted`, `Incorrect` (which says what is wrong with it), `Correct`. `solutions`
has the reference answers, `record` keeps what has been done, and `progress()` shows it.
"""

from fedlab.exercises.framework import Correct, Exercise, Incorrect, NotAttempted, Result
from fedlab.exercises.overview import progress
from fedlab.exercises.predict import Prediction, predict

__all__ = [
    "Correct",
    "Exercise",
    "Incorrect",
    "NotAttempted",
    "Prediction",
    "Result",
    "predict",
    "progress",
]
