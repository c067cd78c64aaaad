"""Where the kept values are: positions in a flat tensor of n values, ascending, in few bytes.

Two forms. Plain: each position in 2 bytes where n allows it, otherwise in 4; k of them take a known
size. Compact: the gaps (how many values are left out before each kept one) in a byte each, where
255 means that 255 values are left out and the gap goes on in the next byte. One byte says how these
bytes travel: 0 as they are, 1 as one Zstandard frame, which is where it is smaller.

Evenly spread positions at 1 % have an entropy of 8.08 bits each; compact takes about 1 % more.

Source: Golomb 1966, doi:10.1109/TIT.1966.1053907, for gaps and their distribution; RFC 8878 for
Zstandard.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import zstandard

from fedlab.codecs.error import CodecError
from fedlab.codecs.wire import Bytes8

Positions = np.ndarray[Any, np.dtype[np.int64]]
PIECE = 2**17  # positions at a time: one takes 8 bytes, and several times so much while it is found
_LONG = 255  # so many are left out, and the gap goes on
_AS_IT_IS, _FRAME = 0, 1


def width(n: int) -> int:
    """Bytes of a plain position in a tensor of n values; CodecError where 4 do not suffice.

    >>> width(65_536), width(65_537)
    (2, 4)
    """
    if n >= 2**32:
        raise CodecError(f"expected fewer than 2**32 values in a tensor, got {n}")
    return 2 if n <= 2**16 else 4


def write_plain(positions: Positions, n: int, body: Bytes8) -> int:
    """Write the plain form; how many bytes it took."""
    size = width(n) * len(positions)
    body[:size].view(f"<u{width(n)}")[:] = positions
    return size


def read_plain(body: Bytes8, n: int) -> Iterator[Positions]:
    """The positions in pieces, each checked before it is handed out.

    Raises CodecError for positions that do not increase or lie outside the tensor.
    """
    plain, before = body.view(f"<u{width(n)}"), -1
    for start in range(0, len(plain), PIECE):
        piece = plain[start : start + PIECE].astype(np.int64)
        if piece[0] <= before or (piece[1:] <= piece[:-1]).any():
            raise CodecError("expected increasing positions, got others")
        before = int(piece[-1])
        yield _inside(piece, n)


def compact_size(k: int, n: int) -> int:
    """The most bytes that the compact form of k positions in n values can take."""
    return 1 + k + (n - k) // _LONG


def write_compact(positions: Positions, body: Bytes8) -> int:
    """Write the compact form; how many bytes it took."""
    more, last = np.divmod(np.diff(positions, prepend=-1) - 1, _LONG)
    ends = np.cumsum(more + 1) - 1  # where in the bytes each gap ends
    gaps = np.full(int(ends[-1]) + 1 if len(ends) else 0, _LONG, np.uint8)
    gaps[ends] = last
    frame = np.frombuffer(zstandard.ZstdCompressor().compress(gaps.data), np.uint8)
    form, section = (_FRAME, frame) if len(frame) < len(gaps) else (_AS_IT_IS, gaps)
    body[0], body[1 : 1 + len(section)] = form, section
    return 1 + len(section)


def read_compact(body: Bytes8, k: int, n: int) -> Iterator[Positions]:
    """The k positions in pieces, each checked before it is handed out.

    k: checked by the caller to be n at most. A frame that announces more gaps than there can be is
    refused before it is unpacked. Raises CodecError for that and for anything but k positions.
    """
    if not len(body) or body[0] not in (_AS_IT_IS, _FRAME):
        raise CodecError(f"expected a form of positions, 0 or 1, got {body[:1].tolist()}")
    gaps = body[1:] if body[0] == _AS_IT_IS else _unpacked(body[1:], compact_size(k, n) - 1)
    if len(gaps) and gaps[-1] == _LONG:
        raise CodecError("expected the gaps to end, the last one goes on")
    found, before = 0, -1
    for start in range(0, len(gaps), PIECE):
        piece = gaps[start : start + PIECE]
        ends = piece != _LONG
        reached = before + np.cumsum(piece + ends.astype(np.int64))
        before = int(reached[-1])
        positions = reached[ends]
        found += len(positions)
        if found > k:
            break
        if len(positions):
            yield _inside(positions, n)
    if found != k:
        raise CodecError(f"expected {k} positions, got {'more' if found > k else found}")


def _unpacked(frame: Bytes8, most: int) -> Bytes8:
    try:
        announced = zstandard.frame_content_size(frame.data)
        if not 0 < announced <= most:  # -1 when the frame does not say
            raise CodecError(f"expected up to {most} bytes of gaps, a frame announces {announced}")
        gaps = zstandard.ZstdDecompressor().decompress(frame.data, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise CodecError(f"expected gaps in a Zstandard frame: {error}") from None
    return np.frombuffer(gaps, np.uint8)


def _inside(positions: Positions, n: int) -> Positions:
    if positions[-1] >= n:
        raise CodecError(f"position {positions[-1]} is outside a tensor of {n} values")
    return positions
