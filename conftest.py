"""What pytest does with a notebook: nbval's strict comparison, with its gaps closed.

This is the root conftest because pytest loads it however a notebook is named: one lesson, a folder,
under xdist, from any directory. Options in tests/notebooks/conftest.py would be missing from
`pytest lessons`, and nbval would then collect nothing and pass; in addopts the sanitize file's path
would hold in one directory only. `pytest tests` pays nothing: pytest has loaded nbval already.
"""

import os
import re
import signal
import sys
import time
import tomllib
from contextlib import suppress
from pathlib import Path
from queue import Empty
from unittest.mock import patch

import nbval.plugin
import psutil
import pytest
from jupyter_client.kernelspec import NoSuchKernel
from nbval.kernel import CURRENT_ENV_KERNEL_NAME, RunningKernel

from fedlab import tff_environment

# These run under TensorFlow Federated's own Python: tests/tff/run.py.
collect_ignore = ["fedlab/tff", "tests/tff"]

os.environ["FEDLAB_PROGRESS"] = ""  # what tests check is nobody's progress
# Where more threads want a core than there are cores, one that waits shall not keep another from
# it: a third of the processor's time in training. No number changes.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

ROOT = Path(__file__).parent
CELL_TIMEOUT_SECONDS = 300
WORKER_BYTES = 4 * 2**30  # what a worker, the lesson it runs and a browser take at most
KERNEL_ENVIRONMENT = tomllib.loads((ROOT / "tests/notebooks/kernel.toml").read_text("utf-8"))

MACHINES = "home|root|tmp|usr|var|opt|mnt|private|Users|content|workspace"
OURS = "|".join(re.escape(place) for place in (str(ROOT), sys.prefix))
UNTIDY = {
    "an ANSI code": r"\x1b\[",
    "a memory address": r"\b0x[0-9a-fA-F]{8,}\b",
    "a path of one machine": rf"(?<![\w.+])(?:/(?:{MACHINES})|{OURS})/[\w.-]+|\b[A-Z]:\\\w+",
}


def pytest_configure(config):
    """Switch nbval on: strict, masked, with a timeout that a command line can only shorten."""
    config.option.nbval = True
    config.option.nbval_sanitize_with = str(ROOT / "tests/notebooks/sanitize.cfg")
    config.option.nbval_cell_timeout = min(config.option.nbval_cell_timeout, CELL_TIMEOUT_SECONDS)


