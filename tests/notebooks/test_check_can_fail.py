"""The notebook check can fail: altered copies of a good notebook, judged by a real pytest run."""

import re
from xml.etree import ElementTree

import nbformat
import pytest
from execute import lessons
from sample import DYING, ROOT, code_cells, orphans, read, run

WARNING = "\nimport sys; print('a warning', file=sys.stderr)"
UNTIDY = "\x1b[1mbold\x1b[0m <Client at 0x7f3a2b1c9d10> /home/ada/course/data.csv\n"

# Each alteration gets the code cells of a good notebook: EXACT, MEASURED, WIDGET, QUIET.


def nothing(cells):
    pass


def a_measured_number(cells):
    text = cells[1].outputs[0].text
    cells[1].outputs[0].text = re.sub(r"\S+ s \[measured\]", "1,234 ms [measured]", text)


def an_exact_number(cells):
    cells[0].outputs[0].text = cells[0].outputs[0].text.replace("225", "226")


def a_measured_label(cells):
    cells[1].outputs[0].text = cells[1].outputs[0].text.replace("one round", "two rounds")


def a_widget_fallback(cells):
    cells[2].outputs[0].data["text/html"] = "<p>213 MB</p>"


def an_output_removed(cells):
    cells[0].outputs = []


def all_outputs_stripped(cells):
    for cell in cells:
        cell.outputs, cell.execution_count = [], None


def the_order_of_execution(cells):
    cells[0].execution_count, cells[1].execution_count = 2, 1


def a_marker_added(cells):
    cells[0].source = "# NBVAL_IGNORE_OUTPUT\n" + cells[0].source


def an_error_stored(cells):
    cells[3].outputs.append(nbformat.v4.new_output("error", ename="KeyError", evalue="1"))


def stderr_stored(cells):
    cells[0].source += WARNING
    cells[0].outputs.append(nbformat.v4.new_output("stream", name="stderr", text="a warning\n"))


def stderr_not_stored(cells):
    cells[0].source += WARNING


def untidy_text(cells):
    cells[0].outputs[0].text += UNTIDY


def a_kernel_that_dies(cells):
    cells[1].source = DYING


GREEN = [nothing, a_measured_number]
RED = {
    an_exact_number: [("Cell 0", "Cell outputs differ")],
    a_measured_label: [("Cell 1", "Cell outputs differ")],
    a_widget_fallback: [("Cell 2", "mismatch 'text/html'")],
    an_output_removed: [("Cell 0", "Unexpected output fields")],
    all_outputs_stripped: [("stored form", "expected 1 to 4 in order, got [None")],
    the_order_of_execution: [("stored form", "expected 1 to 4 in order, got [2, 1, 3, 4]")],
    a_marker_added: [("stored form", "Cell 0: carries a marker")],
    an_error_stored: [("stored form", "Cell 3: stores an error: KeyError")],
    stderr_stored: [("stored form", "Cell 0: stores text from stderr"), ("Cell 0", "a warning")],
    stderr_not_stored: [("Cell 0", "The cell wrote to stderr:\na warning")],
    untidy_text: [
        ("stored form", "stores an ANSI code"),
        ("stored form", "stores a memory address: '0x7f3a2b1c9d10'"),
        ("stored form", "stores a path of one machine: '/home/ada'"),
    ],
    a_kernel_that_dies: [("Cell 1", "The kernel died while it ran this cell")],
}


@pytest.fixture(scope="module")
def verdicts(good, tmp_path_factory):
    """What one pytest run says of every altered copy: {copy: {item: what failed, or ""}}."""
    folder = tmp_path_factory.mktemp("altered")
    for alter in [*GREEN, *RED]:
        notebook = read(good)
        alter(code_cells(notebook))
        nbformat.write(notebook, folder / f"{alter.__name__}.ipynb")
    return judged(folder)


def judged(folder):
    """Run pytest over a folder with the options of this repository; read its report."""
    report = folder / "report.xml"
    options = ["-c", ROOT / "pyproject.toml", "-p", "conftest", "-p", "no:cacheprovider"]
    done = run("-m", "pytest", *options, "--color=no", f"--junitxml={report}", folder)
    assert report.exists(), done.stdout + done.stderr
    found = {}
    for case in ElementTree.parse(report).iter("testcase"):
        stem = case.get("classname").removesuffix(".ipynb").rpartition(".")[2]
        failures = [part.text for part in case if part.tag in ("failure", "error")]
        found.setdefault(stem, {})[case.get("name")] = "\n".join(failures)
    return found


@pytest.mark.parametrize("alter", GREEN, ids=lambda alter: alter.__name__)
def test_a_copy_with_this_altered_passes(verdicts, alter):
    items = ["stored form", "Cell 0", "Cell 1", "Cell 2", "Cell 3"]
    assert verdicts[alter.__name__] == dict.fromkeys(items, "")


@pytest.mark.parametrize("alter", RED, ids=lambda alter: alter.__name__)
def test_a_copy_with_this_altered_fails(verdicts, alter):
    for item, words in RED[alter]:
        assert words in verdicts[alter.__name__][item]


def test_a_dead_kernel_leaves_no_process(verdicts):
    assert a_kernel_that_dies.__name__ in verdicts
    assert not orphans()


def test_a_lesson_with_an_altered_number_fails(tmp_path):
    """The first exact number that a lesson shows is altered in a copy, which ends at that cell."""
    if not lessons():
        pytest.skip("no lesson yet")
    path = next((path for path in lessons() if path.name.startswith("05")), lessons()[0])
    notebook = read(path)
    found = next(exact_numbers(notebook), None)
    assert found, f"{path.name} stores no number: run tests/notebooks/execute.py"
    cell, texts, key = found
    texts[key] = re.sub(r"\d", lambda digit: str(9 - int(digit.group())), texts[key], count=1)
    notebook.cells = notebook.cells[: notebook.cells.index(cell) + 1]
    nbformat.write(notebook, tmp_path / "lesson.ipynb")
    verdict = judged(tmp_path)["lesson"]
    assert "Cell outputs differ" in verdict.pop(f"Cell {len(code_cells(notebook)) - 1}")
    assert not any(verdict.values())


def exact_numbers(notebook):
    """Yield where a notebook stores text with a number: the cell, a mapping and its key."""
    for cell in code_cells(notebook):
        for output in cell.outputs:
            texts, key = (output, "text") if "name" in output else (output.data, "text/plain")
            if re.search(r"\d", texts[key]) and "[measured]" not in texts[key]:
                yield cell, texts, key
