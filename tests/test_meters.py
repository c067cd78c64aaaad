import ctypes
import re
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from nbval.plugin import get_sanitize_patterns

from fedlab.meters import MeterError, peak_resident, print_measured, stopwatch, traced_peak
from fedlab.meters.growth import LinuxGrowth, MacGrowth, growth_here
from fedlab.units import Bytes

CONFIG = Path(__file__).parent / "notebooks/sanitize.cfg"
MIB = 2**20
SLACK = 10_000  # bytes of Python objects beside the arrays of a traced block

unix = pytest.mark.skipif(
    sys.platform == "win32", reason="peak_resident measures on Linux and macOS only"
)
linux = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="a limit is enforced on Linux only"
)


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


def as_told(mebibytes: float):
    """The promise of `peak_resident`: within 5 % and 2 MiB."""
    return pytest.approx(mebibytes, rel=0.05, abs=2)


def spike(mebibytes: int) -> Callable[[], object]:
    """Allocate, touch, free at once, and go on for longer than that took."""

    def function():
        np.ones(mebibytes * MIB, np.uint8)
        time.sleep(0.05)

    return function


@unix
@pytest.mark.parametrize(
    ("function", "mebibytes"),
    [
        pytest.param(lambda: None, 0, id="nothing"),
        pytest.param(lambda: np.ones(100 * MIB, np.uint8), 100, id="numpy, still held at the end"),
        pytest.param(spike(200), 200, id="a spike of numpy"),
        pytest.param(spike(10), 10, id="a small spike"),
        pytest.param(lambda: [bytes(1000) for _ in range(50_000)], 49, id="small objects"),
        pytest.param(lambda: np.zeros(100 * MIB, np.uint8), 0, id="numpy, never touched"),
        pytest.param(lambda: torch.ones(16 * MIB), 64, id="torch"),
    ],
)
def test_private_memory_is_counted_when_it_is_touched(function, mebibytes):
    measured = peak_resident(function)
    assert measured.MiB == as_told(mebibytes)
    assert isinstance(measured, Bytes)


@unix
def test_a_memory_mapped_file_is_not_counted_and_hides_nothing(tmp_path):
    path = tmp_path / "data"
    with path.open("wb") as file:
        file.truncate(200 * MIB)

    def read(own):
        mapped = np.memmap(path, np.uint8, "r")
        mapped.sum()
        np.ones(own * MIB, np.uint8)
        time.sleep(0.05)
        del mapped

    assert peak_resident(read, 0).MiB == as_told(0)
    assert peak_resident(read, 50).MiB == as_told(50)


@unix
def test_what_the_function_holds_already_is_in_the_baseline():
    held = np.ones(50 * MIB, np.uint8)
    assert peak_resident(lambda: held.sum()).MiB == as_told(0)
    assert peak_resident(np.copy, held).MiB == as_told(50)


@unix
def test_memory_that_was_freed_before_the_call_hides_no_growth():
    # freed blocks this small stay with the process unless they are given back
    def warm_up():
        return len([bytes(100_000) for _ in range(500)])

    def function():
        return [bytes(100_000).replace(b"\0", b"x") for _ in range(500)]

    assert peak_resident(function, warm_up=warm_up).MiB == as_told(500 * 100_000 / MIB)


@unix
def test_a_warm_up_takes_what_only_a_first_time_costs_out_of_the_growth():
    def first_time():
        kept.append(np.ones(50 * MIB, np.uint8))

    def function():
        if not kept:
            first_time()
        return np.ones(20 * MIB, np.uint8)

    kept: list[object] = []
    assert peak_resident(function).MiB == as_told(70)
    assert peak_resident(function, warm_up=first_time).MiB == as_told(20)


@unix
def test_a_function_comes_from_a_module_beside_the_caller(tmp_path, monkeypatch):
    (tmp_path / "beside_the_notebook.py").write_text("def grow(n):\n    return b'x' * n\n")
    monkeypatch.syspath_prepend(tmp_path)
    from beside_the_notebook import grow

    assert peak_resident(grow, 20 * MIB).MiB == as_told(20)


@unix
def test_a_function_comes_from_the_main_module_as_a_notebooks_do():
    script = (
        "from fedlab.meters import peak_resident\n"
        "SIZE = 20 * 2**20\n"
        "def grow():\n    print('here', flush=True)\n    return b'x' * SIZE\n"
        "print(peak_resident(grow).MiB)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stderr == ""
    here, measured = done.stdout.split()
    assert here == "here"  # what the function prints goes where its caller's prints go
    assert float(measured) == as_told(20)


@linux
def test_a_limit_is_kept_to_by_what_fits_and_mapped_files_do_not_count(tmp_path):
    path = tmp_path / "data"
    with path.open("wb") as file:
        file.truncate(200 * MIB)

    def read():
        total = int(np.memmap(path, np.uint8, "r").sum())
        return total, np.ones(40 * MIB, np.uint8)

    assert peak_resident(read, limit=50 * MIB).MiB == as_told(40)


@linux
@pytest.mark.parametrize(
    "function",
    [
        pytest.param(lambda: np.ones(60 * MIB, np.uint8), id="numpy"),
        pytest.param(lambda: [bytes(1000) for _ in range(60_000)], id="objects"),
        pytest.param(lambda: torch.ones(15 * MIB), id="torch"),
    ],
)
def test_a_function_that_needs_more_than_its_limit_is_told_so(function):
    with pytest.raises(
        MeterError, match=r"^<lambda> needed more than the 52\.43 MB \(50\.00 MiB\) allowed: \w+"
    ):
        peak_resident(function, limit=50 * MIB)


def test_each_system_has_its_meter_or_a_sentence_that_says_what_to_do(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    assert growth_here() is LinuxGrowth
    monkeypatch.setattr(sys, "platform", "darwin")
    assert growth_here() is MacGrowth
    with pytest.raises(MeterError, match="a limit is enforced on Linux only: leave limit out"):
        peak_resident(print, limit=10)
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(
        MeterError, match=r"on Linux and macOS only, and this is win32: use traced_peak\(\) here"
    ):
        peak_resident(print)


def test_on_macos_the_physical_footprint_is_sampled(monkeypatch):
    readings = iter([100, 150, 400, 200])

    class System:
        def proc_pid_rusage(self, pid, flavor, info):
            assert (pid, flavor) == (7, 0)
            # <sys/resource.h>: 16 bytes of uuid, then seven numbers of 8 bytes, then this one
            address = ctypes.addressof(info._obj) + 16 + 7 * 8
            ctypes.c_uint64.from_address(address).value = next(readings)
            return 0

    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: System())
    growth = MacGrowth(7)
    growth.read()
    growth.read()
    assert growth.peak() == 300
