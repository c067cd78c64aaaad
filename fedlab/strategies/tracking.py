"""FedAvg with a ledger."""

from __future__ import annotations

from collections.abc import Iterable
from logging import WARNING
from typing import Any

from flwr.app import ArrayRecord, Message, MetricRecord
from flwr.serverapp import Grid
from flwr.serverapp.strategy import FedAvg, Result
from flwr.supercore import log

from fedlab.grids import CheckingGrid, DecodingGrid, GridLayer, MeteredGrid
from fedlab.ledger import Ledger


class BandwidthTrackingFedAvg(FedAvg):
    """FedAvg that keeps a ledger of what it moved, and survives clients that send garbage.

    Takes FedAvg's arguments; `ledger` is a fresh one until `start`, which fills it. A round in
    which no client sends a usable update leaves the global model as it was, and says so.

    >>> strategy = BandwidthTrackingFedAvg(fraction_train=0.5)
    >>> strategy.ledger
    Ledger(0 messages, 0 B of payload, 0 failures)
    """

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.ledger = Ledger()

    def start(self, grid: Grid, initial_arrays: ArrayRecord, *args: Any, **settings: Any) -> Result:
        """Run as FedAvg does, through the metering, the decoding and the checking layer."""
        metered = MeteredGrid(grid, self.ledger)
        checked: GridLayer = metered
        if not (isinstance(grid, CheckingGrid) and grid.weighted_by == self.weighted_by_key):
            decoded = metered if metered.find(DecodingGrid) else DecodingGrid(metered)
            checked = CheckingGrid(decoded, weighted_by=self.weighted_by_key)  # not checked yet
        try:
            result = super().start(self.layered(checked), initial_arrays, *args, **settings)
        finally:
            metered.leave()
        if not result.arrays:
            result.arrays = initial_arrays
        if (decoding := checked.find(DecodingGrid)) is not None:
            result.arrays = decoding.put_back(self.arrayrecord_key, result.arrays)
        return result

    def layered(self, checked: GridLayer) -> Grid:
        """What a subclass puts around the checked and metered grid: here, nothing more."""
        return checked

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Average the usable replies; with none, keep the global model and log it."""
        arrays, metrics = super().aggregate_train(server_round, replies)
        if arrays is None:
            self.say_nothing_came(server_round)
        return arrays, metrics

    def say_nothing_came(self, server_round: int) -> None:
        """Log that a round changed nothing, unless no training was asked for."""
        if self.fraction_train > 0:
            log(
                WARNING,
                "round %d: no client sent a usable update; the global model is unchanged",
                server_round,
            )
