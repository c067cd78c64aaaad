"""Bytes: an int that knows MB from MiB; rates, durations and levels."""

import copy
import json
import pickle
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedlab.units import LEVELS, Bytes, Levels, duration, parse_bps, whole_bytes

WHOLE = st.integers(-(10**18), 10**18)
SIZES = st.integers(0, 10**17)
DECIMAL = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "PB": 10**15}
BINARY = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40, "PiB": 2**50}
UNITS = DECIMAL | BINARY


@given(a=WHOLE, b=WHOLE)
def test_sums_differences_and_products_are_those_of_int_and_stay_bytes(a, b):
    for result, expected in [
        (Bytes(a) + b, a + b),
        (a + Bytes(b), a + b),
        (Bytes(a) - b, a - b),
        (a - Bytes(b), a - b),
        (Bytes(a) * b, a * b),
        (a * Bytes(b), a * b),
        (Bytes(a) + Bytes(b), a + b),
    ]:
        assert result == expected
        assert type(result) is Bytes


@given(values=st.lists(WHOLE))
def test_a_sum_of_bytes_is_bytes(values):
    total = sum(map(Bytes, values), Bytes(0))
    assert type(total) is Bytes
    assert total == sum(values)


@given(a=WHOLE, b=st.floats(-1e6, 1e6))
def test_arithmetic_with_a_float_is_a_number_and_not_bytes(a, b):
    for result, expected in [(Bytes(a) + b, a + b), (Bytes(a) * b, a * b), (b - Bytes(a), b - a)]:
        assert result == expected
        assert type(result) is float


def test_a_quotient_is_a_number():
    assert type(Bytes(10) / 2) is float
    assert type(Bytes(10) // 3) is int
    assert type(-Bytes(10)) is int


def test_adding_what_is_no_number_is_an_error_of_python():
    with pytest.raises(TypeError):
        Bytes(1) + "1"
    with pytest.raises(TypeError):
        [] - Bytes(1)


@given(size=SIZES)
def test_mb_and_mib_are_powers_of_1000_and_of_1024(size):
    assert Fraction(Bytes(size).MB) == Fraction(size / 10**6)
    assert Fraction(Bytes(size).MiB) == Fraction(size / 2**20)


@given(number=st.integers(0, 10**9), unit=st.sampled_from(sorted(UNITS)), gap=st.sampled_from("  "))
def test_parse_reads_whole_numbers_of_each_unit(number, unit, gap):
    for text in (f"{number}{gap}{unit}", f"{number:_}{unit}", f"{number:,} {unit.lower()}"):
        assert Bytes.parse(text) == number * UNITS[unit]


@given(hundredths=st.integers(0, 10**7), unit=st.sampled_from(sorted(UNITS)))
def test_parse_reads_decimals_exactly_and_rounds_to_the_nearest_byte(hundredths, unit):
    exact = Fraction(hundredths, 100) * UNITS[unit]
    parsed = Bytes.parse(f"{hundredths // 100}.{hundredths % 100:02} {unit}")
    assert type(parsed) is Bytes
    assert abs(parsed - exact) <= Fraction(1, 2)


@given(size=SIZES)
def test_what_str_writes_parse_reads_back_to_within_its_two_decimals(size):
    text = str(Bytes(size))
    decimal, _, binary = text.partition(" (")
    for written in [decimal, binary.rstrip(")")] if binary else [decimal]:
        unit = UNITS[written.split()[1]]
        assert abs(Bytes.parse(written) - size) <= Fraction(unit, 200) + 1


@given(size=SIZES)
def test_repr_can_be_evaluated_and_format_with_a_form_is_that_of_int(size):
    assert eval(repr(Bytes(size))) == size
    assert f"{Bytes(size):,}" == f"{size:,}"
    assert f"{Bytes(size)}" == str(Bytes(size))


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (999_994, "999.99 kB (976.56 KiB)"),
        (999_995, "1.00 MB (0.95 MiB)"),
        (1000, "1.00 kB (0.98 KiB)"),
        (-1500, "-1.50 kB (-1.46 KiB)"),
        (225_083_392, "225.08 MB (214.66 MiB)"),
        (4_943_257_600, "4.94 GB (4.60 GiB)"),
        (10**15, "1.00 PB (0.89 PiB)"),
        (1234 * 10**15, "1,234.00 PB (1,096.01 PiB)"),
    ],
)
def test_a_size_is_written_in_both_kinds_of_unit(size, text):
    assert str(Bytes(size)) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "212", "MB", ". MB", "5. MB", "-5 MB", "1,5 MB", "12,34 MB", "1e3 MB", "1 2 MB"),
        *("5 XB", "5 MBit", "5 MB/s", "nan MB", "inf B", "0x10 B", "5 MB 6", "_5 MB"),
    ],
)
def test_a_size_that_cannot_be_read_is_refused_with_a_form_that_can(text):
    with pytest.raises(ValueError, match=r"expected a form like '212 MB' or '53.66 MiB', got"):
        Bytes.parse(text)


