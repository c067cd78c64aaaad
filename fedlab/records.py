"""Flower's records, read with care: what came, how much it weighs, and whether it is whole.

Bytes from outside are checked before they are trusted: a `.npy` header is compared with the length
of the data that follows it before anything is allocated for it.
"""

from __future__ import annotations

import ast
import functools
import io
import math
import sys
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict

from fedlab.units import Bytes, Levels

R = TypeVar("R", ArrayRecord, ConfigRecord, MetricRecord)

NUMPY = "numpy.ndarray"  # Flower's stype of an uncompressed array
_MAGIC = b"\x93NUMPY\x01\x00"
_HEADER_KEYS = {"descr", "fortran_order", "shape"}
_LONGEST_HEADER = 10_000  # bytes; numpy's own limit
_MOST_DIMENSIONS = 64  # numpy's own limit


class RecordError(ValueError):
    """An array that is not what its header says."""


def array_view(array: Array) -> np.ndarray[Any, Any]:
    """The numbers of an uncompressed Flower Array, read-only and without a copy.

    Raises RecordError when the stype is another one, the header is malformed, is not of plain
    numbers, or does not match the length of the data or the Array's own shape and dtype. What
    passes here, numpy loads too.

    >>> array_view(Array(np.arange(3, dtype=np.float32)))
    array([0., 1., 2.], dtype=float32)
    """
    if array.stype != NUMPY:
        raise RecordError(f"expected the stype {NUMPY!r}, got {array.stype!r}")
    data = array.data
    start = 10 + int.from_bytes(data[8:10], "little")
    if data[:8] != _MAGIC or len(data) < start:
        raise RecordError(f"expected a .npy header, got {data[:8]!r}")
    shape, dtype, order = _header(data[10:start])
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
    try:
        return flat.reshape(shape, order=order)  # type: ignore[call-overload,no-any-return]
    except ValueError as error:  # an empty array of dimensions beyond numpy's
        raise RecordError(f"numpy knows no shape {shape}") from error


@functools.lru_cache(maxsize=1024)
def _header(text: bytes) -> tuple[tuple[int, ...], np.dtype[Any], str]:
    """The shape, dtype and order that a `.npy` header announces, as strictly as numpy reads it."""
    if len(text) > _LONGEST_HEADER:
        raise RecordError(f"a .npy header of {len(text)} bytes, {_LONGEST_HEADER} at most")
    try:
        header = ast.literal_eval(text.decode("latin-1"))
        if not isinstance(header, dict) or set(header) != _HEADER_KEYS:
            raise ValueError
        shape, descr, fortran = header["shape"], header["descr"], header["fortran_order"]
        if not (isinstance(shape, tuple) and isinstance(descr, str) and isinstance(fortran, bool)):
            raise TypeError
        if any(type(n) is not int for n in shape):
            raise TypeError
        dtype = np.dtype(descr)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise RecordError(f"unreadable .npy header: {type(error).__name__}") from error
    if dtype.kind not in "biufc":
        raise RecordError(f"expected plain numbers, got dtype {dtype}")
    if len(shape) > _MOST_DIMENSIONS or any(not 0 <= n <= sys.maxsize for n in shape):
        raise RecordError(f"expected a shape, got {repr(shape)[:80]}")
    return shape, dtype, "F" if fortran else "C"


def array_of(numbers: np.ndarray[Any, Any]) -> Array:
    """The Flower Array that `Array(numbers)` makes, byte for byte, with one copy and not two.

    >>> numbers = np.arange(6, dtype=np.float32).reshape(2, 3)
    >>> array_of(numbers).data == Array(numbers).data
    True
    """
    header = io.BytesIO()
    described = np.lib.format.header_data_from_array_1_0(numbers)
    np.lib.format.write_array_header_1_0(header, described)
    flat = numbers.T if described["fortran_order"] else numbers
    data = b"".join((header.getvalue(), np.ascontiguousarray(flat).data))
    return Array(str(numbers.dtype), numbers.shape, NUMPY, data)


