"""The lab's server: FedAvg that keeps a ledger."""

from __future__ import annotations

from logging import INFO

from flwr.app import ArrayRecord, Context
from flwr.common.logger import log
from flwr.serverapp import Grid, ServerApp

from fedlab.codecs import parse
from fedlab.ledger import Ledger
from fedlab.models import pythia_14m
from fedlab.strategies import BandwidthTrackingFedAvg, StreamingFedAvg

from .settings import settings, travelling

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    """Send the model, average what comes back, and log what it cost."""
    asked = settings(context)
    model = pythia_14m(asked["seed"]).state_dict()
    if asked["codec"]:  # a mistake ends the run here, not in every client
        parse(asked["codec"])
    if asked["travel"]:
        travelling(asked["travel"], model)
    strategy = BandwidthTrackingFedAvg(fraction_evaluate=0.0)
    if asked["streaming"]:
        strategy = StreamingFedAvg(fraction_evaluate=0.0, window=asked["window"] or None)
    strategy.start(grid, ArrayRecord(model), num_rounds=asked["num-server-rounds"])
    say(strategy.ledger)


def say(ledger: Ledger) -> None:
    """Log the ledger's totals, and each client that failed."""
    for direction in ("down", "up"):
        levels = ledger.levels(direction)
        log(
            INFO,
            "ledger, %s: payload %s B, record %s B, message %s B",
            direction,
            f"{levels.payload:,}",
            f"{levels.record:,}",
            f"{levels.message:,}",
        )
    for failure in ledger.failures:
        log(INFO, "ledger: node %s %s: %s", failure.node, failure.outcome, failure.reason)
