"""Random k: a seed travels in place of positions, and each value has its chance."""

import numpy as np
import pytest
from blobs import body_of, pieces_of, round_trip, tensors, with_body
from hypothesis import given
from hypothesis import strategies as st

from fedlab.codecs import CodecError, RandomK


@given(array=tensors(), seed=st.integers(0, 2**63 - 1), fraction=st.floats(0.001, 1))
def test_it_keeps_k_values_as_they_are_one_in_each_stretch(array, seed, fraction):
    ones = np.ones(array.size, np.float32)
    kept = np.flatnonzero(round_trip(RandomK(fraction), ones, seed))
    k = min(array.size, max(1, round(fraction * array.size)))
    assert len(kept) == k
    for number, position in enumerate(kept):
        assert number * array.size // k <= position < (number + 1) * array.size // k
    flat = np.asarray(array).reshape(-1)
    expected = np.zeros_like(flat)
    expected[kept] = flat[kept]
    decoded = round_trip(RandomK(fraction), array, seed)
    np.testing.assert_array_equal(decoded, expected.reshape(array.shape))


def test_on_average_it_decodes_to_k_of_n_of_each_value():
    array = np.linspace(-3, 3, 120).astype(np.float32)
    codec, draws = RandomK(0.1), 2000
    mean = sum(codec.decode(codec.encode(array, seed=s), (120,)) for s in range(draws)) / draws
    deviation = np.abs(array) * np.sqrt(0.1 * 0.9 / draws)
    assert (np.abs(mean - 0.1 * array) <= 5 * deviation + 1e-6).all()


def test_seeds_draw_different_positions():
    array = np.ones(1000, np.float32)
    codec = RandomK(0.01)
    drawn = {tuple(np.flatnonzero(codec.decode(codec.encode(array), (1000,)))) for _ in range(20)}
    assert len(drawn) == 20


def test_a_fraction_of_1_keeps_all():
    array = np.random.default_rng(0).standard_normal(77).astype(np.float32)
    np.testing.assert_array_equal(round_trip(RandomK(1.0), array), array)


def test_any_seed_in_a_blob_draws_positions_inside_the_tensor():
    blob = RandomK(0.3).encode(np.ones(50, np.float32), seed=0)
    for seed in (0, 1, 2**63, 2**64 - 1):
        body = seed.to_bytes(8, "little") + body_of(blob)[8:]
        decoded = RandomK(0.3).decode(with_body(blob, body), (50,))
        assert (np.count_nonzero(decoded), decoded.max()) == (15, 1)


def test_a_large_vector_is_drawn_piece_by_piece_on_both_sides():
    vector = np.arange(1, 100_001, dtype=np.float32)
    with pieces_of(1000):
        blob = RandomK(0.05).encode(vector, seed=4)
        decoded = RandomK(0.05).decode(blob, vector.shape)
    kept = np.flatnonzero(decoded)
    assert len(kept) == 5000
    np.testing.assert_array_equal(decoded[kept], vector[kept])


def test_a_nan_is_refused_whether_it_would_be_drawn_or_not():
    array = np.zeros(1000, np.float32)
    array[500] = np.nan
    for seed in range(20):
        with pytest.raises(CodecError, match="got 1 of 1000 NaN or infinite"):
            RandomK(0.001).encode(array, seed=seed)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_large_values_whose_squares_overflow_are_kept_without_a_warning(dtype):
    array = np.full(100, np.finfo(dtype).max, dtype)
    array[::2] *= -1
    assert np.count_nonzero(round_trip(RandomK(0.1), array)) == 10


def test_the_size_is_a_header_a_seed_and_the_values():
    assert RandomK(0.01).size((10_000,)) == 24 + 4 + len("randomk:0.01") + 8 + 100 * 4