def records_of(content: RecordDict, kind: type[R]) -> dict[str, R]:
    """The ArrayRecords, MetricRecords or ConfigRecords of a message's content, by name.

    Flower's own properties answer with a dictionary that refers to itself and to the content, which
    keeps the whole message in memory until the garbage collector comes by.
    """
    return {name: record for name, record in content.items() if isinstance(record, kind)}


def payload_of(array: Array) -> Bytes:
    """The bytes of an array's numbers; of a codec's blob, or of garbage, all its bytes."""
    try:
        return Bytes(array_view(array).nbytes)
    except RecordError:
        return Bytes(len(array.data))


def payload(content: RecordDict) -> Bytes:
    """The payload level of one message's content; nothing is serialized or hashed for it."""
    records = records_of(content, ArrayRecord).values()
    return sum((payload_of(array) for record in records for array in record.values()), Bytes(0))


def weigh(content: RecordDict) -> Levels:
    """Measure one message's content from its own bytes, at all three levels.

    >>> from flwr.app import ArrayRecord
    >>> weigh(RecordDict({"arrays": ArrayRecord([np.zeros(5, np.float32)])})).payload
    Bytes(20)
    """
    return Levels(
        payload=payload(content),
        record=Bytes(sum(_record_bytes(record) for record in content.values())),
        message=Bytes(sum(len(part.deflate()) for part in objects_of(content).values())),
    )


def _record_bytes(record: Any) -> int:
    """Flower's `count_bytes()`, which raises on empty strings and lists: those weigh their key."""
    try:
        return int(record.count_bytes())
    except (ValueError, IndexError):
        empty = [key for key, value in record.items() if value in ("", b"", [])]
        rest = {key: value for key, value in record.items() if key not in empty}
        return sum(map(len, empty)) + int(type(record)(rest).count_bytes())


def objects_of(content: RecordDict) -> dict[str, Any]:
    """Every object that Flower would transmit for `content`, by its id: equal ones once."""
    return dict(_with_children(content.object_id, content))


def _with_children(object_id: str, thing: Any) -> Iterator[tuple[str, Any]]:
    # no closure that calls itself: such a cycle keeps a whole message until the garbage collector
    for child_id, child in (thing.children or {}).items():
        yield from _with_children(child_id, child)
    yield object_id, thing


def unsendable(content: RecordDict) -> str:
    """Why `content` cannot be serialized; empty when it can. Arrays are not copied to find out."""
    for name, record in content.items():
        if isinstance(record, ArrayRecord):
            for key, array in record.items():
                fields = (array.dtype, array.stype, array.data, array.shape)
                if not all(map(isinstance, fields, (str, str, bytes, tuple))):
                    return f"{name}: {key} is an Array of {[type(f).__name__ for f in fields]}"
        else:
            try:
                record.deflate()
            except Exception as error:  # protobuf's own kinds, for numbers and texts beyond its own
                return f"{name}: {type(error).__name__}: {error}"
    return ""


def round_of(content: RecordDict) -> int:
    """The round that a strategy wrote into its config; 0 where none says."""
    for record in records_of(content, ConfigRecord).values():
        if isinstance(number := record.get("server-round"), int):
            return number
    return 0


def round_of_message(message: Message) -> int:
    """The round in its content, or in its metadata, where Flower's older strategies write it."""
    group = message.metadata.group_id
    return round_of(message.content) or (int(group) if group.isdecimal() else 0)


def schema_of(records: Mapping[str, Any]) -> frozenset[tuple[str, str, int]]:
    """What FedAvg wants to be the same in all replies: record, key, and a list's length."""
    return frozenset(
        (name, key, len(value) if isinstance(value, list) else -1)
        for name, record in records.items()
        for key, value in record.items()
    )
