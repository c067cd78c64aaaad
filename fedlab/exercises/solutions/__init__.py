"""The solutions, a file a lesson; `ALL` is in the order of the exercises.

The body of each function is what `Exercise.solution` prints. A student's copy of the
course is built without this folder.
"""
