"""Sentences of four sources, each with the sign of what people felt when they read it."""

from __future__ import annotations

import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fedlab.data.examples import read_only, split
from fedlab.data.fetching import fetch

# Where each source's sentences are in the archive; the order gives each its number.
_FILES = {
    "tweets": "hutto_ICWSM_2014/tweets_GroundTruth.txt",
    "Amazon reviews": "hutto_ICWSM_2014/amazonReviewSnippets_GroundTruth.txt",
    "film reviews": "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt",
    "NYT editorials": "hutto_ICWSM_2014/nytEditorialSnippets_GroundTruth.txt",
}
TEXT_SOURCES = tuple(_FILES)


@dataclass(frozen=True, eq=False)
class Sentences:
    """Sentences, their labels and where each comes from; the arrays are read-only.

    labels: (n,) int64, 1 for positive and 0 for negative. sources: (n,) int64, indices into
    TEXT_SOURCES.

    Raises ValueError when there are not as many labels or sources as texts.

    >>> two = Sentences(("Yay.", "Oh no."), np.array([1, 0]), np.array([0, 2]))
    >>> two.take([1]).texts, TEXT_SOURCES[two.sources[1]]
    (('Oh no.',), 'film reviews')
    """

    texts: tuple[str, ...]
    labels: np.ndarray[Any, Any]
    sources: np.ndarray[Any, Any]

    def __post_init__(self) -> None:
        if not len(self.texts) == len(self.labels) == len(self.sources):
            raise ValueError(
                f"expected a label and a source for each text, got {len(self.texts)} texts, "
                f"{len(self.labels)} labels and {len(self.sources)} sources"
            )
        object.__setattr__(self, "labels", read_only(self.labels))
        object.__setattr__(self, "sources", read_only(self.sources))

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, indices: Any) -> Sentences:
        """The sentences with these indices (whole numbers), in this order."""
        texts = tuple(self.texts[index] for index in indices)
        return Sentences(texts, self.labels.take(indices), self.sources.take(indices))


@dataclass(frozen=True, eq=False)
class Sentiment:
    """Sentences to train on, and others to test with."""

    train: Sentences
    test: Sentences


def sentiment() -> Sentiment:
    """Sentences of four sources: 18,654 to train on and 4,666 to test with.

    Tweets, Amazon product reviews, film reviews and New York Times editorials, each sentence rated
    by about 20 people from -4 (negative) to 4 (positive). The label is the sign of the mean rating:
    1 above 0, 0 below. The 383 sentences whose mean is exactly 0 take no side and are left out.
    Every fifth sentence of a source is held back for testing. The order is shuffled and always the
    same. They are fetched when the cache does not have them.

    Raises DataError when they can be neither found nor fetched.

    Source: Hutto and Gilbert 2014 (see `registry.SENTIMENT`).
    """
    return read_sentences(fetch("sentiment"))


def read_sentences(path: Path) -> Sentiment:
    """Sentences from an archive of one file a source, each line an id, a rating and a text."""
    texts: list[str] = []
    ratings: list[float] = []
    places: list[int] = []
    sources: list[int] = []
    with tarfile.open(path, "r:gz") as archive:
        for source, file in enumerate(_FILES.values()):
            rows = _rows(archive, file)
            texts += [text for _, text in rows]
            ratings += [rating for rating, _ in rows]
            places += range(len(rows))
            sources += [source] * len(rows)
    labels = (np.array(ratings) > 0).astype(np.int64)
    every = Sentences(tuple(texts), labels, np.array(sources, np.int64))
    train, test = split(np.array(places, np.int64))
    return Sentiment(every.take(train), every.take(test))


def _rows(archive: tarfile.TarFile, file: str) -> list[tuple[float, str]]:
    """Each sentence of one source that takes a side, with its mean rating."""
    stream = archive.extractfile(file)
    assert stream is not None, f"{file} is a file"
    with stream:
        lines = stream.read().decode("utf-8").split("\r\n")  # splitlines would split sentences too
    fields = [line.split("\t") for line in lines if line]
    rated = [(float(rating), text) for _, rating, text in fields]
    return [(rating, text) for rating, text in rated if rating != 0]
