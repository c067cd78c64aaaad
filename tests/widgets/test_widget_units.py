"""units.js against Python: how numbers, sizes and durations are written, and how they divide."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fedlab.units import Bytes, duration
from fedlab.widgets import DeviceMemoryDemo


@pytest.fixture(scope="module")
def node(start_node):
    return start_node(DeviceMemoryDemo)


def whole(number):
    return {"BigInt": str(number)}


@settings(max_examples=500)
@given(
    st.one_of(
        st.floats(0, 1e20),
        st.floats(0, 1e6),
        st.integers(0, 10**7).map(lambda n: n / 8),
        st.integers(0, 2**53).map(lambda n: n / 4),  # ties among the largest numbers that have some
    ),
    st.integers(0, 2),
)
def test_a_number_is_rounded_as_python_does(node, number, digits):
    assert node.ask("fixed", number, digits) == f"{number:.{digits}f}"


@settings(max_examples=500)
@given(st.integers(0, 10**24), st.integers(1, 10**24))
@example(2**53 + 1, 1)  # a tie between two floats
@example(2 * (2**53 + 1) * 10**6 + 1, 2 * 10**6)  # and a little more than one
@example(1, 46_652_817_644_514_051_140_111)  # a small share, whose first bits stand far behind
def test_whole_numbers_divide_as_python_divides_them(node, part, of):
    assert float(node.ask("quotient", whole(part), whole(of))) == part / of


@settings(max_examples=500)
@given(st.one_of(st.floats(0, 1), st.integers(0, 2000).map(lambda n: n / 2000)))
def test_a_share_is_said_as_python_says_it(node, share):
    assert node.ask("percent", share) == f"{share:.1%}"


@settings(max_examples=500)
@given(st.floats(0, 1e17))
@example(59.94)
@example(59.96)
@example(3599.9)
@example(2.5 * 3600)
@example(48 * 3600.0)
def test_a_duration_is_said_as_python_says_it(node, seconds):
    assert node.ask("duration", seconds) == duration(seconds)


@settings(max_examples=500)
@given(st.integers(0, 20).flatmap(lambda power: st.integers(0, 10**power)))
def test_a_size_is_said_as_python_says_it(node, size):
    assert node.ask("bytes", whole(size)) == str(Bytes(size))


def test_so_is_a_size_next_to_a_power_of_1000(node):
    for power in range(3, 19, 3):
        rounds_up = 10**power - 5 * 10**power // 10**6  # to 1,000.00 of the unit below
        near = (rounds_up, 10**power)
        for size in (size for at in near for size in range(at - 3, at + 3)):
            assert node.ask("bytes", whole(size)) == str(Bytes(size))
