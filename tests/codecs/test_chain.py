"""A chain is what its parts are: the values of one, in the other."""

import numpy as np
import pytest
import zstandard
from blobs import body_of, header_of, relative_error, round_trip, same_bits, tensors, with_body
from hypothesis import given
from hypothesis import strategies as st

from fedlab.codecs import Chain, CodecError, Quantize, TopK, parse

VALUES = ("float16", "bfloat16", "int8", "int4:block=20", "int2")


@given(
    array=tensors(kinds=("normal", "ties", "all equal", "zeros")),
    first=st.sampled_from(["topk:0.2", "threshold:0.5", "randomk:0.2"]),
    second=st.sampled_from(VALUES),
)
def test_it_is_the_second_codec_of_what_the_first_one_keeps(array, first, second):
    decoded = round_trip(parse(f"{first}|{second}"), array, seed=3)
    kept = parse(first).decode(parse(first).encode(array, seed=3), array.shape, decoded.dtype)
    where = positions_kept(parse(first), array)
    values = parse(second)
    expected = np.zeros(array.size, decoded.dtype)
    chosen = kept.reshape(-1)[where]
    expected[where] = values.decode(values.encode(chosen), chosen.shape, decoded.dtype)
    np.testing.assert_array_equal(decoded, expected.reshape(array.shape))


def positions_kept(codec, array):
    """Where it keeps a value, zeros too."""
    flat = np.ascontiguousarray(array, array.dtype.newbyteorder("=")).reshape(-1)
    return codec.choose(flat, 3)


def test_the_values_of_the_best_chain_are_off_by_little_more_than_what_is_left_out():
    vector = np.random.default_rng(0).standard_normal(1_000_000).astype(np.float32)
    alone = relative_error(round_trip(TopK(0.01), vector), vector)
    chained = relative_error(round_trip(parse("topk:0.01|int8"), vector), vector)
    assert alone < chained < alone + 1e-4


def test_a_chain_of_other_parts_is_refused():
    with pytest.raises(CodecError, match="a chain starts with a codec that keeps some values"):
        Chain(Quantize(8), Quantize(8))
    with pytest.raises(CodecError, match="a chain ends with a codec for the kept values"):
        Chain(TopK(0.1), TopK(0.1))


# --- bytes from strangers ------------------------------------------------------------------------

N = 300
CODEC = parse("topk:0.1|float16")  # k = 30: 4 bytes, 60 bytes of values, then the positions
BLOB = CODEC.encode(np.random.default_rng(0).standard_normal(N).astype(np.float32))
BEFORE = 4 + 60


def forged(section, before=None):
    start = body_of(BLOB)[:BEFORE] if before is None else before
    return with_body(BLOB, start + section)


@pytest.mark.parametrize("count", [0, 1, 29, 31, N, N + 1, 2**31, 2**32 - 1])
def test_another_count_of_values_is_refused(count):
    start = count.to_bytes(4, "little") + body_of(BLOB)[4:BEFORE]
    with pytest.raises(CodecError, match=f"expected 30 kept values of {N}, got {count}"):
        CODEC.decode(forged(body_of(BLOB)[BEFORE:], start), (N,))


def test_a_threshold_takes_any_count_up_to_all():
    codec = parse("threshold:0.5|int8")
    blob = codec.encode(np.ones(10, np.float32))
    body = (11).to_bytes(4, "little") + body_of(blob)[4:]
    with pytest.raises(CodecError, match="expected at most 10 kept values of 10, got 11"):
        codec.decode(with_body(blob, body), (10,))


def frame(data, **settings):
    return zstandard.ZstdCompressor(**settings).compress(data)


GAPS = bytes([9] * 30)  # position 9, 19, … 299: the last one just fits

FORGED = {
    "nothing": b"",
    "a form of 2": b"\x02" + GAPS,
    "a form of 255": b"\xff",
    "a form alone": b"\x00",
    "too few gaps": b"\x00" + GAPS[1:],
    "too many gaps": b"\x00" + GAPS + b"\x00",
    "many too many gaps": b"\x00" + bytes(10_000),
    "a gap too long": b"\x00" + bytes([10]) + GAPS[1:],
    "gaps that add up beyond the tensor": b"\x00" + b"\xfe" * 30,
    "a gap that goes on beyond the tensor": b"\x00" + b"\xff" * 2 + GAPS,
    "a gap that never ends": b"\x00" + GAPS + b"\xff",
    "nothing but gaps that go on": b"\x00" + b"\xff" * 30,
    "a frame that is none": b"\x01" + GAPS,
    "gaps that are a frame": b"\x00" + frame(GAPS),
    "garbage for a frame": b"\x01" + b"garbage",
    "a frame of too few": b"\x01" + frame(GAPS[1:]),
    "a frame of too many": b"\x01" + frame(GAPS + b"\x00"),
    "a frame that does not say how many": b"\x01" + frame(GAPS, write_content_size=False),
    "a frame that is cut": b"\x01" + frame(GAPS)[:-1],
    "a frame and more": b"\x01" + frame(GAPS) + b"x",
    "two frames": b"\x01" + frame(GAPS) + frame(GAPS),
    "a frame of gaps beyond the tensor": b"\x01" + frame(b"\xfe" * 30),
    "a bomb": b"\x01" + frame(bytes(50_000_000)),
    "an empty frame": b"\x01" + frame(b""),
    "a skippable frame": b"\x01" + b"\x50\x2a\x4d\x18" + (4).to_bytes(4, "little") + b"abcd",
}


@pytest.mark.parametrize("name", FORGED)
def test_positions_that_are_forged_are_refused(name):
    with pytest.raises(CodecError):
        CODEC.decode(forged(FORGED[name]), (N,))


def test_a_bomb_that_lies_about_its_size_is_refused():
    bomb = bytearray(frame(bytes(1_000_000)))
    honest = bytearray(frame(GAPS))
    # a frame whose header announces 30 bytes and whose blocks hold a million
    assert bomb[4] & 0xE0 == 0xA0  # single segment, four bytes of content size
    assert honest[4] & 0xE0 == 0x20  # single segment, one byte of it
    lying = bomb[:4] + bytes([0x20, 30]) + bomb[9:]
    assert zstandard.frame_content_size(bytes(lying)) == 30
    with pytest.raises(CodecError, match="Zstandard"):
        CODEC.decode(forged(b"\x01" + bytes(lying)), (N,))


def test_gaps_that_fit_are_taken_however_they_are_written():
    for section in (b"\x00" + GAPS, b"\x01" + frame(GAPS)):
        decoded = CODEC.decode(forged(section), (N,))
        assert np.flatnonzero(decoded).tolist() == list(range(9, N, 10))


def test_nothing_after_the_positions_of_an_empty_choice_is_taken_for_granted():
    codec = parse("threshold:0.5|int8")
    blob = codec.encode(np.zeros(N, np.float32))
    for junk in (b"x", b"junk" * 20, frame(b"") + b"junk"):
        with pytest.raises(CodecError):
            codec.decode(with_body(blob, body_of(blob) + junk), (N,))


def test_a_seed_in_a_chain_is_8_bytes():
    codec = parse("randomk:0.1|int8")
    blob = codec.encode(np.ones(N, np.float32), seed=1)
    for body in (body_of(blob)[:-1], body_of(blob) + b"x"):
        with pytest.raises(CodecError, match="expected a body of 8 bytes"):
            codec.decode(with_body(blob, body), (N,))
    assert same_bits(codec.decode(blob, (N,)), codec.decode(with_body(blob, body_of(blob)), (N,)))
    assert len(blob) == header_of(blob) + len(body_of(blob)) == codec.size((N,))