def pytest_xdist_auto_num_workers():
    """Of `-n auto`: one more than there are cores, since many a test waits for other processes."""
    return max(1, min((os.cpu_count() or 1) + 1, psutil.virtual_memory().available // WORKER_BYTES))


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path, parent):
    """Put our notebook in the place of nbval's."""
    return [
        Notebook.from_parent(parent, path=file_path)
        if isinstance(collector, nbval.plugin.IPyNbFile)
        else collector
        for collector in (yield)
    ]


class Notebook(nbval.plugin.IPyNbFile):
    """A notebook: its stored form is checked first, then each cell as nbval does."""

    group = None

    def collect(self):
        """Yield the stored form, then the code cells in order."""
        cells = list(super().collect())
        yield StoredForm.from_parent(self, name="stored form")
        for cell in cells:
            yield Cell.from_parent(
                self, name=cell.name, cell_num=cell.cell_num, cell=cell.cell, options=cell.options
            )

    def setup(self):
        """Start the kernel, and remember its process group."""
        if self.nb.metadata.get("kernelspec", {}).get("name") == tff_environment.KERNEL:
            self.needs_tensorflow_federated()
        try:
            super().setup()
        except NoSuchKernel as error:
            words = f"{error}: `fedlab doctor` says how to set it up"
            raise pytest.fail.Exception(words, pytrace=False) from None
        self.group = self.kernel.km.provisioner.pgid

    def needs_tensorflow_federated(self):
        """Skip where its environment cannot be; fail where it can be and is not whole."""
        if obstacle := tff_environment.obstacle():
            pytest.skip(obstacle)
        if fault := tff_environment.fault():
            pytest.fail(f"{fault}: `make tff` mends it", pytrace=False)

    def teardown(self):
        """Stop the kernel, and what it may have left running."""
        super().teardown()
        if self.group:
            with suppress(ProcessLookupError):
                os.killpg(self.group, signal.SIGKILL)


class StoredForm(pytest.Item):
    """Fails for a notebook whose stored outputs prove nothing, or only on one machine."""

    def runtest(self):
        """Collect all faults, so that they are mended at once."""
        if found := faults(self.parent.nb):
            listed = "\n".join(["this notebook is not as the check needs it:", *found])
            pytest.fail(listed, pytrace=False)

    def reportinfo(self):
        """Name the notebook in a report."""
        return self.path, 0, f"{self.path.name}::{self.name}"


class Cell(nbval.plugin.IPyNbCell):
    """A code cell: nbval's comparison, and clear words for stderr and for a dead kernel."""

    def runtest(self):
        """Run and compare; after a kernel's death the cells that follow are expected failures."""
        try:
            super().runtest()
        except KernelDiedError:
            self.parent.kernel.stop()
            self.parent.timed_out = True
            self.raise_cell_error("The kernel died while it ran this cell")

    def compare_outputs(self, test, ref, skip_compare=None):
        """Compare, unless the cell wrote to stderr: that fails whatever is stored."""
        stderr = "".join(output.text for output in test if output.get("name") == "stderr")
        if stderr:
            self.comparison_traceback = ["The cell wrote to stderr:", stderr]
            return False
        return super().compare_outputs(test, ref, skip_compare)


class KernelDiedError(Exception):
    """The kernel's process ended while a message from it was awaited."""


class WatchedKernel(RunningKernel):
    """nbval's kernel, noticed within a second when it dies, and fed as a front end feeds it."""

    def __init__(self, kernel_name, **kwargs):
        # "python3" is this environment, whatever kernel the machine has under that name.
        name = CURRENT_ENV_KERNEL_NAME if kernel_name == "python3" else kernel_name
        with patch.dict(os.environ, KERNEL_ENVIRONMENT):
            super().__init__(name, **kwargs)

    def execute_cell_input(self, cell_input, allow_stdin=None):
        """Execute with history: without it IPython does not see a trailing semicolon."""
        return self.kc.execute(cell_input, allow_stdin=allow_stdin, stop_on_error=False)

    def get_message(self, stream, timeout=None):
        """Wait for a message, a second at a time; raise KernelDiedError when none can come."""
        ends = time.monotonic() + (CELL_TIMEOUT_SECONDS if timeout is None else timeout)
        while True:
            try:
                return super().get_message(stream, min(1, max(0, ends - time.monotonic())))
            except Empty:
                if not self.is_alive():
                    raise KernelDiedError from None
                if time.monotonic() >= ends:
                    raise


nbval.plugin.RunningKernel = WatchedKernel  # the name by which nbval starts a kernel


def faults(notebook):
    """Say why a stored notebook cannot be checked; an empty list when it can."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    counts = [cell.execution_count for cell in cells]
    found = []
    if counts != list(range(1, len(cells) + 1)):
        found.append(f"execution counts: expected 1 to {len(cells)} in order, got {counts}")
    for number, cell in enumerate(cells):
        found += [f"Cell {number}: {fault}" for fault in cell_faults(cell)]
    return found


def cell_faults(cell):
    """Yield what is wrong with one stored code cell."""
    markers = nbval.plugin.find_comment_markers(cell.source)
    tags = nbval.plugin.find_metadata_tags(cell.metadata)
    if [*markers, *tags]:
        yield "carries a marker or a tag that loosens the check"
    for output in cell.outputs:
        if output.output_type == "error":
            yield f"stores an error: {output.ename}"
        if output.get("name") == "stderr":
            yield "stores text from stderr"
        for what, pattern in UNTIDY.items():
            if match := re.search(pattern, text_of(output)):
                yield f"stores {what}: {match.group()!r}"


def text_of(output):
    """Join what an output says in words, SVG included, other pictures not."""
    pictures = ("image/png", "image/jpeg", "image/gif")
    said = [str(value) for mime, value in output.get("data", {}).items() if mime not in pictures]
    return "\n".join([output.get("text", ""), *said])
