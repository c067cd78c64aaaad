"""Data sets, fetched once and verified, and how their examples are spread over clients."""

from fedlab.data.digits import Digits, Examples, mnist
from fedlab.data.fetching import cached, fetch
from fedlab.data.partitions import dirichlet, iid, label_counts
from fedlab.data.registry import DataError

__all__ = [
    "DataError",
    "Digits",
    "Examples",
    "cached",
    "dirichlet",
    "fetch",
    "iid",
    "label_counts",
    "mnist",
]
