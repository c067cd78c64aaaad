"""Positions: plain in a known size, compact near what entropy allows, and neither trusted."""

import numpy as np
import pytest
from blobs import pieces_of
from hypothesis import given
from hypothesis import strategies as st

from fedlab.codecs import CodecError
from fedlab.codecs.positions import (
    compact_size,
    read_compact,
    read_plain,
    width,
    write_compact,
    write_plain,
)


@st.composite
def choices(draw):
    """n, and some positions below it."""
    n = draw(st.sampled_from([1, 2, 255, 256, 257, 2**16, 2**16 + 1, 10**6]))
    some = draw(st.sets(st.integers(0, n - 1) | st.sampled_from([0, n - 1]), max_size=50))
    near = draw(st.integers(0, min(n, 300)))
    return n, np.array(sorted(some | set(range(near))), np.int64)


def joined(pieces):
    return np.concatenate([np.empty(0, np.int64), *pieces])


@given(choices(), st.sampled_from([1, 7, 2**18]))
def test_both_forms_give_the_positions_back(choice, piece):
    n, positions = choice
    k = len(positions)
    body = np.empty(max(compact_size(k, n), k * width(n)), np.uint8)
    with pieces_of(piece):
        plain = body[: write_plain(positions, n, body)]
        assert len(plain) == k * width(n)
        np.testing.assert_array_equal(joined(read_plain(plain, n)), positions)
        compact = body[: write_compact(positions, body)]
        assert len(compact) <= compact_size(k, n)
        np.testing.assert_array_equal(joined(read_compact(compact, k, n)), positions)


def test_two_bytes_reach_as_far_as_they_can():
    assert [width(n) for n in (0, 1, 2**16, 2**16 + 1, 2**32 - 1)] == [2, 2, 2, 4, 4]
    with pytest.raises(CodecError, match=r"fewer than 2\*\*32 values"):
        width(2**32)


@pytest.mark.parametrize(
    "positions",
    [[5, 5], [5, 4], [0, 1, 2, 1], [9, 0], [3, 2**32 - 1, 4]],
)
@pytest.mark.parametrize("piece", [1, 2, 2**18])
def test_plain_positions_that_do_not_increase_are_refused(positions, piece):
    body = np.array(positions, "<u4").view(np.uint8)
    with pieces_of(piece), pytest.raises(CodecError, match=r"increasing|outside"):
        joined(read_plain(body, 100_000))


@pytest.mark.parametrize("n", [1, 10, 65_535])
def test_a_position_outside_the_tensor_is_named(n):
    body = np.array([n], "<u2").view(np.uint8)
    with pytest.raises(CodecError, match=f"position {n} is outside a tensor of {n} values"):
        joined(read_plain(body, n))


def test_gaps_that_go_on_beyond_any_tensor_are_refused_and_do_not_wrap_around():
    body = np.full(1_000_000, 0xFF, np.uint8)
    body[0], body[-1] = 0, 0
    for n, k in ((1, 1), (10**6, 1), (2**32 - 1, 2)):
        with pieces_of(1000), pytest.raises(CodecError, match=r"is outside|expected 2 positions"):
            joined(read_compact(body, k, n))


@pytest.mark.parametrize("gap", [0, 1, 254, 255, 256, 509, 510, 511, 100_000])
def test_gaps_of_every_length_come_back(gap):
    positions, n = np.array([gap, 2 * gap + 1]), 2 * gap + 2
    body = np.empty(compact_size(2, n), np.uint8)
    written = write_compact(positions, body)
    for piece in (1, 2, 255, 2**18):
        with pieces_of(piece):
            found = joined(read_compact(body[:written], 2, n))
        np.testing.assert_array_equal(found, positions)


@pytest.mark.parametrize(("share", "more"), [(0.001, 1.4), (0.01, 1.04), (0.1, 1.2), (0.5, 1.35)])
def test_evenly_spread_positions_take_little_more_than_their_entropy(share, more):
    n, random = 1_000_000, np.random.default_rng(0)
    positions = np.flatnonzero(random.random(n) < share)
    body = np.empty(compact_size(len(positions), n), np.uint8)
    entropy = n * -(share * np.log2(share) + (1 - share) * np.log2(1 - share)) / 8
    assert write_compact(positions, body) < more * entropy


def test_a_run_of_neighbours_takes_next_to_nothing():
    positions = np.arange(500_000, 600_000)
    body = np.empty(compact_size(len(positions), 10**6), np.uint8)
    assert write_compact(positions, body) < 100
