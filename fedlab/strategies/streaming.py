"""FedAvg that folds each update into the mean as it comes, and keeps none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from logging import INFO
from typing import Any

import numpy as np
from flwr.app import (
    ArrayRecord,
    ConfigRecord,
    Message,
    MessageType,
    MetricRecord,
    RecordDict,
)
from flwr.serverapp import Grid
from flwr.serverapp.strategy.strategy_utils import sample_nodes
from flwr.supercore import log

from fedlab.aggregators import AggregationError, RunningMean
from fedlab.grids import GridLayer, StreamingGrid
from fedlab.records import array_of, array_view, records_of
from fedlab.strategies.metric_mean import MetricMean
from fedlab.strategies.tracking import BandwidthTrackingFedAvg


class StreamingFedAvg(BandwidthTrackingFedAvg):
    """FedAvg whose memory does not grow with the number of clients.

    Each reply is pulled, checked, folded into a `RunningMean` and freed before the next one is
    pulled. The mean is FedAvg's to float32 rounding; a reply that fails or is no good is in the
    ledger and not in the mean. Of the clients' metrics only the small records are kept until the
    end of the round; with Flower's own way to average them, not even those.

    window: how many clients are asked at once (see `StreamingGrid`). Otherwise FedAvg's arguments.

    >>> StreamingFedAvg(window=8, fraction_train=0.5).window
    8
    """

    def __init__(self, *args: Any, window: int | None = None, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.window = window
        self._checked: GridLayer | None = None

    def layered(self, checked: GridLayer) -> Grid:
        """Streaming, outermost."""
        self._checked = checked
        return StreamingGrid(checked, window=self.window)

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterator[Message]:
        """FedAvg's messages to FedAvg's choice of nodes, each made when it is about to be sent."""
        if self.fraction_train == 0.0:
            return
        share = int(len(list(grid.get_node_ids())) * self.fraction_train)
        wanted = max(share, self.min_train_nodes)
        nodes, available = sample_nodes(grid, self.min_available_nodes, wanted)
        log(INFO, "configure_train: Sampled %s nodes (out of %s)", len(nodes), len(available))
        del available
        config["server-round"] = server_round
        content = RecordDict({self.arrayrecord_key: arrays, self.configrecord_key: config})
        for node in nodes:
            yield Message(content, node, MessageType.TRAIN)

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Fold the replies as they come; with none usable, keep the global model and log it."""
        fold = _Round(MetricMean(self.train_metrics_aggr_fn, self.weighted_by_key))
        for reply in replies:
            if why := self._left_out(reply, fold):
                fold.failures += 1
                node = reply.metadata.src_node_id
                log(INFO, "\t> Received error in reply from node %d: %s", node, why)
            del reply  # before the next one is asked for
        log(
            INFO,
            "aggregate_train: Received %s results and %s failures",
            fold.mean.count,
            fold.failures,
        )
        if not fold.mean.count:
            self.say_nothing_came(server_round)
            return None, None
        return fold.arrays(), fold.metrics.result()

    def _left_out(self, reply: Message, fold: _Round) -> str:
        """Fold a reply in; why it is not in the mean, or nothing when it is."""
        if reply.has_error():
            return reply.error.reason or "no reason given"
        try:
            fold.add(reply.content, self.weighted_by_key, reply.metadata.src_node_id)
        except AggregationError as error:  # whole and finite, but no numbers to average
            if self._checked is not None:
                self._checked.reject(reply.metadata.reply_to_message_id, str(error))
            return str(error)
        return ""


class _Round:
    """One round's mean so far."""

    def __init__(self, metrics: MetricMean) -> None:
        self.mean = RunningMean()
        self.metrics = metrics
        self.failures = 0
        self._dtypes: dict[str, str] = {}

    def add(self, content: RecordDict, weighted_by: str, node: int) -> None:
        """Fold in one reply's content, straight from its bytes."""
        (arrays,) = records_of(content, ArrayRecord).values()
        (metrics,) = records_of(content, MetricRecord).values()
        update = {name: _as_float(array_view(array)) for name, array in arrays.items()}
        self.mean.add(update, metrics[weighted_by], client=node)  # type: ignore[arg-type]
        self.metrics.add(content)
        self._dtypes = {name: array.dtype for name, array in arrays.items()}

    def arrays(self) -> ArrayRecord:
        """The mean as a model to send, floats in the dtype that came; a sum goes when copied."""
        mean, record = self.mean.result(), ArrayRecord()
        self.mean.clear()
        for name in list(mean):
            numbers = mean.pop(name)
            came = np.dtype(self._dtypes[name])
            record[name] = array_of(
                numbers.astype(came, copy=False) if came.kind == "f" else numbers
            )
        return record


def _as_float(numbers: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Integers as the floats that FedAvg makes of them: after round 1 clients may send either."""
    return numbers.astype(np.float64) if numbers.dtype.kind in "biu" else numbers
