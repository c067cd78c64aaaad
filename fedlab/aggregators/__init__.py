"""Weighted means of updates, with one interface and four ways to hold what came so far.

`ListMean` keeps every update, `RunningMean` one sum, `TreeMean` one sum for each level of a tree of
servers, `BufferedAsyncMean` one sum of the updates that came while the model moved on.
"""

from fedlab.aggregators.base import Aggregator
from fedlab.aggregators.buffered_async_mean import BufferedAsyncMean
from fedlab.aggregators.checks import AggregationError, Update
from fedlab.aggregators.list_mean import ListMean
from fedlab.aggregators.running_mean import RunningMean
from fedlab.aggregators.tree_mean import TreeMean

__all__ = [
    "AggregationError",
    "Aggregator",
    "BufferedAsyncMean",
    "ListMean",
    "RunningMean",
    "TreeMean",
    "Update",
]
