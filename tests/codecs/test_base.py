"""What holds for every codec, whatever the tensor."""

import numpy as np
import pytest
import torch
from blobs import CODECS, DTYPES, SHAPES, TEXTS, pieces_of, round_trip, same_bits, tensors
from hypothesis import given, settings
from hypothesis import strategies as st

from fedlab.codecs import CodecError
from fedlab.units import Bytes

CODEC = pytest.mark.parametrize("text", TEXTS)


@CODEC
@given(array=tensors(), seed=st.integers(0, 2**63 - 1))
@settings(max_examples=50)
def test_any_tensor_comes_back_in_its_shape_and_dtype_in_the_bytes_that_were_predicted(
    text, array, seed
):
    round_trip(CODECS[text], array, seed)


@CODEC
@given(array=tensors(), piece=st.sampled_from([1, 4, 16, 60]))
@settings(max_examples=25)
def test_it_makes_no_difference_into_how_many_pieces_the_work_is_cut(text, array, piece):
    codec, seed = CODECS[text], 7
    with pieces_of(piece):
        decoded = round_trip(codec, array, seed)
        blob = codec.encode(array, seed=seed)
    if not ("randomk" in text or "stochastic" in text):  # these draw once a piece
        assert blob == codec.encode(array, seed=seed)
    assert same_bits(decoded, codec.decode(blob, array.shape, decoded.dtype))


@CODEC
def test_it_makes_no_difference_how_many_threads_work(text):
    codec, before = CODECS[text], torch.get_num_threads()
    array = np.random.default_rng(0).standard_normal(2000).astype(np.float32)
    seen, odd = set(), array.copy()
    odd[1999] = np.nan
    try:
        for threads in (1, 2, 3, 7):
            torch.set_num_threads(threads)
            with pieces_of(64):
                blob = codec.encode(array, seed=1)
                seen.add((blob, codec.decode(blob, (2000,)).tobytes()))
                with pytest.raises(CodecError):
                    codec.encode(odd, seed=1)
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert len(seen) == 1


@CODEC
def test_where_a_tensor_lies_in_memory_makes_no_difference(text):
    array = np.random.default_rng(3).standard_normal((6, 10)).astype(np.float32)
    wide = np.zeros((12, 30), np.float32)
    wide[::2, ::3] = array
    blob = CODECS[text].encode(array, seed=1)
    for other in (wide[::2, ::3], np.asarray(array, order="F"), array.astype(">f4")):
        assert CODECS[text].encode(other, seed=1) == blob


@CODEC
@pytest.mark.parametrize("dtype", DTYPES)
def test_nan_and_infinity_are_refused_wherever_they_are(text, dtype):
    for seed, odd in enumerate([np.nan, np.inf, -np.inf, -np.nan] * 2):
        for shape in ((), (1,), (3, 70)):
            array = np.random.default_rng(seed).standard_normal(shape).astype(dtype)
            array = np.asarray(array, dtype)
            array.reshape(-1, copy=False)[seed * 37 % array.size] = odd
            with pytest.raises(CodecError):
                CODECS[text].encode(array, seed=seed)


@CODEC
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.filterwarnings("error")
def test_a_huge_value_comes_back_finite_or_is_refused_when_it_is_encoded(text, dtype):
    largest = float(np.finfo(dtype).max)
    for share in (1.0, -1.0, 0.999, 0.997, -0.9, 0.51, -0.49, 0.1, 1e-5):
        array = np.array([0.25, largest * share, -1, 0], dtype)
        try:
            blob = CODECS[text].encode(array, seed=0)
        except CodecError:
            continue
        assert np.isfinite(CODECS[text].decode(blob, (4,), dtype)).all()


@CODEC
def test_it_encodes_floats_only_and_says_which(text):
    for dtype in (np.int8, np.int64, np.bool_, np.complex64, np.longdouble):
        with pytest.raises(CodecError, match="expected one of float16, float32, float64, got a"):
            CODECS[text].encode(np.zeros(3, dtype))
        with pytest.raises(CodecError, match="expected one of float16"):
            CODECS[text].size((3,), dtype)


@CODEC
def test_a_buffer_that_is_too_small_is_refused_and_one_of_any_kind_will_do(text):
    codec, array = CODECS[text], np.ones(50, np.float32)
    size = codec.size((50,))
    with pytest.raises(CodecError, match=f"expected a buffer of {int(size)} bytes or more"):
        codec.encode_into(array, bytearray(size - 1))
    for buffer in (bytearray(size), memoryview(bytearray(size)), np.empty(size, np.uint8)):
        written = codec.encode_into(array, buffer, seed=3)
        assert bytes(buffer[:written]) == codec.encode(array, seed=3)


@CODEC
def test_blobs_may_come_as_bytes_or_as_any_view_of_them(text):
    codec, array = CODECS[text], np.linspace(-1, 1, 30, dtype=np.float32)
    blob = codec.encode(array, seed=3)
    shifted = bytearray(b"x" + blob)  # no number in it is where the processor would like it
    for view in (blob, bytearray(blob), memoryview(shifted)[1:], np.frombuffer(blob, np.uint8)):
        assert same_bits(codec.decode(view, (30,)), codec.decode(blob, (30,)))


@CODEC
def test_a_tensor_of_another_byte_order_is_decoded_right_or_refused(text):
    codec, array = CODECS[text], np.array([1.0, 2.0, 3.0, 4.0], np.float32)
    blob = codec.encode(array, seed=0)
    expected = codec.decode(blob, (4,))
    np.testing.assert_array_equal(codec.decode(blob, (4,), ">f4"), expected)
    into = np.empty(4, ">f4")
    try:
        codec.decode_into(blob, into)
    except CodecError:
        return
    np.testing.assert_array_equal(into, expected)


@CODEC
def test_the_same_seed_gives_the_same_bytes_and_numpys_state_decides_where_none_is_given(text):
    codec, array = CODECS[text], np.random.default_rng(0).standard_normal(200).astype(np.float32)
    assert codec.encode(array, seed=11) == codec.encode(array, seed=11)
    state = np.random.get_state()
    try:
        np.random.seed(5)
        first = codec.encode(array)
        np.random.seed(5)
        assert codec.encode(array) == first
    finally:
        np.random.set_state(state)


@CODEC
@pytest.mark.parametrize("seed", [-1, 2**63, 2**64])
def test_a_seed_beyond_its_range_is_refused(text, seed):
    with pytest.raises(CodecError, match="seed: expected 0 to"):
        CODECS[text].encode(np.ones(9, np.float32), seed=seed)


@CODEC
def test_sizes_are_bytes_that_know_their_unit(text):
    for shape in SHAPES:
        assert isinstance(CODECS[text].size(shape), Bytes)


@CODEC
def test_decode_into_wants_a_contiguous_tensor_and_leaves_any_other_alone(text):
    codec = CODECS[text]
    blob, wide = codec.encode(np.ones((4, 4), np.float32), seed=0), np.full((4, 8), 7, np.float32)
    with pytest.raises(ValueError, match=r"\S"):
        codec.decode_into(blob, wide[:, ::2])
    assert (wide == 7).all()
