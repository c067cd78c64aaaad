"""Few bits a value: the error that is documented, and no bias where chance rounds."""

import numpy as np
import pytest
from blobs import body_of, pieces_of, relative_error, round_trip, tensors, with_body
from hypothesis import given, settings
from hypothesis import strategies as st

from fedlab.codecs import CodecError, Quantize

USUAL = ("normal", "zeros", "all equal", "ties", "few", "of all sizes")
CODECS = st.builds(Quantize, st.sampled_from([8, 4, 2]), block=st.sampled_from([4, 12, 32, 64]))
BFLOAT16 = 1 + 2.0**-7  # how much larger than exact a scale may be


def half_of(codec):
    return 2**codec.bits // 2


def blocks_of(array, block):
    """(m, block) float64, filled up with zeros."""
    flat = np.asarray(array, np.float64).reshape(-1)
    return np.pad(flat, (0, -flat.size % block)).reshape(-1, block)


def rounding_of(came, dtype):
    """What is lost beside the steps: in the last place, and in blocks whose scale becomes zero."""
    last = np.abs(came) * (2.0**-10 if dtype == np.float16 else 2.0**-20)
    return last + np.finfo(dtype).smallest_subnormal + 3e-36


@given(array=tensors(kinds=USUAL), codec=CODECS)
@settings(max_examples=200)
def test_the_error_is_half_a_step_and_a_step_where_a_few_bits_have_no_number(array, codec):
    decoded, half = round_trip(codec, array), half_of(codec)
    values, came = blocks_of(array, codec.block), blocks_of(decoded, codec.block)
    most, least = values.max(1, keepdims=True), values.min(1, keepdims=True)
    largest = np.where(most > -least, most, least)  # with a few bits this one is -half
    step = np.abs(largest) / (half - 1 if codec.bits == 8 else half)
    reached = (values * largest >= 0) | (np.abs(values) <= step * (half - 0.5))
    bound = step * BFLOAT16 * np.where(reached, 0.5, 1) * (1 + 1e-5)
    assert (np.abs(came - values) <= bound + rounding_of(values, decoded.dtype)).all()


@given(array=tensors(kinds=USUAL), codec=CODECS, seed=st.integers(0, 2**63 - 1))
def test_chance_moves_a_value_by_less_than_a_step(array, codec, seed):
    codec = Quantize(codec.bits, block=codec.block, stochastic=True)
    decoded = round_trip(codec, array, seed)
    values, came = blocks_of(array, codec.block), blocks_of(decoded, codec.block)
    step = np.abs(values).max(1, keepdims=True) / (half_of(codec) - 1) * BFLOAT16
    bound = step * (1 + 1e-5) + rounding_of(came, decoded.dtype)
    assert (np.abs(came - values) <= bound).all()


@pytest.mark.parametrize("bits", [8, 4, 2])
def test_on_average_chance_decodes_to_the_tensor(bits):
    random = np.random.default_rng(bits)
    array = (random.standard_normal(192) * 10.0 ** random.integers(-3, 3, 192)).astype(np.float32)
    codec, draws = Quantize(bits, block=32, stochastic=True), 1500
    total = np.zeros(192)
    for seed in range(draws):
        total += codec.decode(codec.encode(array, seed=seed), (192,))
    step = np.abs(array).reshape(-1, 32).max(1).repeat(32) / (half_of(codec) - 1) * BFLOAT16
    off = (total / draws - array) / (step / 2 / np.sqrt(draws))  # in standard deviations at most
    assert np.abs(off).max() < 5
    assert abs(off.mean()) * np.sqrt(192) < 5


@pytest.mark.parametrize(("bits", "least"), [(8, -127), (4, -8), (2, -2)])
def test_every_whole_number_serves_and_comes_back_as_it_is(bits, least):
    whole = np.arange(least, 2**bits // 2, dtype=np.float32)
    array = np.resize(whole, 256)
    np.testing.assert_array_equal(round_trip(Quantize(bits, block=256), array), array)
    np.testing.assert_array_equal(round_trip(Quantize(bits, block=256), -array), -array)


@pytest.mark.parametrize("bits", [8, 4, 2])
def test_with_chance_the_numbers_up_to_the_largest_come_back_as_they_are(bits):
    codec = Quantize(bits, block=256, stochastic=True)
    array = np.resize(np.arange(1 - half_of(codec), half_of(codec), dtype=np.float32), 256)
    for seed in range(20):
        np.testing.assert_array_equal(round_trip(codec, array, seed), array)


def test_blocks_do_not_touch_each_other():
    array = np.concatenate([np.full(64, 1e-6), np.full(64, 1e6), np.zeros(5)]).astype(np.float32)
    decoded = round_trip(Quantize(8), array)
    np.testing.assert_allclose(decoded, array, rtol=2.0**-7)


@given(array=tensors(kinds=("denormals",)), codec=CODECS)
def test_denormal_blocks_come_back_as_small_as_they_were(array, codec):
    decoded = round_trip(codec, array)
    most = float(np.abs(np.asarray(array, np.float64)).max(initial=0))
    assert np.abs(decoded.astype(np.float64)).max(initial=0) <= most * BFLOAT16 + 1.2e-38


@pytest.mark.parametrize(
    ("text", "size"),
    [
        (8, 16 * 2 + 1001),
        (4, 32 * 2 + 501),
        (2, 32 * 2 + 251),
    ],
)
def test_the_body_is_a_scale_a_block_and_bits_a_value(text, size):
    codec = Quantize(text)
    assert codec.size((1001,)) == 24 + 4 + len(str(codec)) + size
    assert len(codec.encode(np.ones(1001, np.float32))) == codec.size((1001,))


@pytest.mark.parametrize("scale", [0x7FC0, 0x7F80, 0xFF80, 0x7F7F, 0xFFFF])
@pytest.mark.parametrize("where", [0, 3])
def test_a_scale_that_is_not_finite_or_makes_values_that_are_not_is_refused(scale, where):
    codec = Quantize(8, block=16)
    blob = codec.encode(np.ones(64, np.float32))
    body = bytearray(body_of(blob))
    body[2 * where : 2 * where + 2] = scale.to_bytes(2, "little")
    with pytest.raises(CodecError, match="expected scales that keep float32 finite"), pieces_of(16):
        codec.decode(with_body(blob, body), (64,))


def test_scales_that_float32_takes_and_float16_does_not_are_refused_there():
    codec = Quantize(4, block=4)
    blob = codec.encode(np.ones(4, np.float16))
    body = (0x4700).to_bytes(2, "little") + body_of(blob)[2:]  # 32768
    with pytest.raises(CodecError, match="keep float16 finite"):
        codec.decode(with_body(blob, body), (4,), np.float16)


def test_four_bits_in_blocks_of_32_leave_an_error_below_9_percent():
    vector = np.random.default_rng(0).standard_normal(200_000).astype(np.float32)
    error = {b: relative_error(round_trip(Quantize(b), vector), vector) for b in (8, 4, 2)}
    assert error[8] < 0.0075
    assert error[4] < 0.092
    assert error[8] < error[4] < error[2] < 1


@pytest.mark.parametrize(
    "settings",
    [{"bits": 3}, {"bits": 16}, {"block": 6}, {"block": 2}, {"block": -4}, {"block": 2**16 + 4}],
)
def test_other_bits_and_blocks_are_refused(settings):
    with pytest.raises(CodecError, match="expected"):
        Quantize(**settings)
