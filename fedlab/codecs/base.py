"""What a codec is: a tensor in, fewer bytes out, and back."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import DTypeLike

from fedlab.codecs import wire
from fedlab.codecs.error import CodecError
from fedlab.codecs.wire import Bytes8
from fedlab.units import Bytes

Floats: TypeAlias = np.ndarray[Any, np.dtype[np.floating[Any]]]
Buffer: TypeAlias = bytes | bytearray | memoryview | np.ndarray[Any, np.dtype[np.uint8]]


class Codec(ABC):
    """Encodes float16, float32 and float64 tensors of any shape; `str(codec)` is its text form.

    A subclass writes and reads a body: the tensor as a flat vector, without header. What it cannot
    encode (NaN, infinity, another dtype) and what it cannot decode is a CodecError, in each method.
    Decoding checks everything before it trusts it, and beside the tensor it fills allocates about a
    byte for each value.

    >>> from fedlab.codecs import parse
    >>> codec, update = parse("float16"), np.ones((64, 784), np.float32)
    >>> buffer = np.empty(codec.size(update.shape, update.dtype), np.uint8)
    >>> codec.encode_into(update, buffer)  # 39 bytes of header, 2 for each value
    100391
    >>> codec.decode_into(buffer, update)
    """

    sparse: ClassVar[bool] = False  # leaves values out: right for updates, wrong for weights
    fixed: bool = True  # size() is exact; otherwise an upper bound

    def size(self, shape: tuple[int, ...], dtype: DTypeLike = np.float32) -> Bytes:
        """How many bytes a tensor takes encoded: exact where `fixed`, otherwise at most."""
        shape = tuple(shape)
        body = self.body_size(math.prod(shape), _known(dtype))
        return Bytes(wire.header_size(shape, str(self)) + body)

    def encode(self, array: Floats, *, seed: int | None = None) -> bytes:
        """The tensor as bytes, see `encode_into`."""
        buffer = np.empty(self.size(array.shape, array.dtype), np.uint8)
        return buffer[: self.encode_into(array, buffer, seed=seed)].tobytes()

    def encode_into(self, array: Floats, buffer: Buffer, *, seed: int | None = None) -> int:
        """Encode into a writable buffer of at least `size()` bytes; how many were written.

        seed: of what is drawn at random, where something is, 0 to 2**63 - 1; None draws one from
        numpy's own generator, which `simulate` seeds. Only small working memory is allocated.
        """
        dtype, shape = _known(array.dtype), array.shape
        out, most = np.frombuffer(buffer, np.uint8), self.size(shape, dtype)
        if len(out) < most:
            raise CodecError(f"expected a buffer of {int(most)} bytes or more, got {len(out)}")
        flat = np.ascontiguousarray(array, dtype).reshape(-1)
        start = wire.header_size(shape, str(self))
        seed = int(np.random.randint(2**63, dtype=np.int64)) if seed is None else seed
        if not 0 <= seed < 2**63:
            raise CodecError(f"seed: expected 0 to 2**63 - 1, got {seed}")
        end = start + self.write(flat, out[start:most], seed)
        wire.seal(out[:end], shape, dtype.name, str(self))
        return end

    def decode(
        self, blob: Buffer, shape: tuple[int, ...], dtype: DTypeLike = np.float32
    ) -> np.ndarray[Any, Any]:
        """The tensor of this shape and dtype that a blob holds; allocated after the header fits."""
        native = _known(dtype)
        body = wire.body_of(_bytes(blob), tuple(shape), native.name, str(self))
        array = np.empty(shape, native)
        self.read(body, array.reshape(-1))
        return array

    def decode_into(self, blob: Buffer, array: Floats) -> None:
        """Decode into a contiguous tensor of the expected shape and dtype.

        After a CodecError the tensor's numbers mean nothing.
        """
        if not (array.flags.c_contiguous and array.flags.writeable and array.dtype.isnative):
            raise CodecError("expected a tensor to fill: contiguous, writable, in native order")
        body = wire.body_of(_bytes(blob), array.shape, _known(array.dtype).name, str(self))
        self.read(body, array.reshape(-1))

    @abstractmethod
    def body_size(self, n: int, dtype: np.dtype[Any]) -> int:
        """Bytes of the body of n values: exact where `fixed`, otherwise at most."""

    @abstractmethod
    def write(self, flat: Floats, body: Bytes8, seed: int) -> int:
        """Write the body of (n,) values; how many bytes it took."""

    @abstractmethod
    def read(self, body: Bytes8, flat: Floats) -> None:
        """Fill (n,) values from a body, all of it checked."""


def _known(dtype: DTypeLike) -> np.dtype[Any]:
    known = np.dtype(dtype)
    if known.name not in wire.DTYPES:
        raise CodecError(f"expected one of {', '.join(wire.DTYPES)}, got a tensor of {known}")
    return known.newbyteorder("=")


def _bytes(blob: Buffer) -> Bytes8:
    return np.frombuffer(blob, np.uint8) if len(blob) else np.empty(0, np.uint8)


def expect(size: int, body: Bytes8) -> None:
    """Raise CodecError unless a body has exactly this many bytes."""
    if len(body) != size:
        raise CodecError(f"expected a body of {size} bytes, got {len(body)}")


def fraction_of(fraction: float) -> float:
    """A fraction above 0 and up to 1, as a float; CodecError for anything else."""
    if isinstance(fraction, bool) or not isinstance(fraction, (int, float)):
        raise CodecError(f"expected a fraction above 0 and up to 1, got {fraction!r}")
    if not 0 < fraction <= 1:
        raise CodecError(f"expected a fraction above 0 and up to 1, got {fraction}")
    return float(fraction)
