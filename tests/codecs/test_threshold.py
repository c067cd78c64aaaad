"""Threshold: exactly the values that reach it, as they are."""

import math

import numpy as np
import pytest
from blobs import pieces_of, round_trip, tensors
from hypothesis import given
from hypothesis import strategies as st

from fedlab.codecs import CodecError, Threshold

THRESHOLDS = st.sampled_from([0.75, 1.0, 2.0, 0.3, 1e-3, 60000.0]) | st.floats(0.01, 3)


@given(array=tensors(), least=THRESHOLDS, piece=st.sampled_from([8, 2**18]))
def test_it_keeps_what_reaches_the_threshold_and_nothing_else(array, least, piece):
    with pieces_of(piece):
        decoded = round_trip(Threshold(least), array)
    cut = np.array(least).astype(decoded.dtype)
    expected = np.where(np.abs(array) >= cut, array, 0)
    np.testing.assert_array_equal(decoded, expected)


@given(array=tensors(dtypes=(np.float32,)))
def test_a_value_is_changed_by_less_than_the_threshold(array):
    assert (np.abs(round_trip(Threshold(0.5), array) - array) < 0.5).all()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_values_just_beside_the_threshold_fall_on_their_side(dtype):
    cut = np.array(0.1, dtype)
    below, above = np.nextafter(cut, dtype(0)), np.nextafter(cut, dtype(1))
    array = np.array([below, cut, above, -below, -cut, -above], dtype)
    assert round_trip(Threshold(0.1), array).tolist() == [0, cut, above, 0, -cut, -above]


@pytest.mark.parametrize(
    ("dtype", "least"), [(np.float16, 1e-10), (np.float32, 1e-60), (np.float64, 5e-324)]
)
def test_a_threshold_below_the_least_number_still_leaves_the_zeros_out(dtype, least):
    array = np.zeros(1000, dtype)
    array[7] = np.finfo(dtype).smallest_subnormal
    blob = Threshold(least).encode(array)
    each = array.itemsize + 2
    empty = len(Threshold(least).encode(np.zeros(1000, dtype)))
    assert len(blob) == empty + each
    np.testing.assert_array_equal(Threshold(least).decode(blob, (1000,), dtype), array)


@pytest.mark.filterwarnings("error")
def test_a_threshold_beyond_the_dtype_keeps_nothing():
    array = np.float16([1, 65504])
    assert round_trip(Threshold(1e6), array).tolist() == [0, 0]
    with pytest.raises(CodecError, match="finite"):
        Threshold(1e6).encode(np.float16([np.inf, 1]))


def test_the_bytes_follow_the_data_and_the_size_is_the_most():
    codec, array = Threshold(0.5), np.zeros(1000, np.float32)
    header = 24 + 4 + len("threshold:0.5")
    assert len(codec.encode(array)) == header
    array[:10] = 1
    assert len(codec.encode(array)) == header + 10 * (4 + 2)
    array[:] = 1
    assert len(codec.encode(array)) == codec.size((1000,)) == header + 1000 * (4 + 2)
    assert not codec.fixed


@pytest.mark.parametrize("least", [0, -1, math.nan, math.inf, True, "1", None])
def test_a_threshold_is_a_number_above_0(least):
    with pytest.raises(CodecError, match="expected a threshold above 0, got"):
        Threshold(least)
