"""Top-k: exactly the k largest, whatever the vector does to mislead."""

import numpy as np
import pytest
from blobs import pieces_of, relative_error, round_trip, same_bits, tensors
from hypothesis import given, settings
from hypothesis import strategies as st

from fedlab.codecs import CodecError, TopK

FRACTIONS = st.sampled_from([1.0, 0.5, 0.1, 0.01, 1e-9]) | st.floats(0.001, 1)
LARGE = 2**18 + 40_003  # more than one piece, so that a sample is taken


def k_of(fraction, count):
    return min(count, max(1, round(fraction * count)))


def largest(array, fraction):
    """By a plain sort: the k largest, of equal ones the first."""
    flat = np.asarray(array, array.dtype.newbyteorder("=")).reshape(-1)
    order = np.argsort(-np.abs(flat), kind="stable")[: k_of(fraction, flat.size)]
    kept = np.zeros_like(flat)
    kept[order] = flat[order]
    return kept.reshape(array.shape)


@given(array=tensors(), fraction=FRACTIONS)
@settings(max_examples=150)
def test_it_keeps_what_a_plain_sort_keeps_bit_for_bit(array, fraction):
    assert same_bits(round_trip(TopK(fraction), array), largest(array, fraction))


@given(
    array=tensors(dtypes=(np.float16, np.float32)),
    seed=st.integers(0, 2**32 - 1),
    fraction=st.sampled_from([0.5, 0.05, 0.003]),
)
def test_in_many_pieces_it_keeps_the_same(array, seed, fraction):
    long = np.random.default_rng(seed).standard_normal(1500).astype(array.dtype)
    long[: min(array.size, 1500)] = array.reshape(-1)[:1500]
    with pieces_of(64):
        assert same_bits(round_trip(TopK(fraction), long), largest(long, fraction))


def vectors():
    """Large values only where a sample of any stride looks, only where it does not, and ties."""
    random = np.random.default_rng(0)
    noise = (1e-3 * random.standard_normal(LARGE)).astype(np.float32)
    for stride in (64, 97, 100, 127, 128, 131, 251, 256):
        on = np.arange(LARGE) % stride == 0
        yield f"on every {stride}th", np.where(on, 1 + noise, noise)
        yield f"off every {stride}th", np.where(on, noise, 1 + noise)
    yield "all equal", np.full(LARGE, -3, np.float32)
    yield "zeros", np.zeros(LARGE, np.float32)
    yield "two sizes", np.where(random.random(LARGE) < 0.01, 2, 1).astype(np.float32)
    yield "growing", np.arange(LARGE, dtype=np.float32)
    yield "falling", -np.arange(LARGE, dtype=np.float32)[::-1]
    yield "large at the end", np.concatenate([noise[:-3000], 1 + noise[-3000:]])
    yield "one value", np.eye(1, LARGE, LARGE - 1, dtype=np.float32)[0]
    yield "in double", random.standard_normal(LARGE)
    yield "in half", random.standard_normal(LARGE).astype(np.float16)


def test_a_vector_that_misleads_a_sample_misleads_nothing():
    for name, vector in vectors():
        for fraction in (0.01, 0.0001):
            codec = TopK(fraction)
            decoded = codec.decode(codec.encode(vector), vector.shape, vector.dtype)
            assert same_bits(decoded, largest(vector, fraction)), (name, fraction)


def test_the_whole_fraction_is_kept_in_a_large_vector_too():
    vector = np.random.default_rng(1).standard_normal(LARGE).astype(np.float32)
    for fraction in (1.0, 0.999, 0.5):
        decoded = TopK(fraction).decode(TopK(fraction).encode(vector), (LARGE,))
        assert np.count_nonzero(decoded) == k_of(fraction, LARGE)


def test_a_nan_anywhere_in_a_large_vector_is_refused():
    for at in (0, 1, 131, 200_000, LARGE - 1):
        vector = np.random.default_rng(1).standard_normal(LARGE).astype(np.float32)
        vector[at] = np.nan
        with pytest.raises(CodecError, match=r"got 1 of \d+ NaN or infinite"):
            TopK(0.01).encode(vector)


def test_of_equal_values_it_keeps_the_first():
    array = np.float32([1, -2, 2, 2, -2, 0.5])
    assert round_trip(TopK(0.5), array).tolist() == [0, -2, 2, 2, 0, 0]


def test_one_percent_of_a_normal_vector_leaves_an_error_of_957():
    vector = np.random.default_rng(2).standard_normal(1_000_000).astype(np.float32)
    error = relative_error(round_trip(TopK(0.01), vector), vector)
    assert error == pytest.approx(0.957, abs=0.001)


def test_the_size_is_a_header_and_each_value_with_its_position():
    header = 24 + 4 + len("topk:0.01")
    assert TopK(0.01).size((65_536,)) == header + 655 * (4 + 2)
    assert TopK(0.01).size((65_537,)) == header + 655 * (4 + 4)
    assert TopK(0.01).size((3,), np.float64) == header + 1 * (8 + 2)
    assert TopK(0.01).size((0,)) == header


@pytest.mark.parametrize("fraction", [0, -0.1, 1.01, np.nan, np.inf, True, "0.1", None])
def test_a_fraction_is_above_0_and_up_to_1(fraction):
    with pytest.raises(CodecError, match="expected a fraction above 0 and up to 1, got"):
        TopK(fraction)
