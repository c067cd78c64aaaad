"""The growth of a process that is already running, watched from a thread."""

from __future__ import annotations

import threading
from contextlib import closing, suppress

from fedlab.meters.error import MeterError
from fedlab.meters.growth import growth_here
from fedlab.units import Bytes

_PAUSE_SECONDS = 0.005


class WatchedGrowth:
    """By how much a process's private memory has grown at most since this was made.

    peak: of the process with this id; None where there is no such meter (Windows), or when the
    process ended before the first look.
    """

    def __init__(self, pid: int) -> None:
        self.peak: Bytes | None = None
        self._pid = pid
        self._ends = threading.Event()
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        self._begun.wait()

    def close(self) -> Bytes | None:
        """Look once more, stop looking, and return the peak."""
        self._ends.set()
        self._thread.join()
        return self.peak

    def _watch(self) -> None:
        try:
            with suppress(OSError), closing(growth_here()(self._pid)) as growth:
                self._begun.set()
                while not self._ends.wait(_PAUSE_SECONDS):
                    self.peak = growth.peak()
                self.peak = growth.peak()
        except (MeterError, IndexError):  # no such meter here; or the process has ended
            pass
        finally:
            self._begun.set()
