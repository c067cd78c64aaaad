"""The wall-clock time of a block."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class Stopwatch:
    """Wall-clock seconds of one block; not a number until the block has ended."""

    seconds: float = math.nan


@contextmanager
def stopwatch() -> Iterator[Stopwatch]:
    """Time a block, also one that raises.

    >>> with stopwatch() as watch:
    ...     total = sum(range(1000))
    >>> watch.seconds > 0
    True
    """
    watch, started = Stopwatch(), time.perf_counter()
    try:
        yield watch
    finally:
        watch.seconds = time.perf_counter() - started
