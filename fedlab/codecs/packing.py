"""Whole numbers of 8, 4 or 2 bits in bytes: 8 / bits of them in each, the first in the lowest bits.

A number from -half to half - 1, half being 2**bits / 2, is stored as its code, number + half.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from fedlab.codecs.wire import Bytes8

Numbers: TypeAlias = np.ndarray[Any, np.dtype[np.int8]]


def half_of(bits: int) -> int:
    """The code of zero.

    >>> half_of(4)
    8
    """
    return 1 << (bits - 1)


def packed_size(count: int, bits: int) -> int:
    """Bytes that so many numbers take; the last byte may be filled in part.

    >>> packed_size(5, 2)
    2
    """
    return -(-count * bits // 8)


def pack(numbers: Numbers, bits: int, out: Bytes8) -> None:
    """Pack (m,) numbers, m a multiple of 4, until `out` is full; they do not survive it.

    >>> out = np.empty(1, np.uint8)
    >>> pack(np.array([-1, -2, 1, 0], np.int8), 2, out)
    >>> f"{out[0]:08b}"
    '10110001'
    """
    lanes = 8 // bits
    codes = numbers.view(np.uint8)[: len(out) * lanes]
    np.add(codes, np.uint8(half_of(bits)), out=out if lanes == 1 else codes)
    if lanes == 1:
        return
    wide = codes.view(f"<u{lanes}")  # one number of as many bytes as codes in a byte
    packed = wide
    for _ in range(lanes - 1):
        packed = packed >> (8 - bits)
        packed |= wide
    np.copyto(out, packed, casting="unsafe")  # the lowest byte of each


def unpack(packed: Bytes8, bits: int, numbers: Numbers) -> None:
    """Unpack all bytes into (m,) numbers, m being as many as the bytes hold.

    >>> numbers = np.empty(4, np.int8)
    >>> unpack(np.array([0b10110001], np.uint8), 2, numbers)
    >>> numbers
    array([-1, -2,  1,  0], dtype=int8)
    """
    lanes = 8 // bits
    codes = packed
    if lanes > 1:
        wide = packed.astype(f"<u{lanes}")
        spread = wide
        for _ in range(lanes - 1):
            spread = spread << (8 - bits)
            spread |= wide
        codes = spread.view(np.uint8)
        codes &= np.uint8(2**bits - 1)
    np.subtract(codes, np.uint8(half_of(bits)), out=numbers.view(np.uint8))
