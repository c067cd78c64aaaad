"""The mean of the clients' metrics, without keeping every client's record where that can be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, cast

from flwr.app import MetricRecord, RecordDict
from flwr.serverapp.strategy.strategy_utils import aggregate_metricrecords

from fedlab.records import records_of, schema_of

Average = Callable[[list[RecordDict], str], MetricRecord]


class MetricMean:
    """Collects the metrics of one round.

    average: FedAvg's `train_metrics_aggr_fn`. Flower's own weighted mean is folded reply by reply,
    the mean so far standing for those that came; for another function the records are kept.
    """

    def __init__(self, average: Average, weighted_by: str) -> None:
        self._average = average
        self._weighted_by = weighted_by
        self._kept: dict[Any, list[RecordDict]] = {}  # by schema: like with like
        self._seen: Counter[Any] = Counter()

    def add(self, content: RecordDict) -> None:
        """Take the metrics of one reply."""
        metrics = records_of(content, MetricRecord)
        schema = schema_of(metrics)
        kept = self._kept.setdefault(schema, [])
        kept.append(RecordDict(dict(metrics)))
        self._seen[schema] += 1
        if self._average is aggregate_metricrecords:
            kept[:] = [self._folded(kept)]

    def result(self) -> MetricRecord | None:
        """The mean over the replies that reported what most did; None when nothing came."""
        if not self._seen:
            return None
        ((schema, _),) = self._seen.most_common(1)
        return self._average(self._kept[schema], self._weighted_by)

    def _folded(self, kept: list[RecordDict]) -> RecordDict:
        mean = self._average(kept, self._weighted_by)
        (name,) = kept[0]
        weights = (record[name][self._weighted_by] for record in kept)
        mean[self._weighted_by] = sum(cast(Iterable[float], weights))
        return RecordDict({name: mean})
