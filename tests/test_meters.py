"""Meters of a block, its seconds and its traced peak, and how a measured number is printed."""

import re
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbval.plugin import get_sanitize_patterns

from fedlab.meters import MeterError, print_measured, stopwatch, traced_peak
from fedlab.units import Bytes

CONFIG = Path(__file__).parent / "notebooks/sanitize.cfg"
SLACK = 10_000  # bytes of Python objects beside the arrays of a traced block


def masked(text: str) -> str:
    for pattern, replacement in get_sanitize_patterns(CONFIG.read_text(encoding="utf-8")):
        text = re.sub(pattern, replacement, text)
    return text


@given(
    value=st.floats(allow_nan=False, allow_infinity=False),
    unit=st.sampled_from(["s", "ms", "µs", "MiB", "MB/s", "%", "×"]),
)
def test_the_check_masks_every_number_and_unit_that_is_printed(value, unit):
    lines: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("builtins.print", lines.append)
        print_measured("round 3", value, unit)
    assert masked(lines[0]) == "round 3: … [measured]"


@pytest.mark.parametrize(
    "text",
    [
        "payload: 225,083,392 B",
        "one round: 0.41 s",
        "one round: 0.41 s measured",
        "payload: 12 B, sent: 13 B\n[measured]",
        "it took 0.41 s [measured]",
        "[measured]",
    ],
)
def test_the_check_masks_nothing_else(text):
    assert masked(text) == text


def test_an_exact_number_on_the_same_line_is_compared():
    assert masked("5 clients: 20 B, time: 0.41 s [measured]") == (
        "5 clients: 20 B, time: … [measured]"
    )


def test_a_stopwatch_reads_the_seconds_of_its_block_also_when_it_raises():
    with pytest.raises(KeyError), stopwatch() as watch:  # noqa: PT012
        time.sleep(0.01)
        raise KeyError
    assert watch.seconds >= 0.01


def test_a_stopwatch_that_still_runs_is_not_a_measurement():
    with stopwatch() as watch, pytest.raises(ValueError, match="has its block ended"):
        print_measured("one round", watch.seconds, "s")


@pytest.mark.parametrize("unit", ["", "MiB per client", "10 s", "2x"])
def test_a_unit_that_the_check_would_not_mask_is_refused(unit):
    with pytest.raises(ValueError, match="a unit of one word"):
        print_measured("peak", 1.0, unit)


def test_a_traced_peak_is_what_the_block_held_at_most_above_its_beginning():
    before = np.ones(3_000_000, np.uint8)
    with traced_peak() as peak:
        held = np.ones(1_000_000, np.uint8)
        for _ in range(3):
            np.ones(2_000_000, np.uint8)
        del held
    assert before.all()
    assert peak.size == pytest.approx(3_000_000, abs=SLACK)
    assert isinstance(peak.size, Bytes)
    assert not tracemalloc.is_tracing()


kilobytes = st.integers(0, 2_000)


@given(high_before=kilobytes, held=kilobytes, inside=kilobytes, high_after=kilobytes)
def test_a_block_inside_another_has_its_own_peak_and_spoils_none(
    high_before, held, inside, high_after
):
    with traced_peak() as outer:
        np.ones(high_before * 1000, np.uint8)
        kept = np.ones(held * 1000, np.uint8)
        with traced_peak() as inner:
            np.ones(inside * 1000, np.uint8)
        np.ones(high_after * 1000, np.uint8)
        del kept
    assert inner.size == pytest.approx(inside * 1000, abs=SLACK)
    highest = max(high_before, held + max(inside, high_after))
    assert outer.size == pytest.approx(highest * 1000, abs=SLACK)


def test_traced_blocks_may_overlap_without_one_being_inside_the_other():
    first, second = traced_peak(), traced_peak()
    one = first.__enter__()
    np.ones(2_000_000, np.uint8)
    two = second.__enter__()
    np.ones(1_000_000, np.uint8)
    first.__exit__(None, None, None)
    np.ones(3_000_000, np.uint8)
    second.__exit__(None, None, None)
    assert one.size == pytest.approx(2_000_000, abs=SLACK)
    assert two.size == pytest.approx(3_000_000, abs=SLACK)
    assert not tracemalloc.is_tracing()


def test_a_traced_block_that_raises_has_a_peak_and_ends_the_tracing():
    with pytest.raises(KeyError), traced_peak() as peak:  # noqa: PT012
        np.ones(1_000_000, np.uint8)
        raise KeyError
    assert peak.size == pytest.approx(1_000_000, abs=SLACK)
    assert not tracemalloc.is_tracing()


def test_tracing_that_was_on_stays_on():
    tracemalloc.start()
    try:
        np.ones(2_000_000, np.uint8)
        with traced_peak() as peak:
            np.ones(1_000_000, np.uint8)
        assert peak.size == pytest.approx(1_000_000, abs=SLACK)
        assert tracemalloc.is_tracing()
    finally:
        tracemalloc.stop()


def test_a_traced_block_that_still_runs_has_no_size():
    with traced_peak() as peak, pytest.raises(MeterError, match=r"^the block still runs: read"):
        _ = peak.size


def test_a_block_that_stops_the_tracing_itself_is_told_so():
    with pytest.raises(MeterError, match="the block stopped tracemalloc"), traced_peak() as peak:
        tracemalloc.stop()
    with pytest.raises(MeterError):
        _ = peak.size
