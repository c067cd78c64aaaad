"""Whatever a student writes in place of the dots, no cell of the exercises raises."""

import contextlib
import io
import re

import nbformat
import pytest
from execute import lessons

NONSENSE = {
    "text": '"a lot"',
    "negative": "-1",
    "huge": "10**400",
    "NaN": 'float("nan")',
    "list": "[]",
    "class": "dict",
}
BODIES = {
    "returns nothing": "return None",
    "raises": "raise RuntimeError('mine')",
    "returns what came": "return next(iter(locals().values()))",
    "is not Python's kind": "return object()",
}


def own_cells(path):
    """The predictions, and the cells of the exercises, up to the next heading."""
    cells, exercises = nbformat.read(path, as_version=4).cells, False
    for cell in cells:
        if cell.cell_type == "markdown" and "## " in cell.source:
            exercises = "## Exercises" in cell.source
        elif cell.cell_type == "code" and (exercises or "predict(" in cell.source):
            yield cell.source


def filled(source, answer, body):
    """The cell with its dots replaced: of a function's body, of an answer, of a prediction."""
    source = re.sub(r"(?m)^    \.\.\.$", f"    {body}", source)
    return re.sub(r"(?m)(= |, )\.\.\.(\)?)(?=\s*(?:#.*)?$)", rf"\g<1>{answer}\2", source)


@pytest.mark.parametrize("path", lessons(), ids=lambda path: path.name[:2])
def test_wrong_answers_meet_no_traceback(path):
    sources = list(own_cells(path))
    assert any(filled(source, "1", "pass") != source for source in sources)
    pairs = [(answer, "pass") for answer in NONSENSE.values()]
    pairs += [("1", body) for body in BODIES.values()]
    for answer, body in pairs:
        names = {}
        for source in sources:
            with contextlib.redirect_stdout(io.StringIO()):
                exec(filled(source, answer, body), names)


def test_dots_are_replaced_where_a_student_would():
    assert (
        filled('guess = predict("05.five", ...)', '"1 MB"', "")
        == 'guess = predict("05.five", "1 MB")'
    )
    assert filled("answer = ...  # (node, bytes)", "2", "") == "answer = 2  # (node, bytes)"
    assert filled("answer = ...\nex.a.check(answer)", "2", "") == "answer = 2\nex.a.check(answer)"
    stub = "def f(x):\n    # your code in place of the dots\n    ...\n"
    assert "    return x\n" in filled(stub, "", "return x")
