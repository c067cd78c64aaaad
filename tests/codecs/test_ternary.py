"""Ternary: signs and one size, the right one."""

import struct

import numpy as np
import pytest
from blobs import body_of, relative_error, round_trip, tensors, with_body
from hypothesis import given
from hypothesis import strategies as st

from fedlab.codecs import CodecError, Ternary, TopK


@given(
    array=tensors(dtypes=(np.float32,), kinds=("normal", "of all sizes", "all equal")),
    fraction=st.sampled_from([1.0, 0.5, 0.1, 0.01]),
)
def test_the_k_largest_become_plus_or_minus_their_mean_size(array, fraction):
    kept = TopK(fraction).decode(TopK(fraction).encode(array), array.shape)
    decoded = round_trip(Ternary(fraction), array)
    mean = np.abs(kept[kept != 0].astype(np.float64)).mean() if array.size else 0
    np.testing.assert_allclose(decoded, np.sign(kept) * mean, rtol=1e-6)


def test_at_one_percent_of_a_normal_vector_its_relative_error_is_957_and_not_999():
    vector = np.random.default_rng(0).standard_normal(1_000_000).astype(np.float32)
    decoded = round_trip(Ternary(0.01), vector)
    assert relative_error(decoded, vector) == pytest.approx(0.957, abs=0.001)


def test_no_other_size_would_be_nearer():
    vector = np.random.default_rng(0).standard_normal(10_000).astype(np.float32)
    decoded = round_trip(Ternary(0.05), vector)
    error = relative_error(decoded, vector)
    for other in (0.9, 0.99, 1.01, 1.1):
        assert relative_error(decoded * np.float32(other), vector) > error


def test_zeros_that_fill_up_the_k_do_not_make_it_worse_than_sending_nothing():
    sparse = np.zeros(1000, np.float32)
    sparse[3] = 5
    assert relative_error(round_trip(Ternary(0.01), sparse), sparse) < 0.5


def test_zeros_stay_zeros():
    assert not round_trip(Ternary(0.5), np.zeros(100, np.float32)).any()


def test_a_mean_that_the_dtype_holds_is_sent():
    for dtype, value in ((np.float16, 40_000), (np.float16, -65_504), (np.float32, 3e38)):
        array = np.array([value, 0], dtype)
        np.testing.assert_array_equal(round_trip(Ternary(0.5), array), array)


def forged(blob, count=None, mean=None):
    """The blob with another count of signs, or another mean."""
    came = struct.unpack("<If", body_of(blob)[:8])
    start = struct.pack("<I", came[0] if count is None else count)
    start += struct.pack("<f", came[1] if mean is None else mean)
    return with_body(blob, start + body_of(blob)[8:])


@pytest.mark.parametrize("mean", [np.nan, np.inf, -np.inf, -1.0])
def test_a_mean_that_is_no_size_is_refused(mean):
    blob = Ternary(0.1).encode(np.arange(100, dtype=np.float32))
    with pytest.raises(CodecError, match="expected a mean size"):
        Ternary(0.1).decode(forged(blob, mean=mean), (100,))


def test_a_mean_beyond_the_tensors_dtype_is_refused():
    blob = Ternary(0.1).encode(np.arange(100, dtype=np.float16))
    with pytest.raises(CodecError, match="expected a mean size of 65504 at most"):
        Ternary(0.1).decode(forged(blob, mean=1e6), (100,), np.float16)


@pytest.mark.parametrize("count", [11, 100, 101, 2**31, 2**32 - 1])
def test_more_signs_than_the_fraction_allows_are_refused(count):
    blob = Ternary(0.1).encode(np.arange(100, dtype=np.float32))
    with pytest.raises(CodecError, match=f"expected at most 10 signs, got {count}"):
        Ternary(0.1).decode(forged(blob, count=count), (100,))


def test_a_body_that_is_cut_anywhere_is_refused():
    blob = Ternary(0.5).encode(np.arange(100, dtype=np.float32))
    for cut in range(len(body_of(blob))):
        with pytest.raises(CodecError):
            Ternary(0.5).decode(with_body(blob, body_of(blob)[:cut]), (100,))
