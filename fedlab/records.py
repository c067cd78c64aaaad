"""Flower's records, read with care: what came, how much it weighs, and whether it is whole.

Bytes from outside are checked before they are trusted: a `.npy` header is compared with the length
of the data that follows it before anything is allocated for it.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from flwr.app import Array, RecordDict

from fedlab.units import Bytes, Levels

NUMPY = "numpy.ndarray"  # Flower's stype of an uncompressed array
_MAGIC = b"\x93NUMPY\x01\x00"


class RecordError(ValueError):
    """An array that is not what its header says."""


def array_view(array: Array) -> np.ndarray[Any, Any]:
    """The numbers of an uncompressed Flower Array, read-only and without a copy.

    Raises RecordError when the stype is another one, the header is malformed, holds Python objects,
    or does not match the length of the data or the Array's own shape and dtype.

    >>> array_view(Array(np.arange(3, dtype=np.float32)))
    array([0., 1., 2.], dtype=float32)
    """
    if array.stype != NUMPY:
        raise RecordError(f"expected the stype {NUMPY!r}, got {array.stype!r}")
    data = array.data
    if data[:8] != _MAGIC or len(data) < 10:
        raise RecordError(f"expected a .npy header, got {data[:8]!r}")
    start = 10 + int.from_bytes(data[8:10], "little")
    try:
        header = ast.literal_eval(data[10:start].decode("latin-1").strip())
        shape = tuple(int(n) for n in header["shape"])
        dtype = np.dtype(header["descr"])
        order = "F" if header["fortran_order"] else "C"
    except (ValueError, SyntaxError, TypeError, KeyError, MemoryError, RecursionError) as error:
        raise RecordError(f"unreadable .npy header: {type(error).__name__}") from error
    if dtype.hasobject or min(shape, default=0) < 0:
        raise RecordError(f"expected plain numbers, got dtype {dtype} and shape {shape}")
    expected = math.prod(shape) * dtype.itemsize
    if len(data) - start != expected:
        raise RecordError(
            f"header promises shape {shape} of {dtype}, {expected} bytes; {len(data) - start} came"
        )
    if shape != tuple(array.shape) or str(dtype) != array.dtype:
        raise RecordError(
            f"announced as shape {tuple(array.shape)} of {array.dtype}, came as {shape} of {dtype}"
        )
    flat = np.frombuffer(data, dtype=dtype, offset=start) if expected else np.empty(0, dtype)
    return flat.reshape(shape, order=order)  # type: ignore[call-overload,no-any-return]


def payload_of(array: Array) -> Bytes:
    """The bytes of an array's numbers; of a codec's blob, or of garbage, all its bytes."""
    try:
        return Bytes(array_view(array).nbytes)
    except RecordError:
        return Bytes(len(array.data))


def weigh(content: RecordDict) -> Levels:
    """Measure one message's content from its own bytes, at all three levels.

    >>> from flwr.app import ArrayRecord
    >>> weigh(RecordDict({"arrays": ArrayRecord([np.zeros(5, np.float32)])})).payload
    Bytes(20)
    """
    arrays = (array for record in content.array_records.values() for array in record.values())
    return Levels(
        payload=sum((payload_of(array) for array in arrays), Bytes(0)),
        record=Bytes(sum(record.count_bytes() for record in content.values())),
        message=Bytes(sum(len(obj.deflate()) for obj in objects_of(content))),
    )


def objects_of(thing: Any) -> Iterator[Any]:
    """Every object that Flower would transmit for `thing`: equal siblings once, as it does."""
    for child in (thing.children or {}).values():
        yield from objects_of(child)
    yield thing


def round_of(content: RecordDict) -> int:
    """The round that a strategy wrote into its config; 0 where none says."""
    for record in content.config_records.values():
        if isinstance(number := record.get("server-round"), int):
            return number
    return 0


def schema_of(records: Mapping[str, Any]) -> frozenset[tuple[str, str, int]]:
    """What FedAvg wants to be the same in all replies: record, key, and a list's length."""
    return frozenset(
        (name, key, len(value) if isinstance(value, list) else -1)
        for name, record in records.items()
        for key, value in record.items()
    )
