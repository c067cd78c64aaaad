"""Packing: the first number in the lowest bits, and every number back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedlab.codecs.packing import pack, packed_size, unpack

BITS = pytest.mark.parametrize("bits", [8, 4, 2])


@BITS
@given(data=st.data())
def test_numbers_lie_where_the_format_says_and_come_back(bits, data):
    half = 2**bits // 2
    numbers = data.draw(st.lists(st.integers(-half, half - 1), max_size=80))
    count = len(numbers)
    padded = np.array(numbers + [0] * (-count % 4), np.int8)
    out = np.full(packed_size(count, bits), 0xEE, np.uint8)
    pack(padded.copy(), bits, out)
    places = 8 * len(out) // bits  # those of the last byte that are left over are of zeros
    full = numbers + [0] * (places - count)
    whole = sum((number + half) << (bits * place) for place, number in enumerate(full))
    assert int.from_bytes(out.tobytes(), "little") == whole
    back = np.empty(places, np.int8)
    unpack(out, bits, back)
    assert back[:count].tolist() == numbers


@BITS
def test_a_count_of_numbers_takes_its_bits_rounded_up_to_bytes(bits):
    for count in range(20):
        assert packed_size(count, bits) == -(-count * bits // 8)


@BITS
def test_every_byte_is_read_as_its_numbers(bits):
    every = np.arange(256, dtype=np.uint8)
    numbers = np.empty(256 * 8 // bits, np.int8)
    unpack(every, bits, numbers)
    assert (numbers.min(), numbers.max()) == (-(2**bits) // 2, 2**bits // 2 - 1)
    again = np.empty(256, np.uint8)
    pack(numbers, bits, again)
    np.testing.assert_array_equal(again, every)
