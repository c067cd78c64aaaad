"""Each lesson, opened in JupyterLab and run from the top, as a student does."""

from pathlib import Path

import pytest

LESSONS = sorted((Path(__file__).parents[2] / "lessons").glob("[0-9][0-9]_*.ipynb"))


@pytest.mark.browser
@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_runs_from_the_top_without_an_error(open_notebook, lesson: Path) -> None:
    notebook = open_notebook(lesson)
    notebook.run_all(timeout=300)
    assert notebook.problems() == []
