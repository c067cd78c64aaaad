"""What makes a notebook a lesson; conftest.py at the root checks how its outputs are stored."""

import json
import re

import nbformat
import pytest
from execute import WIDGET_VIEW, lessons

KERNELS = {"python3", "fedlab-tff"}
LOOSENING_TAG = re.compile(r"nbval|skip|raises-exception")
LOOSENING_COMMENT = re.compile(r"^\s*#.*(NBVAL_|PYTEST_VALIDATE_)", re.MULTILINE)
FIGURE = re.compile(r"<Figure size .*>")
CORE = {"01", "02", "04", "05", "06", "07", "09"}
PREDICTED = re.compile(r'^(\w+) = predict\(\s*"([^"]*)",\s*\.\.\.\s*\)', re.MULTILINE)
RECONCILED = re.compile(r"\b(\w+)\.reconcile\(")


@pytest.fixture(params=lessons(), ids=lambda path: path.stem)
def lesson(request):
    return nbformat.read(request.param, as_version=4)


def cells(lesson, kind):
    return [cell for cell in lesson.cells if cell.cell_type == kind]


def has_figure(cell):
    outputs = cell.get("outputs", [])
    return any(mime.startswith("image/") for output in outputs for mime in output.get("data", {}))


def says_something(cell):
    """Whether a cell is text, or stores text other than a figure's own name."""
    if cell.cell_type == "markdown":
        return bool(cell.source.strip())
    outputs = cell.get("outputs", [])
    bundles = [output.get("data", {}) for output in outputs]
    printed = [output.get("text", "") for output in outputs]
    shown = [bundle.get("text/plain", "") for bundle in bundles]
    return bool(FIGURE.sub("", "".join(printed + shown)).strip())


def core_or_elective(lesson):
    """What the title cell says a lesson is: core, elective or set-up."""
    first = lesson.cells[0]
    assert first.cell_type == "markdown"
    title = re.match(r"# \S.*\n\n\*\*\d+ minutes · (core|elective|set-up)\*\* ", first.source)
    assert title, "expected '# Title', an empty line and '**NN minutes · core** · what it is about'"
    return title[1]


def test_the_first_cell_says_title_minutes_and_core_or_elective(lesson):
    assert core_or_elective(lesson)


def test_what_goes_further_is_marked_as_elective(lesson):
    titles = re.findall(
        r"^#+ .*\bgoing further\b.*",
        "\n".join(cell.source for cell in cells(lesson, "markdown")),
        re.IGNORECASE | re.MULTILINE,
    )
    assert [title for title in titles if "(elective)" not in title] == []


def predictions(lesson):
    """The names of the predictions, in order. Each is committed to, then met by one measurement."""
    names, open_ = [], {}
    for cell in cells(lesson, "code"):
        for variable, name in PREDICTED.findall(cell.source):
            assert variable not in open_, f"{cell.id}: {open_[variable]} was not reconciled yet"
            open_[variable] = name
            names.append(name)
            shown = re.search(rf"^{variable}$", cell.source, re.MULTILINE)
            assert shown, f"{cell.id}: the cell does not show what was predicted"
        for variable in RECONCILED.findall(cell.source):
            assert variable in open_, f"{cell.id}: {variable} is reconciled and was not predicted"
            del open_[variable]
    assert not open_, f"never reconciled: {open_}"
    return names


def test_a_prediction_comes_before_its_reconciliation_which_comes(lesson):
    names = predictions(lesson)
    assert len(names) == len(set(names)), f"a name is there twice: {names}"


def test_the_last_text_has_the_key_points(lesson):
    assert re.search(r"key points", cells(lesson, "markdown")[-1].source, re.IGNORECASE)


def test_a_code_cell_is_short_enough_to_read_aloud(lesson):
    lengths = {cell.id: len(cell.source.splitlines()) for cell in cells(lesson, "code")}
    assert {name: lines for name, lines in lengths.items() if lines > 15} == {}


def test_no_cell_is_kept_from_the_check(lesson):
    for cell in lesson.cells:
        assert not LOOSENING_TAG.search(" ".join(cell.metadata.get("tags", []))), cell.id
        assert not LOOSENING_COMMENT.search(cell.source), cell.id


def test_no_widget_view_or_state_is_stored(lesson):
    assert "widgets" not in lesson.metadata
    assert WIDGET_VIEW not in json.dumps(lesson)


def test_the_kernel_is_one_that_the_course_sets_up(lesson):
    assert lesson.metadata.get("kernelspec", {}).get("name") in KERNELS


def test_a_figure_has_text_beside_it(lesson):
    for cell, following in zip(lesson.cells, [*lesson.cells[1:], None], strict=True):
        if has_figure(cell):
            beside = [cell] if following is None else [cell, following]
            assert any(map(says_something, beside)), cell.id


RULES = [rule for name, rule in globals().items() if name.startswith("test_")]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_what_is_no_lesson_breaks_every_rule(rule):
    text = "No title\n# Going further"
    figure = {"image/png": "", "text/plain": "<Figure size 640x480 with 1 Axes>", WIDGET_VIEW: {}}
    cell = nbformat.v4.new_code_cell(
        "# NBVAL_SKIP" + "\n" * 16 + "guess.reconcile()",
        metadata={"tags": ["nbval-skip"]},
        outputs=[nbformat.v4.new_output("display_data", figure)],
    )
    with pytest.raises(AssertionError):
        rule(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text), cell]))


@pytest.mark.parametrize("path", lessons(), ids=lambda path: path.stem)
def test_each_lesson_is_core_or_elective_as_the_course_has_it(path):
    number = path.name[:2]
    expected = "set-up" if number == "00" else "core" if number in CORE else "elective"
    assert core_or_elective(nbformat.read(path, as_version=4)) == expected


@pytest.mark.parametrize("path", lessons(), ids=lambda path: path.stem)
def test_each_lesson_has_predictions_named_after_it(path):
    names = predictions(nbformat.read(path, as_version=4))
    assert names, "nothing is predicted"
    assert [name for name in names if not name.startswith(f"{path.name[:2]}.")] == []


def test_a_prediction_that_is_made_too_late_is_found():
    late = ["guess.reconcile(formula=1, measured=1)", 'guess = predict("01.x", ...)\nguess']
    with pytest.raises(AssertionError, match="was not predicted"):
        predictions(nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, late))))


def test_there_are_lessons():
    assert lessons(), "no notebook in lessons/: nothing would be checked"
