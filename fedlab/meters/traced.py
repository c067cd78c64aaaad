"""The peak of Python's own allocations inside a block, by way of tracemalloc."""

from __future__ import annotations

import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

from fedlab.meters.error import MeterError
from fedlab.units import Bytes


class TracedPeak:
    """What `traced_peak` yields: its `size` is known once the block has ended."""

    def __init__(self, begin: int) -> None:
        self._begin = begin
        self._highest = begin  # traced bytes; as far as seen while the block runs
        self._size: Bytes | None = None

    @property
    def size(self) -> Bytes:
        """The peak above what was allocated when the block began. Raises MeterError until then."""
        if self._size is None:
            raise MeterError("the block still runs: read its peak's size after the with statement")
        return self._size

    def saw(self, traced: int) -> None:
        """Keep the highest number of traced bytes."""
        self._highest = max(self._highest, traced)

    def end(self) -> None:
        """Fix the size."""
        self._size = Bytes(self._highest - self._begin)


class _Tracer:
    """tracemalloc has one peak for the whole process: its readers must share what they read.

    Whoever begins resets the peak, so what it had reached is first told to all that are open.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: list[TracedPeak] = []
        self._started_here = False

    def begin(self) -> TracedPeak:
        with self._lock:
            if not tracemalloc.is_tracing():
                tracemalloc.start()
                self._started_here = True
            self._tell()
            tracemalloc.reset_peak()
            peak = TracedPeak(tracemalloc.get_traced_memory()[0])
            self._open.append(peak)
            return peak

    def end(self, peak: TracedPeak) -> bool:
        """Close one; False when tracing was switched off meanwhile, and it has no size."""
        with self._lock:
            whole = tracemalloc.is_tracing()
            if whole:
                self._tell()
                peak.end()
            self._open.remove(peak)
            if self._started_here and not self._open:  # the last one, where two overlap in threads
                tracemalloc.stop()
                self._started_here = False
            return whole

    def _tell(self) -> None:
        highest = tracemalloc.get_traced_memory()[1]
        for peak in self._open:
            peak.saw(highest)


_TRACER = _Tracer()


@contextmanager
def traced_peak() -> Iterator[TracedPeak]:
    """Measure the peak of a block's Python allocations, above what was allocated when it began.

    Yields a `TracedPeak` whose `size` is `Bytes` once the block has ended, also when it raised.
    Python objects and numpy's arrays are counted, torch's tensors are not (`peak_resident` counts
    both). Every thread is counted. Blocks may be nested, and may overlap in threads. When
    tracemalloc is on already it stays on; its peak is reset.

    The price: large arrays cost nothing extra, but each small object is traced too. Code that makes
    many of them runs several times slower, a loop over Python integers up to twenty times.

    Raises MeterError when the block itself stops tracemalloc.

    >>> with traced_peak() as peak:
    ...     text = "x" * 1_000_000
    ...     del text
    >>> 1_000_000 < peak.size < 1_010_000
    True
    """
    peak, whole = _TRACER.begin(), True
    try:
        yield peak
    finally:
        whole = _TRACER.end(peak)
    if not whole:
        raise MeterError(
            "the block stopped tracemalloc, so its peak is lost: let traced_peak stop it"
        )
