"""The command `python -m fedlab.crossing FOLDER`: run a plan with Flower, leave its outcome."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import torch
import typer

from fedlab.crossing.arrays import CrossingError
from fedlab.crossing.files import Outcome, Plan, read_plan, write_outcome
from fedlab.data import DataError, mnist
from fedlab.federations import Federation
from fedlab.models import mlp

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(epilog="Example:\n\npython -m fedlab.crossing a/folder/with/plan.json")
def crossing(
    folder: Annotated[Path, typer.Argument(help="Holds plan.json and initial.npz.")],
) -> None:
    """Run the plan in FOLDER with Flower, in process; write outcome.json and final.npz there."""
    write_outcome(folder, run(read_plan(folder)))


def run(plan: Plan) -> Outcome:
    """Real Flower apps around real training, exactly as planned.

    Raises CrossingError for digits that there are not.
    """
    digits = mnist()
    clients = plan.shares(digits.train)

    def model() -> torch.nn.Module:
        network = mlp(plan.widths)
        network.load_state_dict({k: torch.tensor(v) for k, v in plan.initial.items()})
        return network

    federation = Federation(
        model, clients, digits.test, lr=plan.lr, batch=plan.batch, shuffled=False
    )
    history = federation.run(plan.rounds)
    ledger = history.ledger
    failures = tuple(f"client {t.node}, round {t.round}: {t.reason}" for t in ledger.failures)
    return Outcome(
        history.accuracies, ledger.levels("down"), ledger.levels("up"), failures, history.arrays
    )


def main() -> None:
    """Run the command: what cannot be run is one sentence and exit status 2."""
    try:
        app()
    except (CrossingError, DataError) as error:
        print(f"fedlab: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
