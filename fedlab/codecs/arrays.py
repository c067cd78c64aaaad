"""Encoded tensors as Flower Arrays: the stype names the codec, dtype and shape are the original's.

Any engine carries them, since an Array takes any stype and bytes. Whoever does not know the stype
cannot take the blob for numbers: Flower's own `Array.numpy()` refuses it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from flwr.app import Array

from fedlab.codecs.base import Codec, Floats
from fedlab.codecs.error import CodecError
from fedlab.codecs.text import parse
from fedlab.codecs.wire import DTYPES, Bytes8
from fedlab.records import NUMPY, RecordError, array_view

_STYPE = "fedlab."  # then the codec's text


def encodable(array: Array) -> bool:
    """Whether a codec takes it: an uncompressed Array of floats."""
    return array.stype == NUMPY and array.dtype in DTYPES


def is_encoded(array: Array) -> bool:
    """Whether an Array says that it holds a codec's blob.

    >>> from fedlab.codecs import Float16
    >>> is_encoded(encode(Float16(), np.ones(3, np.float32)))
    True
    """
    return array.stype.startswith(_STYPE)


def encode(codec: Codec, numbers: Floats, buffer: Bytes8 | None = None) -> Array:
    """An Array that holds the tensor encoded. buffer: memory to encode in, of `size()` bytes."""
    if buffer is None:
        buffer = np.empty(codec.size(numbers.shape, numbers.dtype), np.uint8)
    blob = buffer[: codec.encode_into(numbers, buffer)].tobytes()
    return Array(numbers.dtype.name, numbers.shape, f"{_STYPE}{codec}", blob)


def decode(array: Array, like: Array) -> np.ndarray[Any, Any]:
    """The tensor in an encoded Array, when it has the shape and the dtype of another.

    Raises CodecError that says what was expected and what came.
    """
    shape = tuple(like.shape)
    if array.dtype != like.dtype or tuple(array.shape) != shape:
        raise CodecError(
            f"expected {like.dtype} of shape {shape}, announced as {array.dtype[:20]} of shape "
            f"{str(tuple(array.shape))[:80]}"
        )
    return parse(array.stype.removeprefix(_STYPE)).decode(array.data, shape, like.dtype)


def numbers_of(array: Array) -> np.ndarray[Any, Any]:
    """The numbers of an Array, encoded or not; CodecError when it is not what it says."""
    try:
        return decode(array, array) if is_encoded(array) else array_view(array)
    except RecordError as error:
        raise CodecError(str(error)) from None
