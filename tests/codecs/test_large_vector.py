"""Bytes and errors on a normal vector as long as Pythia-14m, beside what theory allows."""

import math

import numpy as np
import pytest
from blobs import relative_error

from fedlab.codecs import parse
from fedlab.units import Bytes

N = 14_067_712


@pytest.fixture(scope="module")
def vector():
    return np.random.default_rng(0).standard_normal(N, np.float32)


@pytest.fixture(scope="module")
def coded(vector):
    """A codec's bytes and relative error; what it fills is used again."""
    buffer, back = np.empty(8 * N, np.uint8), np.empty_like(vector)

    def run(text):
        codec = parse(text)
        size = codec.encode_into(vector, buffer, seed=0)
        codec.decode_into(buffer[:size], back)
        return size, relative_error(back, vector)

    return run


def entropy_of_positions(share):
    """Bytes that the positions of such a share of N values take at least."""
    return N * -(share * math.log2(share) + (1 - share) * math.log2(1 - share)) / 8


def test_one_percent_in_8_bits_is_within_1_15_of_the_entropy_bound(coded):
    size, error = coded("topk:0.01|int8")
    assert size <= 1.15 * (entropy_of_positions(0.01) + 0.01 * N)
    assert error == pytest.approx(0.957, abs=0.001)


def test_ternary_at_one_percent_takes_a_bit_where_the_chain_takes_8(coded):
    size, error = coded("ternary:0.01")
    assert size <= 1.07 * (entropy_of_positions(0.01) + 0.01 * N / 8)
    assert error == pytest.approx(0.957, abs=0.001)


def test_four_bits_are_as_near_as_they_should_be_in_the_bytes_they_may_take(coded):
    size, error = coded("int4:block=48")
    assert Bytes(size).MB <= 7.91
    assert error <= 0.092


def test_eight_bits_are_a_byte_a_value_and_a_scale_for_64(coded):
    size, error = coded("int8")
    header = 24 + 4 + len("int8")
    assert size == header + N + 2 * N // 64
    assert error < 0.0075
