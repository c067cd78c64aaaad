"""A class's notebooks, run and scored: each in a process of its own, with a time limit.

Students' code runs with the rights of whoever grades: grade only what you would open and run
yourself. The score is what the notebook's own checks wrote down, which helps a teacher see who is
stuck where; it is no proof against a student who forges it.
"""

from fedlab.grading.classroom import found, grade
from fedlab.grading.grades import Grade

__all__ = ["Grade", "found", "grade"]
