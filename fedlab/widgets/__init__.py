"""Live demos for the lessons: a formula to play with before it is measured.

A demo is a pure model in Python (traits and a readout), a view in one .js file that computes the
same readout in the browser, and a static table for pages without a kernel. `base` and `controls`
are the pattern; `panel.js`, `controls.js`, `units.js` and `demo.css` are what the views share.
"""

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
