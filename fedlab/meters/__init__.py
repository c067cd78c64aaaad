"""Meters: the time of a block, its peak of Python memory, and a function's peak in a fresh process.

What a meter read is printed with `print_measured`, so that the notebook check can tell it from an
exact number.
"""

from fedlab.meters.clock import Stopwatch, stopwatch
from fedlab.meters.error import MeterError
from fedlab.meters.printed import print_measured
from fedlab.meters.resident import peak_resident
from fedlab.meters.traced import TracedPeak, traced_peak

__all__ = [
    "MeterError",
    "Stopwatch",
    "TracedPeak",
    "peak_resident",
    "print_measured",
    "stopwatch",
    "traced_peak",
]
