"""Blobs from strangers: a right tensor or a CodecError, and no more memory than the tensor's."""

import numpy as np
import pytest
import zstandard
from blobs import (
    CODECS,
    DTYPES,
    TEXTS,
    body_of,
    mutant,
    resealed,
    right_or_refused,
    with_body,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from fedlab.codecs import parse
from fedlab.meters import traced_peak

CODEC = pytest.mark.parametrize("text", TEXTS)
EACH = 800  # mutants a codec: 13,600 in all
SHAPE = (23, 7)


def honest(codec, dtype=np.float32, shape=SHAPE, seed=0):
    array = np.random.default_rng(seed).standard_normal(shape).astype(dtype)
    return codec.encode(array, seed=seed)


@CODEC
def test_thousands_of_mutants_are_decoded_right_or_refused(text):
    codec, random = CODECS[text], np.random.default_rng(TEXTS.index(text))
    decoded = 0
    for number in range(EACH):
        dtype = DTYPES[number % 3]
        blob = mutant(honest(codec, dtype, seed=number % 5), random)
        decoded += right_or_refused(codec, blob, SHAPE, dtype) is not None
    assert decoded < EACH / 2  # a mutant may still be whole, or be another good tensor
    assert EACH * len(TEXTS) >= 10_000


@CODEC
def test_a_sealed_blob_with_any_bit_flipped_is_decoded_right_or_refused(text):
    codec = CODECS[text]
    blob = honest(codec, shape=(5, 4))
    for bit in range(8 * len(blob)):
        flipped = bytearray(blob)
        flipped[bit // 8] ^= 1 << bit % 8
        right_or_refused(codec, resealed(flipped), (5, 4))


@CODEC
@given(body=st.binary(max_size=120), dtype=st.sampled_from(DTYPES))
@settings(max_examples=60)
def test_a_sealed_blob_of_any_body_is_decoded_right_or_refused(text, body, dtype):
    blob = with_body(honest(CODECS[text], dtype, (9,)), body)
    right_or_refused(CODECS[text], blob, (9,), dtype)


@CODEC
@pytest.mark.parametrize("fill", [0x00, 0xFF, 0x7F])
def test_a_sealed_body_of_one_byte_all_over_is_decoded_right_or_refused(text, fill):
    codec = CODECS[text]
    for dtype in DTYPES:
        blob = honest(codec, dtype)
        for length in (len(body_of(blob)), codec.body_size(161, np.dtype(dtype))):
            right_or_refused(codec, with_body(blob, bytes([fill]) * length), SHAPE, dtype)


@CODEC
def test_a_blob_for_another_codec_or_tensor_is_refused_before_its_body_is_read(text):
    for other in set(TEXTS) - {text}:
        assert right_or_refused(CODECS[text], honest(CODECS[other]), SHAPE) is None
    for shape in ((7, 23), (161,), (23, 8), (), (0,), (23, 7, 1)):
        assert right_or_refused(CODECS[text], honest(CODECS[text]), shape) is None


# --- memory --------------------------------------------------------------------------------------

MANY = 4_000_000  # values, of 4 bytes
WORKING = 16_000_000  # bytes that pieces of the work may take, however large the tensor is


def kept_all(dtype=np.float32):
    return np.random.default_rng(0).standard_normal(MANY, np.float32).astype(dtype) + 5


DENSE = ("float16", "int8", "int2")
KEEPS_ALL = ("threshold:0.001", "topk:1.0", "randomk:1.0", "ternary:1.0", "threshold:0.001|float16")


@pytest.mark.parametrize("text", [*DENSE, *KEEPS_ALL, "topk:0.5|int8", "topk:0.01"])
def test_decoding_allocates_the_tensor_and_at_most_as_much_again(text):
    codec = parse(text)
    blob = codec.encode(kept_all(), seed=0)
    with traced_peak() as peak:
        codec.decode(blob, (MANY,))
    assert peak.size <= 2 * 4 * MANY + WORKING


def test_a_bomb_costs_no_more_than_the_tensor_it_says_it_is():
    codec = parse("topk:0.1|float16")
    blob = codec.encode(np.ones(1000, np.float32))
    before = body_of(blob)[: 4 + 200]
    gigabyte = zstandard.ZstdCompressor().compress(bytes(10**9))
    lying = gigabyte[:4] + bytes([0x20, 100]) + gigabyte[9:]  # announces 100 bytes
    for frame in (gigabyte, lying, lying + gigabyte):
        forged = with_body(blob, before + b"\x01" + frame)
        with traced_peak() as peak:
            assert right_or_refused(codec, forged, (1000,)) is None
        assert peak.size < 500_000


@pytest.mark.parametrize("text", TEXTS)
def test_no_mutant_of_a_small_blob_makes_decoding_allocate_a_megabyte(text):
    codec, random = CODECS[text], np.random.default_rng(1)
    good = honest(codec, shape=(1000,))
    mutants = [mutant(good, random) for _ in range(60)]
    for count in (2**16, 2**31, 2**32 - 1, 2**63):  # in the place of each length there may be
        for at in (8, len(good) - len(body_of(good))):
            for width in (4, 8):
                forged = bytearray(good)
                forged[at : at + width] = (count % 256**width).to_bytes(width, "little")
                mutants += [bytes(forged), resealed(forged)]
    with traced_peak() as peak:
        for blob in mutants:
            right_or_refused(codec, blob, (1000,))
    assert peak.size < 1_000_000
