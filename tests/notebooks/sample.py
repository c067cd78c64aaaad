"""A small notebook, and what the tests of the notebook check do with notebooks."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import psutil

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
ORPHAN = f"86421.{os.getpid()}"  # seconds; by this argument a dead kernel's child would be found

EXACT = "print('payload: 225,083,392 B')"
MEASURED = """\
import time
from fedlab.meters import print_measured
print_measured('one round', time.perf_counter() % 1, 's')"""
WIDGET = """\
import anywidget
class Demo(anywidget.AnyWidget):
    _esm = 'export default { render() {} }'
    def __repr__(self):
        return 'Demo'
    def _repr_mimebundle_(self, **kwargs):
        bundle, metadata = super()._repr_mimebundle_(**kwargs)
        return bundle | {'text/html': '<p>212 MB</p>'}, metadata
Demo()"""
QUIET = """\
import subprocess
subprocess.run(['echo', 'a child prints'])
225_083_392;"""
DYING = f"""\
import os, subprocess
subprocess.Popen(['sleep', '{ORPHAN}'])
os._exit(1)"""


def run(*command):
    """Run Python as a user would, at the root."""
    command = [sys.executable, *map(str, command)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def execute(*arguments):
    return run(HERE / "execute.py", *arguments)


def read(path):
    return nbformat.read(path, as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def sample():
    """The small notebook, not yet executed."""
    cells = [nbformat.v4.new_code_cell(source) for source in (EXACT, MEASURED, WIDGET, QUIET)]
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


def orphans():
    return [p for p in psutil.process_iter(["cmdline"]) if ORPHAN in (p.info["cmdline"] or [])]
