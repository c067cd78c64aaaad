"""Examples in a file larger than memory: written a chunk at a time, read a batch at a time.

A folder holds `inputs.npy` and `labels.npy`, in numpy's own format. They are mapped: the operating
system reads the rows of a batch when the batch is made, and may drop them again.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy

from fedlab.data import Examples
from fedlab.trainers.feeds import TrainingError, check
from fedlab.units import Bytes

INPUTS, LABELS = "inputs.npy", "labels.npy"


def to_disk(folder: str | Path, chunks: Iterable[Examples]) -> Bytes:
    """Write examples into a folder, chunk by chunk; the size of the two files.

    chunks: pulled one at a time, none of them kept; how many there are need not be known.

    What the folder held before is replaced when all is written, and kept when writing fails.
    Raises TrainingError when there are no examples, or a chunk's do not fit those before it.

    >>> chunk = Examples(np.zeros((5, 784), np.float32), np.arange(5))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     to_disk(folder, [chunk, chunk])
    Bytes(31696)
    """
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place) as unfinished:
        parts = Path(unfinished, INPUTS), Path(unfinished, LABELS)
        with parts[0].open("wb") as inputs, parts[1].open("wb") as labels:
            _write(inputs, labels, chunks)
        for part in parts:
            os.replace(part, place / part.name)
    return Bytes(sum((place / part.name).stat().st_size for part in parts))


def _write(inputs: BinaryIO, labels: BinaryIO, chunks: Iterable[Examples]) -> None:
    count, row = 0, None
    for number, chunk in enumerate(chunks):
        check(chunk.inputs, chunk.labels, f"chunk {number}")
        if row is None:
            row = chunk.inputs.shape[1:]
            _header(inputs, np.float32, (0, *row))
            _header(labels, np.int64, (0,))
        if chunk.inputs.shape[1:] != row:
            raise TrainingError(
                f"chunk {number}: expected inputs of shape {('n', *row)} like those before, got "
                f"{chunk.inputs.shape}"
            )
        inputs.write(np.ascontiguousarray(chunk.inputs).data)
        labels.write(np.ascontiguousarray(chunk.labels).data)
        count += len(chunk.labels)
    if row is None:
        raise TrainingError("chunks: expected at least one, got none")
    _header(inputs, np.float32, (count, *row))
    _header(labels, np.int64, (count,))


def _header(file: BinaryIO, dtype: type, shape: tuple[int, ...]) -> None:
    """Write the header at the file's start; numpy leaves room in it for the first axis to grow."""
    file.seek(0)
    about = {"descr": npy.dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": shape}
    npy.write_array_header_1_0(file, about)


def from_disk(folder: str | Path) -> Examples:
    """Examples that `to_disk` wrote, mapped read-only: no example is read before its batch is made.

    Any feed takes them: `mini_batches(from_disk(folder), 32)`.

    Raises TrainingError when a file is missing, is no whole .npy file, or holds no such examples.

    >>> with tempfile.TemporaryDirectory() as folder:
    ...     size = to_disk(folder, [Examples(np.zeros((5, 784), np.float32), np.arange(5))])
    ...     from_disk(folder).inputs.shape
    (5, 784)
    """
    inputs, labels = _mapped(Path(folder, INPUTS)), _mapped(Path(folder, LABELS))
    check(inputs, labels, str(folder))
    return Examples(inputs, labels)


def _mapped(path: Path) -> np.ndarray[Any, Any]:
    try:
        return npy.open_memmap(path, mode="r")
    except (OSError, ValueError) as error:
        raise TrainingError(
            f"{path}: expected a whole .npy file, got {type(error).__name__}: {error}; "
            "write it with to_disk"
        ) from error
