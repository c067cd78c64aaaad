"""What Flower adds to a payload, predicted: the record and the message level.

Nothing here touches a message: names, shapes, dtypes and settings go in, byte counts come out. The
ledger measures the same levels from the messages' own bytes, with other code, so that an agreement
of the two means something. Source: Flower 1.41's record and inflatable-object formats.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fedlab.sizes import TensorSpec
from fedlab.units import Bytes, Levels

if TYPE_CHECKING:
    from fedlab.codecs import Codec

Scalar = bool | int | float | str | bytes
Entries = Mapping[str, Scalar | Sequence[int] | Sequence[float] | Sequence[str]]

CHUNK = 5 * 2**20  # bytes of an array that travel as one object
_INT64 = 2**63 - 1  # beyond it, Flower sends unsigned integers
OBJECT_ID = 64  # hexadecimal characters of a SHA-256


def predict_levels(
    tensors: Sequence[TensorSpec],
    *,
    config: Entries | None = None,
    metrics: Entries | None = None,
    codec: Codec | None = None,
) -> Levels:
    """One message that carries `tensors` under "arrays", and a config or metrics beside them.

    tensors: as `fedlab.sizes.tensors_of` lists them; tied ones count each, as a state dict sends
    them. config, metrics: the entries of the ConfigRecord and MetricRecord; None where the message
    has none. codec: of the updates that `compress` sends; the other tensors travel as they are.
    Returns payload, record and message bytes; exact for a codec whose `size()` is, otherwise the
    most they can be.

    The message level is exact when no two tensors hold equal numbers, as in any trained model.
    Flower names content by its hash: an equal tensor is sent once in a message, and the message
    level of a freshly initialised model (biases of zeros, norms of ones) is smaller than this.

    Raises ValueError for a dtype that numpy, and so Flower, has no name for.

    >>> mlp = [TensorSpec("0.weight", (64, 784)), TensorSpec("0.bias", (64,))]
    >>> predict_levels(mlp, metrics={"num-examples": 1}).payload
    Bytes(200960)
    """
    sent = [_sent(spec, codec) for spec in tensors]
    record = sum(array.data for array in sent) + sum(len(spec.name) for spec in tensors)
    for entries in (config, metrics):
        if entries is not None:
            record += sum(len(k) + _counted(v) for k, v in entries.items())
    content = predict_objects(tensors, config=config, metrics=metrics, codec=codec)
    return Levels(
        payload=sum((array.payload for array in sent), Bytes(0)),
        record=Bytes(record),
        message=Bytes(sum(part.size for part in content.walk())),
    )


@dataclass(frozen=True)
class SentObject:
    """One object of a message as Flower transmits it: its bytes, and the objects it names."""

    size: int
    children: tuple[SentObject, ...] = ()

    def walk(self) -> Iterator[SentObject]:
        """The objects below this one, then this one."""
        for child in self.children:
            yield from child.walk()
        yield self


def predict_objects(
    tensors: Sequence[TensorSpec],
    *,
    config: Entries | None = None,
    metrics: Entries | None = None,
    codec: Codec | None = None,
) -> SentObject:
    """The message level of `predict_levels`, object by object: a record dict and all below it.

    Parameters, exactness and ValueError are those of `predict_levels`.

    >>> mlp = [TensorSpec("0.weight", (64, 784)), TensorSpec("0.bias", (64,))]
    >>> [part.size for part in predict_objects(mlp).walk()]  # chunk, array; twice; record; dict
    [200851, 163, 400, 158, 304, 157]
    """
    arrays = tuple(_array_object(spec, _sent(spec, codec)) for spec in tensors)
    record = object_size("ArrayRecord", _references([t.name for t in tensors]), len(arrays))
    records = {"arrays": SentObject(record, arrays)}
    for key, kind, entries in (
        ("config", "ConfigRecord", config),
        ("metrics", "MetricRecord", metrics),
    ):
        if entries is not None:
            body = sum(_item(k, v) for k, v in entries.items())
            records[key] = SentObject(object_size(kind, body, 0))
    return SentObject(
        object_size("RecordDict", _references(list(records)), len(records)),
        tuple(records.values()),
    )


class _Sent(NamedTuple):
    """A tensor as it travels."""

    payload: Bytes
    data: int  # bytes in its Array
    stype: str


def _sent(spec: TensorSpec, codec: Codec | None) -> _Sent:
    if codec is None or spec.dtype not in ("float16", "float32", "float64"):
        return _Sent(spec.nbytes, _npy_size(spec), "numpy.ndarray")
    size = codec.size(spec.shape, spec.dtype)
    return _Sent(size, size, f"fedlab.update/{codec}")


def _npy_size(spec: TensorSpec) -> int:
    """The bytes of the tensor as a `.npy` file: header padded to 64, then the numbers."""
    try:
        descr = np.dtype(spec.dtype).str
    except TypeError:
        raise ValueError(
            f"{spec.name}: expected a dtype that numpy can serialize, got {spec.dtype}; "
            "Flower sends numpy arrays"
        ) from None
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {spec.shape}, }}"
    room_to_grow = 21 - len(str(spec.shape[0])) if spec.shape else 0
    prefix = 10  # magic, version, header length
    unpadded = prefix + len(header) + room_to_grow + 1  # newline
    return unpadded + 64 - unpadded % 64 + spec.nbytes


def _array_object(spec: TensorSpec, sent: _Sent) -> SentObject:
    """An Array and its chunks."""
    full, rest = divmod(sent.data, CHUNK)
    chunks = [CHUNK] * full + ([rest] if rest else [])
    body = json.dumps(
        {
            "dtype": spec.dtype,
            "shape": spec.shape,
            "stype": sent.stype,
            "arraychunk_ids": list(range(len(chunks))),
        }
    )
    return SentObject(
        object_size("Array", len(body), len(chunks)),
        tuple(SentObject(object_size("ArrayChunk", size, 0)) for size in chunks),
    )


def object_size(kind: str, body: int, children: int) -> int:
    """The bytes of a deflated object: `kind id,id,… length` NUL body."""
    ids = children * OBJECT_ID + max(children - 1, 0)
    return len(kind) + 1 + ids + 1 + len(str(body)) + 1 + body


def _references(names: Sequence[str]) -> int:
    """The JSON object that maps each name to an object id."""
    return len(json.dumps(dict.fromkeys(names, "x" * OBJECT_ID)))


def _item(key: str, value: object) -> int:
    """One entry of a protobuf ConfigRecord or MetricRecord, tag and length included."""
    name = prefixed(len(key.encode())) if key else 0  # protobuf leaves an empty text out
    return prefixed(name + prefixed(_value(value)))


def _value(value: object) -> int:
    """A protobuf value: a one-byte tag for scalars, two bytes for lists."""
    if isinstance(value, (list, tuple)):
        if value and isinstance(value[0], (str, bytes)):
            return 1 + prefixed(sum(_value(v) for v in value))
        unsigned = any(type(v) is int and v > _INT64 for v in value)
        packed = sum(varint(v) if unsigned else _value(v) - 1 for v in value)
        return 1 + prefixed(prefixed(packed) if value else 0)
    if isinstance(value, bool):
        return 2
    if isinstance(value, int):
        return 1 + varint(2 * value if value >= 0 else -2 * value - 1)
    if isinstance(value, float):
        return 9
    return prefixed(len(value.encode() if isinstance(value, str) else bytes(value)))  # type: ignore[call-overload]


def prefixed(length: int) -> int:
    """A length-delimited field: tag, length, content."""
    return 1 + varint(length) + length


def varint(number: int) -> int:
    """The bytes of a protobuf varint: seven bits of the number in each."""
    return max(1, (number.bit_length() + 6) // 7)


def _counted(value: object) -> int:
    """What Flower's `count_bytes` counts for an entry's value."""
    if isinstance(value, (list, tuple)):
        return sum(_counted(v) for v in value)
    if isinstance(value, bool):
        return 1
    return len(value) if isinstance(value, (str, bytes)) else 8
