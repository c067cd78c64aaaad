"""How far a process's private memory has grown, read from outside it.

Private is what the process alone holds: heap, arrays, tensors, stacks. Pages of files (libraries,
memory-mapped data) are not counted: the system can drop and read them again.
"""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import suppress
from pathlib import Path

from fedlab.meters.error import MeterError
from fedlab.units import Bytes

_STILL = 2**20  # bytes of file pages that may go without doubt: what loading a library maps briefly


class LinuxGrowth:
    """Samples of anonymous resident memory, completed by the kernel's own high-water mark.

    It counts from the moment it is made; `read` takes a sample, `peak` the last one.

    A sample is /proc/PID/statm: resident less shared pages, which is RssAnon of /proc/PID/status.
    Between two samples a spike's tip can be missed. The kernel misses none, but its mark (VmHWM)
    counts file pages too. So the mark less the most file pages seen so far is a lower bound of the
    anonymous peak, and exact while file pages stand still. It is used until file pages first go
    away: from then on the most of them may not have been seen.
    """

    def __init__(self, pid: int) -> None:
        process = Path(f"/proc/{pid}")
        self._page = os.sysconf("SC_PAGE_SIZE")
        with suppress(OSError):  # sets the mark back to now; some containers forbid it
            (process / "clear_refs").write_text("5")
        self._status = (process / "status").open("rb", buffering=0)
        self._statm = (process / "statm").open("rb", buffering=0)
        self._first_mark = self._mark()
        self._before, self._most_files = self._sample()
        self._highest = self._before
        self._mark_tells = True

    def read(self) -> None:
        """Take a sample: two system calls."""
        mark = self._mark()  # before the file pages that it may hold are counted: they may grow
        private, files = self._sample()
        self._mark_tells = self._mark_tells and files >= self._most_files - _STILL
        self._most_files = max(self._most_files, files)
        self._highest = max(self._highest, private)
        if self._mark_tells and mark > self._first_mark:
            self._highest = max(self._highest, mark - self._most_files)

    def peak(self) -> Bytes:
        """The highest growth so far, in bytes; the process must still be there."""
        self.read()
        return Bytes(self._highest - self._before)

    def close(self) -> None:
        """Close the two files that are read again and again."""
        self._status.close()
        self._statm.close()

    def _sample(self) -> tuple[int, int]:
        """Bytes of anonymous and of file-backed resident pages."""
        fields = os.pread(self._statm.fileno(), 256, 0).split()
        resident, shared = int(fields[1]), int(fields[2])
        return (resident - shared) * self._page, shared * self._page

    def _mark(self) -> int:
        """VmHWM in bytes; 0 when the process has ended."""
        _, _, rest = os.pread(self._status.fileno(), 4096, 0).partition(b"VmHWM:")
        return int(rest.split(maxsplit=1)[0]) * 1024 if rest else 0  # "kB" there are KiB


class _RusageInfo(ctypes.Structure):
    """`struct rusage_info_v0` of macOS's <sys/resource.h>."""

    _fields_ = (
        ("ri_uuid", ctypes.c_uint8 * 16),
        *(
            (name, ctypes.c_uint64)
            for name in (
                "ri_user_time",
                "ri_system_time",
                "ri_pkg_idle_wkups",
                "ri_interrupt_wkups",
                "ri_pageins",
                "ri_wired_size",
                "ri_resident_size",
                "ri_phys_footprint",
                "ri_proc_start_abstime",
                "ri_proc_exit_abstime",
            )
        ),
    )


class MacGrowth:
    """Samples of the physical footprint: Apple's count of a process's private (dirty) memory.

    It is the number that Activity Monitor shows as Memory; clean pages of mapped files are not in
    it. `proc_pid_rusage` of <libproc.h> reads it for any process of the same user.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._system = ctypes.CDLL(None, use_errno=True)
        self._before = self._highest = self._footprint()

    def read(self) -> None:
        """Take a sample: one system call."""
        self._highest = max(self._highest, self._footprint())

    def peak(self) -> Bytes:
        """The highest growth so far, in bytes; the process must still be there."""
        self.read()
        return Bytes(self._highest - self._before)

    def close(self) -> None:
        """Nothing is held open."""

    def _footprint(self) -> int:
        info = _RusageInfo()
        if self._system.proc_pid_rusage(self._pid, 0, ctypes.byref(info)) != 0:
            return 0  # it has just ended, which its exit status will say
        return int(info.ri_phys_footprint)


def growth_here() -> type[LinuxGrowth] | type[MacGrowth]:
    """The meter of this system. Raises MeterError where there is none."""
    if sys.platform.startswith("linux"):
        return LinuxGrowth
    if sys.platform == "darwin":
        return MacGrowth
    raise MeterError(
        f"peak_resident measures on Linux and macOS only, and this is {sys.platform}: "
        "use traced_peak() here, which counts Python objects and numpy's arrays"
    )
