"""Data sets, fetched once and verified, and how their examples are spread over clients."""

from fedlab.data.digits import Digits, mnist
from fedlab.data.examples import Examples
from fedlab.data.fetching import cached, fetch
from fedlab.data.partitions import by_label, dirichlet, iid, label_counts, natural
from fedlab.data.registry import DataError
from fedlab.data.sentences import TEXT_SOURCES, Sentences, Sentiment, sentiment
from fedlab.data.tokens import tokenized

__all__ = [
    "TEXT_SOURCES",
    "DataError",
    "Digits",
    "Examples",
    "Sentences",
    "Sentiment",
    "by_label",
    "cached",
    "dirichlet",
    "fetch",
    "iid",
    "label_counts",
    "mnist",
    "natural",
    "sentiment",
    "tokenized",
]
