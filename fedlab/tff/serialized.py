"""What a real client of a learning process sends: run, serialized, and weighed byte by byte."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow_federated as tff

from fedlab.tff.typed import map_reduce_form
from fedlab.units import Bytes

# numpy's names where TFF's protocol has others; elsewhere DT_INT64 is int64
_DTYPES = {"DT_FLOAT": "float32", "DT_DOUBLE": "float64", "DT_HALF": "float16"}


@dataclass(frozen=True)
class Serialized:
    """One client's result in TFF's own protocol buffers, in bytes.

    payload: elements x width of each array, by the dtype and shape that the message says. numbers:
    what these numbers really take in the message, which writes a lone integer with as few bytes as
    it needs. names: the fields' names. total: the whole message.
    """

    payload: Bytes
    numbers: Bytes
    names: Bytes
    total: Bytes

    @property
    def framing(self) -> Bytes:
        """What is neither a number nor a name: each part's kind and length, dtypes and shapes."""
        return self.total - self.numbers - self.names


def client_sends(process: Any, state: Any, dataset: Any) -> Serialized:
    """Run one client's part of a round on its data, serialize what it sends, and weigh that.

    process, state: a learning process and its state. dataset: the client's batches. No type is
    asked for a size: bytes are counted in the serialized message.

    Raises TffError for a process that has no MapReduce form.
    """
    form = map_reduce_form(process)
    result = form.work(dataset, form.prepare(state))
    message, _ = tff.framework.serialize_value(result, form.work.type_signature.result)
    return weigh(type(message).FromString(message.SerializeToString()))


def weigh(message: Any) -> Serialized:
    """Weigh a `Value` of TFF's protocol that holds arrays in nested structures."""
    payload = numbers = names = 0
    for name, array in _arrays(message):
        names += len(name.encode())
        if array is not None:
            payload += math.prod(array.shape.dim) * _width(array)
            numbers += _stored(array)
    return Serialized(Bytes(payload), Bytes(numbers), Bytes(names), Bytes(message.ByteSize()))


def _arrays(value: Any) -> Iterator[tuple[str, Any]]:
    """Every array of a value, and the name of every field on the way to it."""
    if value.HasField("array"):
        yield "", value.array
    for element in value.struct.element:
        yield element.name, None
        yield from _arrays(element.value)


def _width(array: Any) -> int:
    kind = type(array).DESCRIPTOR.fields_by_name["dtype"].enum_type.values_by_number[array.dtype]
    name = _DTYPES.get(kind.name, kind.name.removeprefix("DT_").lower())
    return int(np.dtype(name).itemsize)


def _stored(array: Any) -> int:
    """The bytes of an array's numbers: its content, or the one list in which they stand."""
    if array.HasField("content"):
        return len(array.content)
    (numbers,) = (part for field, part in array.ListFields() if field.name.endswith("_list"))
    size: int = numbers.ByteSize()
    prefix = 1  # the list's tag, then its length in as many bytes as that takes
    while 128**prefix <= size - 1 - prefix:
        prefix += 1
    return size - 1 - prefix
