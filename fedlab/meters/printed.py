"""Measured numbers, printed in the one form that the notebook check tells from exact ones.

A time or a peak of memory differs from run to run; a count of bytes does not. Every measured number
of a lesson is printed here, so that tests/notebooks/sanitize.cfg can mask it and nothing else.
"""

from __future__ import annotations

import math


def print_measured(label: str, value: float, unit: str) -> None:
    """Print a number that a meter read, to three digits, marked as measured.

    label: what was measured. value: the number. unit: its unit, one word ("s", "MiB", "MB/s").
    Raises ValueError when value is not finite, as a stopwatch's is before its block has ended, or
    when unit is not one word: the check could not tell such a line from an exact one.

    >>> print_measured("one round in process", 0.4129, "s")
    one round in process: 0.413 s [measured]
    >>> print_measured("peak of the server", 2139.4, "MiB")
    peak of the server: 2,139 MiB [measured]
    """
    if not math.isfinite(value):
        raise ValueError(f"{label}: expected a measured number, got {value}; has its block ended?")
    if not unit or set(unit) & set(" \t\n0123456789"):
        raise ValueError(f"{label}: expected a unit of one word, without digits, got {unit!r}")
    number = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    print(f"{label}: {number} {unit} [measured]")
