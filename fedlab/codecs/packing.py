"""Codes of 8, 4 or 2 bits in bytes: 8 / bits of them in each, the first in the lowest bits."""

from __future__ import annotations

import numpy as np

from fedlab.codecs.wire import Bytes8


def packed_size(count: int, bits: int) -> int:
    """Bytes that this many codes take; the last byte may be filled in part.

    >>> packed_size(5, 2)
    2
    """
    return -(-count * bits // 8)


def pack(codes: Bytes8, bits: int, out: Bytes8) -> None:
    """Pack (m,) codes below 2**bits, m a multiple of 4, until `out` is full. Codes are used up.

    >>> out = np.empty(1, np.uint8)
    >>> pack(np.array([1, 0, 3, 2], np.uint8), 2, out)
    >>> f"{out[0]:08b}"
    '10110001'
    """
    lanes = 8 // bits
    wide = codes.view(f"<u{lanes}")[: len(out)]  # one number of as many bytes as codes in a byte
    packed = wide
    for _ in range(lanes - 1):
        packed = packed >> (8 - bits)
        packed |= wide
    np.copyto(out, packed, casting="unsafe")


def unpack(packed: Bytes8, bits: int, codes: Bytes8) -> None:
    """Unpack all bytes into (m,) codes, m the number of codes that the bytes hold.

    >>> codes = np.empty(4, np.uint8)
    >>> unpack(np.array([0b10110001], np.uint8), 2, codes)
    >>> codes
    array([1, 0, 3, 2], dtype=uint8)
    """
    lanes = 8 // bits
    wide = packed.astype(f"<u{lanes}")
    spread = wide
    for _ in range(lanes - 1):
        spread = spread << (8 - bits)
        spread |= wide
    np.bitwise_and(spread.view(np.uint8), 2**bits - 1, out=codes)
