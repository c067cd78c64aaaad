"""Digits as a client's dataset: read from a file as they are needed, or written into the graph.

A dataset goes to the worker as a graph, the recipe by which it is made. What `from_tensor_slices`
is given becomes part of that recipe, in whole, however small its batches are. A recipe that names
a file is a few thousand bytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from fedlab.data import Examples
from fedlab.tff.error import TffError
from fedlab.units import Bytes

GRAPH_LIMIT = Bytes(100 * 2**20)  # TFF takes no dataset whose graph is longer
_PIXELS = 784
_RECORD = np.dtype([("digit", "<f4", _PIXELS), ("label", "<i8")])  # without padding


def in_graph(examples: Examples, batch: int) -> Any:
    """A dataset whose examples are written into its graph.

    Raises TffError for examples that a graph cannot hold.

    >>> five = Examples(np.zeros((5, 784), np.float32), np.arange(5))
    >>> graph_bytes(in_graph(five, 2)) > five.nbytes
    True
    """
    if examples.nbytes >= GRAPH_LIMIT:
        raise TffError(
            f"{len(examples):,} examples, {examples.nbytes}, would be written into the dataset's "
            f"graph, and TFF takes graphs below {GRAPH_LIMIT}: read them from a file instead, "
            "write_digits and from_file"
        )
    pair = (examples.inputs, examples.labels)
    return tf.data.Dataset.from_tensor_slices(pair).batch(batch)


def graph_bytes(dataset: Any) -> Bytes:
    """What goes to the worker for a dataset: its graph, serialized, in bytes.

    >>> graph_bytes(tf.data.Dataset.range(10**9)) < 10_000
    True
    """
    type_ = tff.SequenceType(tff.types.tensorflow_to_type(dataset.element_spec))
    message, _ = tff.framework.serialize_value(dataset, type_)
    return Bytes(message.ByteSize())


def write_digits(examples: Examples, path: Path) -> None:
    """Write digits as records of one length: 784 float32, then the label as int64.

    >>> from tempfile import TemporaryDirectory
    >>> five = Examples(np.zeros((5, 784), np.float32), np.arange(5))
    >>> with TemporaryDirectory() as folder:
    ...     write_digits(five, Path(folder, "digits"))
    ...     [len(labels) for _, labels in from_file(Path(folder, "digits"), 2)]
    [2, 2, 1]
    """
    records = np.empty(len(examples), _RECORD)
    records["digit"], records["label"] = examples.inputs, examples.labels
    records.tofile(path)


def from_file(path: Path, batch: int) -> Any:
    """A dataset that reads the digits of a file as they are needed, in its order.

    Raises TffError for a file that is not there or holds no whole number of digits.
    """
    size = path.stat().st_size if path.is_file() else 0
    if not size or size % _RECORD.itemsize:
        raise TffError(
            f"{path.name}: expected a file of digits, {_RECORD.itemsize:,} B each, got "
            f"{f'{size:,} B' if path.is_file() else 'no file'}: write it with write_digits"
        )
    records = tf.data.FixedLengthRecordDataset(str(path.resolve()), _RECORD.itemsize)
    return records.map(_parsed).batch(batch)


def _parsed(record: Any) -> tuple[Any, Any]:
    """One record as a digit (784,) float32 and its label () int64."""
    split = _RECORD["digit"].itemsize
    digit = tf.io.decode_raw(tf.strings.substr(record, 0, split), tf.float32)
    label = tf.io.decode_raw(tf.strings.substr(record, split, 8), tf.int64)
    return tf.reshape(digit, (_PIXELS,)), tf.reshape(label, ())
