"""Live demos for the lessons: a formula to play with before it is measured.

A demo is a pure model in Python (traits and a readout), a view in one .js file that computes the
same readout in the browser, and a picture and a table for pages without a kernel. `base` and
`controls` are the pattern; `panel.js`, `controls.js`, `units.js` and `demo.css` are what the views
share.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fedlab.widgets.bandwidth import BandwidthDemo
    from fedlab.widgets.compression import CompressionDemo
    from fedlab.widgets.device_memory import DeviceMemoryDemo
    from fedlab.widgets.round import RoundDemo
    from fedlab.widgets.server_memory import ServerMemoryDemo

__all__ = [
    "BandwidthDemo",
    "CompressionDemo",
    "DeviceMemoryDemo",
    "RoundDemo",
    "ServerMemoryDemo",
]

_FILES = {
    "BandwidthDemo": "bandwidth",
    "CompressionDemo": "compression",
    "DeviceMemoryDemo": "device_memory",
    "RoundDemo": "round",
    "ServerMemoryDemo": "server_memory",
}


def __getattr__(name: str) -> Any:
    """Import a demo when it is first asked for: one of them needs torch, which takes seconds."""
    if name in _FILES:
        return getattr(import_module(f"fedlab.widgets.{_FILES[name]}"), name)
    raise AttributeError(f"module 'fedlab.widgets' has no attribute {name!r}")
