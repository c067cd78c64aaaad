"""The byte format, read and written here a second time from its page."""

import numpy as np
import pytest
import xxhash
from blobs import CODECS, TEXTS, resealed, right_or_refused
from hypothesis import given
from hypothesis import strategies as st

from fedlab.codecs import CodecError, Float16, TopK, wire

ARRAY = np.arange(6, dtype=np.float32).reshape(2, 3)
BLOB = Float16().encode(ARRAY)


def refused(blob, match, shape=(2, 3), dtype=np.float32, codec=None):
    codec = codec or Float16()
    with pytest.raises(CodecError, match=match):
        codec.decode(blob, shape, dtype)
    with pytest.raises(CodecError, match=match):
        codec.decode_into(blob, np.empty(shape, dtype))


def test_a_blob_is_laid_out_as_the_formats_page_says():
    assert BLOB[:8] == b"fedl" + bytes([1, 2, 2, len("float16")])
    assert BLOB[8:16] == (12).to_bytes(8, "little")
    assert BLOB[24:32] == (2).to_bytes(4, "little") + (3).to_bytes(4, "little")
    assert BLOB[32:39] == b"float16"
    assert BLOB[39:] == ARRAY.astype("<f2").tobytes()
    checksum = xxhash.xxh3_64_intdigest(BLOB[:16] + BLOB[24:])
    assert BLOB[16:24] == checksum.to_bytes(8, "little")


@pytest.mark.parametrize(("dtype", "number"), [(np.float16, 1), (np.float32, 2), (np.float64, 3)])
def test_the_dtype_is_a_number(dtype, number):
    assert Float16().encode(ARRAY.astype(dtype))[5] == number


@pytest.mark.parametrize("text", TEXTS)
def test_the_header_is_as_long_as_predicted_and_a_sealed_blob_is_sealed(text):
    blob = CODECS[text].encode(ARRAY, seed=0)
    assert wire.header_size((2, 3), text) == 24 + 8 + len(text)
    assert resealed(blob) == resealed(blob, lengths=True) == blob


@pytest.mark.parametrize("text", TEXTS)
def test_a_blob_cut_at_any_byte_is_refused(text):
    codec, array = CODECS[text], np.linspace(-2, 2, 24, dtype=np.float32).reshape(4, 6)
    blob = codec.encode(array, seed=0)
    for cut in range(len(blob)):
        refused(blob[:cut], "expected at least 24 bytes|header announces", (4, 6), codec=codec)
        forged = resealed(blob[:cut], lengths=True)
        if codec.fixed:
            with pytest.raises(CodecError):
                codec.decode(forged, (4, 6))
        else:
            right_or_refused(codec, forged, (4, 6))


@pytest.mark.parametrize("text", TEXTS)
def test_any_single_bit_that_flips_is_noticed(text):
    codec, array = CODECS[text], np.linspace(-2, 2, 12, dtype=np.float32).reshape(3, 4)
    blob = codec.encode(array, seed=0)
    for bit in range(8 * len(blob)):
        flipped = bytearray(blob)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CodecError):
            codec.decode(flipped, (3, 4))


def test_damage_to_the_body_is_called_damage():
    refused(BLOB[:-1] + b"\x01", "its checksum is wrong: it was damaged on the way")


@pytest.mark.parametrize(
    ("at", "value", "match"),
    [
        (0, 0, r"expected the magic b'fedl', got b'\\x00edl'"),
        (4, 2, "expected version 1 of the format, got 2"),
        (4, 0, "expected version 1 of the format, got 0"),
        (5, 1, "expected float32, got float16"),
        (5, 3, "expected float32, got float64"),
        (5, 0, "expected float32, got dtype number 0"),
        (5, 255, "expected float32, got dtype number 255"),
        (6, 1, r"header announces 35 \+ 12 bytes, got 51"),
        (6, 255, "header announces"),
        (7, 6, "header announces"),
        (7, 255, "header announces"),
        (8, 13, r"header announces 39 \+ 13 bytes, got 51"),
        (15, 255, r"header announces 39 \+ 18374686479671623692 bytes, got 51"),
        (24, 3, r"expected shape \(2, 3\), got \(3, 3\)"),
        (27, 255, r"expected shape \(2, 3\), got \(4278190082, 3\)"),
        (32, ord("d"), "expected the codec 'float16', got b'dloat16'"),
        (32, 0xFF, "expected the codec 'float16', got"),
    ],
)
def test_a_header_that_lies_is_refused_by_what_it_says_even_when_it_is_sealed(at, value, match):
    forged = bytearray(BLOB)
    forged[at] = value
    refused(bytes(forged), match)
    refused(resealed(forged), match)


def test_dimensions_moved_into_the_text_are_refused():
    forged = bytearray(BLOB)
    forged[6], forged[7] = 1, 11  # as long as before, in all
    refused(resealed(forged), r"expected shape \(2, 3\), got \(2,\)")
    forged[6], forged[7] = 0, 15
    refused(resealed(forged), r"expected shape \(2, 3\), got \(\)")
    refused(resealed(forged), "expected the codec 'float16', got", ())


def test_a_blob_of_another_tensor_is_refused():
    refused(BLOB, r"expected shape \(3, 2\), got \(2, 3\)", (3, 2))
    refused(BLOB, r"expected shape \(6,\), got \(2, 3\)", (6,))
    refused(BLOB, "expected float64, got float32", dtype=np.float64)
    refused(BLOB, "expected the codec 'bfloat16', got b'float16'", codec=Float16("bfloat16"))
    refused(TopK(0.5).encode(ARRAY), "expected the codec 'topk:0.1'", codec=TopK(0.1))


@pytest.mark.parametrize("junk", [b"\x00", b"x" * 100])
def test_anything_after_the_body_is_refused(junk):
    refused(BLOB + junk, "header announces")
    refused(resealed(BLOB + junk, lengths=True), "expected a body of 12 bytes, got")


@given(st.binary(max_size=200))
def test_bytes_from_nowhere_are_refused(junk):
    refused(junk, r"\S")
    refused(b"fedl\x01" + junk, r"\S")


def test_a_shape_of_other_numbers_than_pythons_is_the_same_shape():
    shape = tuple(np.array(ARRAY.shape))
    np.testing.assert_array_equal(Float16().decode(BLOB, shape), ARRAY)
    assert Float16().size(shape) == Float16().size((2, 3))
    np.testing.assert_array_equal(Float16().decode(BLOB, [2, 3]), ARRAY)


def test_numpys_most_dimensions_fit():
    array = np.ones((1,) * 64, np.float32)
    assert Float16().decode(Float16().encode(array), array.shape).shape == array.shape
