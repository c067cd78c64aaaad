"""peak_resident: by how much a function makes a process grow, in a child of its own."""

import ctypes
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import pytest
import torch

from fedlab.meters import MeterError, peak_resident
from fedlab.meters.growth import LinuxGrowth, MacGrowth, growth_here
from fedlab.units import Bytes

MIB = 2**20
unix = pytest.mark.skipif(
    sys.platform == "win32", reason="peak_resident measures on Linux and macOS only"
)
linux = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="a limit is enforced on Linux only"
)


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
