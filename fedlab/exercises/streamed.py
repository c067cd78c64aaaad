"""Does an answer keep what it should let go of? Its memory is measured with few and with many."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from fedlab.meters import traced_peak

_FEW, _MANY = 10, 30
_SPARE = 2  # arrays by which two peaks may differ


def keeps(
    answer: Callable[[Any], object], make: Callable[[int], Iterable[Any]], *, size: int, what: str
) -> str | None:
    """What a function that goes through a stream of arrays keeps of it; None if it lets all go.

    answer: the student's function of one stream. make: a stream of so many arrays, each made when
    it is asked for. size: bytes of one of them. what: they are called so.

    >>> def arrays(count):
    ...     return (bytes(10**6) for _ in range(count))
    >>> keeps(list, arrays, size=10**6, what="arrays")
    'of 10 arrays it held 10 at once and of 30 30: keep none of them'
    >>> keeps(any, arrays, size=10**6, what="arrays")
    """

    def held(count: int) -> int:
        with traced_peak() as peak:
            answer(make(count))
        return round(peak.size / size)

    few, many = held(_FEW), held(_MANY)
    if many <= few + _SPARE:
        return None
    return f"of {_FEW} {what} it held {few} at once and of {_MANY} {many}: keep none of them"
