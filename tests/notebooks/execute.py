"""Run notebooks from a fresh kernel and store their outputs, so that a second run changes no byte.

A cell whose new outputs differ from the stored ones in [measured] numbers only keeps the stored
ones; pictures are compared byte for byte. A notebook that fails is left as it was.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from contextlib import suppress
from itertools import groupby
from pathlib import Path

import nbformat
from jupyter_client.kernelspec import NoSuchKernel
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbval.kernel import CURRENT_ENV_KERNEL_NAME, NbvalKernelspecManager
from nbval.plugin import get_sanitize_patterns
from rich.console import Console

from fedlab import tff_environment

HERE = Path(__file__).resolve().parent
LESSONS = HERE.parents[1] / "lessons"
KERNEL_ENVIRONMENT = tomllib.loads((HERE / "kernel.toml").read_text("utf-8"))
MASKS = get_sanitize_patterns((HERE / "sanitize.cfg").read_text(encoding="utf-8"))
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
# What child processes print reaches a cell late or never: a lesson prints it itself, or it is not
# stored. Under pytest ipykernel does the same on seeing PYTEST_CURRENT_TEST.
QUIET_CHILDREN = ["--IPKernelApp.capture_fd_output=False"]
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def lessons():
    """The lessons' notebooks, in order."""
    return sorted(LESSONS.glob("*.ipynb"))


class Client(NotebookClient):
    """Runs a notebook on its own kernel; "python3" is this environment, as under pytest."""

    group = None  # of processes: the kernel and what it started

    def create_kernel_manager(self):
        manager = super().create_kernel_manager()
        if manager.kernel_name == "python3":
            manager.kernel_spec_manager = NbvalKernelspecManager()
            manager.kernel_name = CURRENT_ENV_KERNEL_NAME
        return manager

    async def async_start_new_kernel(self, **options):
        await super().async_start_new_kernel(**options)
        self.group = self.km.provisioner.pgid

    def stop_what_is_left(self):
        if self.group:
            with suppress(ProcessLookupError):
                os.killpg(self.group, signal.SIGKILL)


def executed(notebook, folder, on_cell_start):
    """Run every cell with `folder` as the working directory; return the form to store."""
    fresh = nbformat.from_dict(notebook)
    client = Client(
        fresh,
        timeout=300,
        record_timing=False,
        store_widget_state=False,
        shutdown_kernel="immediate",  # as under pytest; Ray would take ten seconds to say goodbye
        extra_arguments=QUIET_CHILDREN,
        resources={"metadata": {"path": str(folder)}},
        on_cell_start=on_cell_start,
    )
    try:
        client.execute(
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | KERNEL_ENVIRONMENT,
        )
    finally:
        client.stop_what_is_left()
    fresh.nbformat_minor = max(5, fresh.nbformat_minor)  # the first with cell ids
    fresh.metadata.pop("widgets", None)
    fresh.metadata.language_info = {"name": fresh.metadata.language_info["name"]}
    for number, cell in enumerate(fresh.cells):
        cell.id = f"cell-{number:02}"
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = tidy(cell.outputs)
    return fresh


def tidy(outputs):
    """Merge the consecutive pieces of a stream, and leave out the views of widgets.

    Without a live kernel a widget's view is an error message, so its fallback is what stays.
    """
    kept = []
    for stream, pieces in groupby(outputs, key=lambda output: output.get("name")):
        first, *rest = pieces
        if stream:
            first.text += "".join(piece.text for piece in rest)
            rest = []
        kept += [first, *rest]
    for output in kept:
        output.get("data", {}).pop(WIDGET_VIEW, None)
    return [output for output in kept if output.get("data", "no bundle")]


def masked(outputs):
    """The outputs as one text, measured numbers masked."""
    text = json.dumps(outputs, sort_keys=True, ensure_ascii=False)
    for pattern, replacement in MASKS:
        text = re.sub(pattern, replacement, text)
    return text


def keep_measured(stored, fresh):
    """Give each fresh cell its stored outputs where only measured numbers differ."""
    for before, after in zip(stored.cells, fresh.cells, strict=True):
        if after.cell_type == "code" and masked(before.outputs) == masked(after.outputs):
            after.outputs = before.outputs


def renew(path, *, write, on_cell_start):
    """Run one notebook and, if asked to, store it when it changed; say whether it did."""
    text = path.read_text(encoding="utf-8")
    stored = nbformat.reads(text, as_version=4)
    if stored.metadata.get("kernelspec", {}).get("name") == tff_environment.KERNEL:
        need_tensorflow_federated()
    fresh = executed(stored, path.parent, on_cell_start)
    keep_measured(stored, fresh)
    renewed = nbformat.writes(fresh) + "\n"
    if write and renewed != text:
        path.write_text(renewed, encoding="utf-8", newline="\n")
    return renewed != text


class LeftOutError(Exception):
    """This machine cannot run the notebook."""


def need_tensorflow_federated():
    """Raise LeftOutError where its environment cannot be, RuntimeError where it is not whole."""
    if obstacle := tff_environment.obstacle():
        raise LeftOutError(obstacle)
    if fault := tff_environment.fault():
        raise RuntimeError(f"{fault}: `make tff` mends it")


def reason(error):
    """An exception in words; for a failing cell with its traceback, without colours."""
    if isinstance(error, CellExecutionError):
        return ANSI.sub("", f"{error.ename}: {error.evalue}\n\n{error.traceback}")
    return f"{type(error).__name__}: {error}"


def report(path, *, check, console):
    """Renew one notebook and print a line with its seconds; return whether all is well."""
    place, started = str(path), time.perf_counter()

    def at_cell(cell, cell_index):
        nonlocal place
        place = f"{path}, cell-{cell_index:02}"
        status.update(place)

    with console.status(place) as status:
        try:
            changed = renew(path, write=not check, on_cell_start=at_cell)
        except LeftOutError as left_out:
            console.print(f"{path}: {left_out}")
            return True
        except (CellExecutionError, NoSuchKernel, OSError, RuntimeError, ValueError) as error:
            console.print(f"{place}: {reason(error)}\n{path} is left as it was.")
            return False
    verdict = ("would change" if check else "changed") if changed else "unchanged"
    console.print(f"{path}  {time.perf_counter() - started:.1f} s  {verdict}")
    return not (check and changed)


def main():
    """Return the exit status: 0 when every notebook ran, and with --check none would change."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: all lessons")
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if any would change")
    options = parser.parse_args()
    paths = options.notebooks or lessons()
    if not paths:
        parser.error(f"expected a notebook: none given, and none in {LESSONS}")
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    well = [report(path, check=options.check, console=console) for path in paths]
    return 0 if all(well) else 1


if __name__ == "__main__":
    sys.exit(main())
