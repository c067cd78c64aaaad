"""Encoded tensors as Flower Arrays: the stype names the codec, dtype and shape are the original's.

The stype says too whether the tensor is an update, to be added to what was sent, or holds weights:
a client that returns what it was sent must not have it added to itself.

Any engine carries them, since an Array takes any stype and bytes. Whoever does not know the stype
cannot take the blob for numbers: Flower's own `Array.numpy()` refuses it.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from flwr.app import Array

from fedlab.codecs.base import Codec, Floats
from fedlab.codecs.error import CodecError
from fedlab.codecs.text import parse
from fedlab.codecs.wire import DTYPES, Bytes8
from fedlab.records import NUMPY, array_of

Kind = Literal["update", "weights"]
_STYPE = "fedlab."  # then the kind, a slash and the codec's text


def encodable(array: Array) -> bool:
    """Whether a codec takes it: an uncompressed Array of floats."""
    return array.stype == NUMPY and array.dtype in DTYPES


def is_encoded(array: Array) -> bool:
    """Whether an Array says that it holds a codec's blob.

    >>> from fedlab.codecs import Float16
    >>> is_encoded(encode(Float16(), np.ones(3, np.float32), "update"))
    True
    """
    return array.stype.startswith(_STYPE)


def encode(codec: Codec, numbers: Floats, kind: Kind, buffer: Bytes8 | None = None) -> Array:
    """An Array that holds the tensor encoded. buffer: memory to encode in, of `size()` bytes."""
    if buffer is None:
        buffer = np.empty(codec.size(numbers.shape, numbers.dtype), np.uint8)
    blob = buffer[: codec.encode_into(numbers, buffer)].tobytes()
    return Array(numbers.dtype.name, numbers.shape, f"{_STYPE}{kind}/{codec}", blob)


def decode(array: Array, kind: Kind, like: Array) -> np.ndarray[Any, Any]:
    """The tensor in an encoded Array, when it is of this kind and has another's shape and dtype.

    Raises CodecError that says what was expected and what came.
    """
    shape = tuple(like.shape)
    came, _, text = array.stype.removeprefix(_STYPE).partition("/")
    if came != kind:
        raise CodecError(f"expected an encoded tensor of kind {kind!r}, got {came[:20]!r}")
    if array.dtype != like.dtype or tuple(array.shape) != shape:
        raise CodecError(
            f"expected {like.dtype} of shape {shape}, announced as {array.dtype[:20]} of shape "
            f"{str(tuple(array.shape))[:80]}"
        )
    return parse(text).decode(array.data, shape, like.dtype)


def received(array: Array) -> Array:
    """What a client makes of a broadcast's Array: encoded weights decoded, others as they are."""
    return array_of(decode(array, "weights", array)) if is_encoded(array) else array
