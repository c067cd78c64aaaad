"""Meters: the time of a block, its peak of Python memory, a function's peak in a fresh process, and
the bytes and requests that pass a proxy.

What a meter read is printed with `print_measured`, so that the notebook check can tell it from an
exact number.
"""

from typing import TYPE_CHECKING, Any

from fedlab.meters.clock import Stopwatch, stopwatch
from fedlab.meters.error import MeterError
from fedlab.meters.exchanges import Exchange, Exchanges
from fedlab.meters.printed import print_measured
from fedlab.meters.resident import peak_resident
from fedlab.meters.traced import TracedPeak, traced_peak

if TYPE_CHECKING:
    from fedlab.meters.proxy import MeteringProxy

__all__ = [
    "Exchange",
    "Exchanges",
    "MeterError",
    "MeteringProxy",
    "Stopwatch",
    "TracedPeak",
    "peak_resident",
    "print_measured",
    "stopwatch",
    "traced_peak",
]


def __getattr__(name: str) -> Any:
    """Import the proxy, and asyncio with it, when it is first asked for."""
    if name == "MeteringProxy":
        from fedlab.meters.proxy import MeteringProxy

        return MeteringProxy
    raise AttributeError(f"module 'fedlab.meters' has no attribute {name!r}")
