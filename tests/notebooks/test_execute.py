import nbformat
import pytest
from execute import WIDGET_VIEW
from sample import DYING, code_cells, execute, orphans, read


def test_executing_again_changes_no_byte(good):
    before = good.read_bytes()
    done = execute("--check", good)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "unchanged" in done.stdout
    assert execute(good).returncode == 0
    assert good.read_bytes() == before


def test_what_is_stored_is_the_same_on_every_machine(good):
    notebook = read(good)
    assert [cell.id for cell in notebook.cells] == ["cell-00", "cell-01", "cell-02", "cell-03"]
    assert notebook.metadata.language_info == {"name": "python"}
    exact, _, widget, quiet = notebook.cells
    assert exact.outputs[0].text == "payload: 225,083,392 B\n"
    assert widget.outputs[0].data == {"text/plain": "Demo", "text/html": "<p>212 MB</p>"}
    assert WIDGET_VIEW not in good.read_text(encoding="utf-8")
    assert quiet.outputs == []


@pytest.mark.parametrize(
    ("source", "words"),
    [("1 / 0", "ZeroDivisionError: division by zero"), (DYING, "DeadKernelError: Kernel died")],
    ids=["raises", "dies"],
)
def test_a_failing_cell_is_named_and_its_notebook_left_as_it_was(source, words, good, tmp_path):
    notebook = read(good)
    code_cells(notebook)[1].source = source
    path = tmp_path / "failing.ipynb"
    nbformat.write(notebook, path)
    before = path.read_bytes()
    done = execute(path)
    assert done.returncode == 1
    assert f"{path}, cell-01: {words}" in done.stdout
    assert path.read_bytes() == before
    assert not orphans()


def test_what_is_no_notebook_is_said_in_one_line(tmp_path):
    (tmp_path / "torn.ipynb").write_text('{"cells": [')
    done = execute(tmp_path / "torn.ipynb", tmp_path / "absent.ipynb")
    assert done.returncode == 1
    assert "torn.ipynb: NotJSONError" in done.stdout
    assert "absent.ipynb: FileNotFoundError" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
