"""How a benchmark here measures: the best of several, taken in turns on the same machine.

The unit of a codec's time is a copy: moving the same numbers into a warm buffer, the least that
reading them all and writing as many can take. This file runs in our environment and in the peers',
so it imports numpy alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

ELEMENTS = 14_067_712  # Pythia-14m: 56.27 MB of float32
TURNS = 40  # at most
SECONDS = 6.0  # for one codec


def vector() -> np.ndarray:
    """The numbers that every codec is given: a standard normal, (14,067,712,) float32."""
    return np.random.default_rng(0).standard_normal(ELEMENTS, np.float32)


def in_turns(*work: Callable[[], object], seconds: float = float("inf")) -> list[float]:
    """Least milliseconds of each in 40 turns, so that all meet the same machine.

    No further turn starts once `seconds` have gone by. What a task returns is freed off the clock.
    """
    taken: list[list[float]] = [[] for _ in work]
    begun = perf_counter()
    for turn in range(TURNS):
        if turn and perf_counter() - begun > seconds:
            break
        for task, times_of_task in zip(work, taken, strict=True):
            started = perf_counter()
            result = task()
            times_of_task.append(1000 * (perf_counter() - started))
            del result
    return [min(times_of_task) for times_of_task in taken]


@dataclass(frozen=True)
class Measured:
    """One codec on one vector: best milliseconds, bytes that travel, relative error."""

    encode_ms: float
    decode_ms: float
    copy_ms: float
    bytes: int
    error: float


def measured(
    array: np.ndarray,
    encode: Callable[[], Any],
    decode: Callable[[Any], np.ndarray],
    size: Callable[[Any], int],
) -> Measured:
    """Encode, decode and copy, in turns for about six seconds, at most 40 times.

    The first turn warms up; one that took longer than that is the measurement itself.
    """
    warm = np.empty_like(array)
    started = perf_counter()
    blob = encode()
    encoded = perf_counter()
    decoded = decode(blob)
    ended = perf_counter()
    error = relative_error(array, decoded)
    del decoded
    if ended - started > SECONDS:
        first = 1000 * (encoded - started), 1000 * (ended - encoded)
        (copy,) = in_turns(lambda: np.copyto(warm, array))
        return Measured(*first, copy, size(blob), error)
    times = in_turns(encode, lambda: decode(blob), lambda: np.copyto(warm, array), seconds=SECONDS)
    return Measured(*times, size(blob), error)


def relative_error(array: np.ndarray, decoded: np.ndarray) -> float:
    """‖decoded - array‖ / ‖array‖, in the Euclidean norm."""
    if decoded.shape != array.shape:
        raise ValueError(f"expected a decoded array of {array.shape}, got {decoded.shape}")
    return float(np.linalg.norm(decoded - array) / np.linalg.norm(array))
