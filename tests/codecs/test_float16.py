"""Half the bytes: the nearest half, and nothing that does not fit."""

import numpy as np
import pytest
import torch
from blobs import DTYPES, pieces_of, round_trip, tensors, with_body
from hypothesis import given

from fedlab.codecs import CodecError, Float16

NORMAL = ("normal", "of all sizes", "all equal", "ties", "zeros", "few")


@given(array=tensors(kinds=NORMAL))
def test_float16_is_numpys_nearest_half(array):
    expected = array.astype(np.float16).astype(array.dtype.newbyteorder("="))
    np.testing.assert_array_equal(round_trip(Float16(), array), expected)


@given(array=tensors(dtypes=(np.float32,), kinds=(*NORMAL, "denormals")))
def test_bfloat16_is_torchs_nearest_one(array):
    plain = torch.from_numpy(np.array(array, np.float32, order="C", copy=True))
    expected = plain.to(torch.bfloat16).to(torch.float32).numpy()
    np.testing.assert_array_equal(round_trip(Float16("bfloat16"), array), expected)


@given(array=tensors(dtypes=(np.float32, np.float64), kinds=("normal", "of all sizes")))
def test_the_error_is_at_most_what_the_bits_allow(array):
    least = 2.0**-14  # the least normal float16
    for codec, bits in ((Float16(), 11), (Float16("bfloat16"), 8)):
        error = np.abs(round_trip(codec, array) - array)
        assert (error <= np.maximum(np.abs(array), least) * 2.0**-bits * (1 + 1e-6)).all()


def test_a_float16_tensor_comes_back_bit_for_bit():
    every = np.arange(2**16, dtype=np.uint16).view(np.float16)
    finite = every[np.isfinite(every)]
    assert Float16().decode(Float16().encode(finite), finite.shape, np.float16).tobytes() == (
        finite.tobytes()
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_too_large_for_a_half_is_refused_and_named(dtype):
    for value in (65520.0, -65520.0, 1e30):
        with pytest.raises(CodecError, match="do not fit into float16"):
            Float16().encode(np.array([1, value], dtype))
    assert Float16().decode(Float16().encode(np.array([65519], dtype)), (1,), dtype) == 65504


def test_what_bfloat16_rounds_beyond_a_float16_tensor_is_refused_before_it_is_sent():
    codec = Float16("bfloat16")
    largest = codec.decode(codec.encode(np.float16([65280])), (1,), np.float16)
    assert largest == 65280
    for value in (65440, 65504, -65504):
        with pytest.raises(CodecError, match="do not fit"):
            codec.encode(np.float16([1, value]))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("half", ["float16", "bfloat16"])
def test_a_nan_or_an_infinity_in_a_blob_is_refused_wherever_it_lies(half, dtype):
    odd = {"float16": 0x7C00, "bfloat16": 0x7F80}[half]
    blob = Float16(half).encode(np.zeros(40, dtype))
    for at in (0, 17, 39):
        for bits in (odd, odd | 0x8000, odd | 1, 0xFFFF):
            body = np.zeros(40, "<u2")
            body[at] = bits
            with pytest.raises(CodecError, match="finite"), pieces_of(16):
                Float16(half).decode(with_body(blob, body.tobytes()), (40,), dtype)


def test_a_bfloat16_beyond_a_float16_tensor_is_refused():
    blob = Float16("bfloat16").encode(np.zeros(2, np.float16))
    body = np.array([0, 0x7F00], "<u2").tobytes()  # 1.7e38
    with pytest.raises(CodecError):
        Float16("bfloat16").decode(with_body(blob, body), (2,), np.float16)


def test_two_bytes_a_value_and_a_header():
    header = 24 + 4 + len("float16")
    assert Float16().size((1000,)) == Float16().size((1000,), np.float64) == header + 2000


def test_there_are_two_halves():
    with pytest.raises(CodecError, match="expected one of float16, bfloat16, got 'float8'"):
        Float16("float8")
