"""How many threads work: one for what is small, and one stripe of a large tensor for each core.

torch splits each operation over its own threads and waits for the last of them, at every operation:
where another process wants the same cores, it waits for one that does not run (measured: a hundred
times slower). A thread that does all operations of its own stripe waits once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from threading import Lock
from typing import TypeVar

import torch

T = TypeVar("T")

_WORTH_A_THREAD = 2  # pieces


class _OneThread:
    """Who is in a block of one thread, and how many torch had before the first of them came.

    torch's number is the whole process's: of two blocks that overlap in time, the one that began
    second would else give back the one thread that it found.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._inside = 0
        self._before = 1

    def enter(self) -> None:
        with self._lock:
            if not self._inside:
                self._before = torch.get_num_threads()
            self._inside += 1
        torch.set_num_threads(1)

    def leave(self) -> None:
        with self._lock:
            torch.set_num_threads(self._before)
            self._inside -= 1


_ONE_THREAD = _OneThread()


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep torch to one thread for a block: sums then have one order, however many cores there are.

    >>> with one_thread():
    ...     torch.get_num_threads()
    1
    """
    _ONE_THREAD.enter()
    try:
        yield
    finally:
        _ONE_THREAD.leave()


def in_stripes(size: int, step: int, work: Callable[[range], T]) -> list[T]:
    """Cut 0 to `size` into pieces of `step`, and these into as many stripes as torch has threads.

    work: is given the starts of a stripe's pieces, and runs in a thread of its own where there is
    more than one stripe; torch's operations within it do not. Its results come in order, and what
    it raises is raised here.

    >>> in_stripes(10, 4, list)
    [[0, 4, 8]]
    """
    starts = range(0, size, step)
    stripes = max(1, min(torch.get_num_threads(), len(starts) // _WORTH_A_THREAD))
    cuts = [len(starts) * i // stripes for i in range(stripes + 1)]
    shares = [starts[first:last] for first, last in pairwise(cuts)]
    with one_thread():  # threads that start now keep to one too
        if stripes == 1:
            return [work(share) for share in shares]
        with ThreadPoolExecutor(stripes) as threads:
            return list(threads.map(work, shares))
