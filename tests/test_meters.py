import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbval.plugin import get_sanitize_patterns

from fedlab.meters import print_measured, stopwatch

CONFIG = Path(__file__).parent / "notebooks/sanitize.cfg"


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
