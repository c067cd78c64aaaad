"""How the server may aggregate: three strategies, by a word each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from flwr.app import ArrayRecord, Message, MetricRecord
from flwr.serverapp import Grid
from flwr.serverapp.strategy import Result

from fedlab.strategies import BandwidthTrackingFedAvg, StreamingFedAvg

Aggregation = Literal["list", "running", "lean"]


class LeanFedAvg(StreamingFedAvg):
    """StreamingFedAvg that lets go of the model that the run began with, once there is a newer one.

    Flower's strategies refer to that record until the run ends, though nothing reads it after the
    first mean. `start` empties the record that it was given.
    """

    def start(self, grid: Grid, initial_arrays: ArrayRecord, *args: Any, **settings: Any) -> Result:
        """Run as StreamingFedAvg does, and remember what to let go of."""
        self._first = initial_arrays
        return super().start(grid, initial_arrays, *args, **settings)

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Fold the replies as they come; the first mean takes the first model's place."""
        arrays, metrics = super().aggregate_train(server_round, replies)
        if arrays is not None:
            self._first.clear()
        return arrays, metrics


STRATEGIES: dict[Aggregation, type[BandwidthTrackingFedAvg]] = {
    "list": BandwidthTrackingFedAvg,
    "running": StreamingFedAvg,
    "lean": LeanFedAvg,
}
