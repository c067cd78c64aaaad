"""The byte format of an encoded tensor, on one page.

All integers are unsigned and little endian::

    bytes      what
    0 to 3     magic, b"fedl"
    4          version, 1
    5          dtype of the tensor: 1 float16, 2 float32, 3 float64
    6          d, how many dimensions it has
    7          t, how many bytes the codec's text has
    8 to 15    b, how many bytes the body has
    16 to 23   XXH3-64 of all other bytes of this tensor
    4 d        the dimensions, 4 bytes each
    t          the codec's text, ASCII: `topk:0.01|int8`
    b          the body; its layout is in the codec's own file

Nothing is allocated for what a header announces. It is compared with the tensor that is expected,
byte by byte where that can be. The checksum finds damage; a sender who means harm can compute one
too, so each codec checks its body as well.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import xxhash

from fedlab.codecs.error import CodecError

MAGIC, VERSION = b"fedl", 1
DTYPES = {"float16": 1, "float32": 2, "float64": 3}
_FIXED = struct.Struct("<4sBBBBQ")  # all that comes before the checksum
_START = _FIXED.size + 8

Bytes8 = np.ndarray[Any, np.dtype[np.uint8]]


def header_size(shape: tuple[int, ...], text: str) -> int:
    """How many bytes come before the body.

    >>> header_size((64, 784), "int8")
    36
    """
    return _START + 4 * len(shape) + len(text)


def seal(blob: Bytes8, shape: tuple[int, ...], dtype: str, text: str) -> None:
    """Write header and checksum around a body that already lies in its place, at the blob's end.

    Raises CodecError for what the format has no room for.
    """
    if len(shape) > 255 or any(n >= 2**32 for n in shape):
        raise CodecError(f"expected up to 255 dimensions below 2**32, got the shape {shape}")
    body = len(blob) - header_size(shape, text)
    fixed = _FIXED.pack(MAGIC, VERSION, DTYPES[dtype], len(shape), len(text), body)
    rest = struct.pack(f"<{len(shape)}I", *shape) + text.encode("ascii")
    blob[:_START] = np.frombuffer(fixed + bytes(8), np.uint8)
    blob[_START : _START + len(rest)] = np.frombuffer(rest, np.uint8)
    blob[_FIXED.size : _START] = np.frombuffer(_checksum(blob), np.uint8)


def body_of(blob: Bytes8, shape: tuple[int, ...], dtype: str, text: str) -> Bytes8:
    """The body of a blob that holds the expected tensor in the expected codec; a view, no copy.

    Raises CodecError that says what was expected and what came.
    """
    if len(blob) < _START:
        raise CodecError(f"expected at least {_START} bytes of header, got {len(blob)}")
    magic, version, code, dimensions, text_size, body = _FIXED.unpack(blob[: _FIXED.size].tobytes())
    if magic != MAGIC:
        raise CodecError(f"expected the magic {MAGIC!r}, got {magic!r}")
    if version != VERSION:
        raise CodecError(f"expected version {VERSION} of the format, got {version}")
    if code != DTYPES[dtype]:
        came = {v: k for k, v in DTYPES.items()}.get(code, f"dtype number {code}")
        raise CodecError(f"expected {dtype}, got {came}")
    start = _START + 4 * dimensions + text_size
    if len(blob) != start + body:
        raise CodecError(f"header announces {start} + {body} bytes, got {len(blob)}")
    sizes = struct.unpack(f"<{dimensions}I", blob[_START : start - text_size].tobytes())
    if sizes != shape:
        raise CodecError(f"expected shape {shape}, got {str(sizes)[:80]}")
    came_text = blob[start - text_size : start].tobytes()
    if came_text != text.encode("ascii"):
        raise CodecError(f"expected the codec {text!r}, got {came_text[:80]!r}")
    if blob[_FIXED.size : _START].tobytes() != _checksum(blob):
        raise CodecError("its checksum is wrong: it was damaged on the way")
    return blob[start:]


def _checksum(blob: Bytes8) -> bytes:
    digest = xxhash.xxh3_64(blob[: _FIXED.size].data)
    digest.update(blob[_START:].data)
    return digest.intdigest().to_bytes(8, "little")
