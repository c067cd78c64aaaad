"""The same plan in TFF, here, and in Flower, in the other environment."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from fedlab.crossing import Outcome, Plan, Tensors, read_outcome, write_plan
from fedlab.data import mnist
from fedlab.progress import progress_bar
from fedlab.tff.dense import accuracy, dense, fed_avg, tensors_in, with_tensors
from fedlab.tff.error import TffError
from fedlab.tff.feeding import in_graph

_FLOWERS_PYTHON = "FEDLAB_PYTHON"  # the kernel fedlab-tff sets it
_REMEDY = f"run `make tff`, or set {_FLOWERS_PYTHON} to that environment's python"
_REFUSED = 2  # the exit status for a plan that nobody can run: what was said is the remedy


@dataclass(frozen=True, eq=False)
class Run:
    """accuracies: 0 to 1, before the first round and after each. final: the global model."""

    accuracies: tuple[float, ...]
    final: Tensors


def in_tff(plan: Plan) -> Run:
    """Run a plan with TFF, in the worker of this thread.

    Raises CrossingError for digits that there are not.
    """
    digits = mnist()
    clients = plan.shares(digits.train)
    process = fed_avg(partial(dense, plan.widths), lr=plan.lr)
    datasets = [in_graph(client, plan.batch) for client in clients]
    tensors = plan.initial
    state = with_tensors(process, process.initialize(), tensors)
    accuracies = [accuracy(tensors, digits.test)]
    with progress_bar(plan.rounds, unit="round") as bar:
        for _ in range(plan.rounds):
            state = process.next(state, datasets).state
            tensors = tensors_in(process, state)
            accuracies.append(accuracy(tensors, digits.test))
            bar.update()
    return Run(tuple(accuracies), tensors)


def in_flower(plan: Plan) -> Outcome:
    """Run a plan with Flower, in fedlab's main environment: files go there and come back.

    Raises TffError when that environment is not known, or could not run the plan.
    """
    python = os.environ.get(_FLOWERS_PYTHON)
    if not python or not Path(python).is_file():
        raise TffError(
            "Flower runs in fedlab's main environment, and this kernel does not know where that "
            f"is: {_REMEDY}"
        )
    with TemporaryDirectory() as folder:
        write_plan(Path(folder), plan)
        try:
            done = subprocess.run(
                [python, "-m", "fedlab.crossing", folder],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
        except OSError as error:  # it is no program
            raise TffError(f"{_FLOWERS_PYTHON}: {error.strerror}: {_REMEDY}") from error
        if done.returncode != 0:
            said = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
            why = said[-1].removeprefix("fedlab: ")
            remedy = "" if done.returncode == _REFUSED else f"; {_REMEDY}"
            raise TffError(f"Flower could not run the plan: {why}{remedy}")
        return read_outcome(Path(folder))