def test_bytes_survive_copy_pickle_and_json_as_the_number_they_are():
    size = Bytes(56_270_848)
    for again in (copy.deepcopy(size), pickle.loads(pickle.dumps(size))):
        assert again == size
        assert type(again) is Bytes
    assert json.dumps(size) == "56270848"
    assert hash(size) == hash(56_270_848)


@pytest.mark.parametrize("size", [0, 7, 7.0, Bytes(7), np.int64(7), np.float32(8.0), True])
def test_a_whole_number_of_bytes_is_taken_whatever_its_type(size):
    assert whole_bytes(size, "size") == size
    assert type(whole_bytes(size, "size")) is Bytes


@pytest.mark.parametrize(
    "size", [-1, -0.5, 0.5, float("nan"), float("inf"), -float("inf"), "7", None, [7], 1j]
)
def test_a_size_that_is_negative_nan_or_no_whole_number_is_refused_by_name(size):
    with pytest.raises(ValueError, match=r"^outgoing: expected a whole number of bytes, 0 or more"):
        whole_bytes(size, "outgoing")


@pytest.mark.parametrize(
    ("text", "rate"),
    [("20Mbps", 20e6), ("20 Mbit/s", 20e6), ("1.5Gbps", 1.5e9), ("64kbps", 64e3), (".5bps", 0.5)],
)
def test_a_rate_is_read_in_bits_per_second(text, rate):
    assert parse_bps(text) == rate


@pytest.mark.parametrize(
    "text", ["", "20", "Mbps", "-1Mbps", "0Mbps", "0.0bps", "20MBps", "20 MB/s", "nanbps", "1 mile"]
)
def test_a_rate_that_is_none_is_zero_or_counts_bytes_is_refused(text):
    with pytest.raises(
        ValueError, match=r"a link needs a rate: expected a form like '20Mbps', got"
    ):
        parse_bps(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (22.54, "22.5 s"),
        (59.94, "59.9 s"),
        (59.99, "1.0 min"),
        (3599.9, "1 h 0 min"),
        (90, "1.5 min"),
        (3600, "1 h 0 min"),
        (4_500, "1 h 15 min"),
        (3599 * 48, "47 h 59 min"),
        (48 * 3600, "2 d 0 h"),
        (1e9, "11,574 d 2 h"),
    ],
)
def test_a_duration_is_written_in_the_two_units_that_a_reader_needs(seconds, text):
    assert duration(seconds) == text


LEVEL = st.builds(Levels, *[SIZES.map(Bytes)] * 3)


@given(a=LEVEL, b=LEVEL, n=st.integers(0, 1000))
def test_levels_add_and_multiply_each_on_its_own(a, b, n):
    for name in LEVELS:
        assert getattr(a + b, name) == getattr(a, name) + getattr(b, name)
        assert getattr(a * n, name) == getattr(a, name) * n
        assert type(getattr(a + b, name)) is type(getattr(a * n, name)) is Bytes
    assert a + Levels() == a == a * 1
    assert a * 0 == Levels()
