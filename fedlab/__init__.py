"""fedlab: predict, measure and cut what federated learning costs in memory and bandwidth.

- predict, from descriptions alone: `sizes`, `bandwidth`, `memory`, `framing`
- measure: `engines` run a federation, `ledger` and `meters` weigh it, `measure` bills any app
- cut: `codecs`, `mods`, `aggregators`, `strategies`, `trainers`

>>> from fedlab import Bytes, FederatedRun
>>> FederatedRun(Bytes.parse("53 MB"), cohort=2).traffic
Bytes(212000000)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fedlab.bandwidth import FederatedRun
    from fedlab.ledger import Ledger
    from fedlab.memory import DeviceMemory, ServerMemory
    from fedlab.sizes import size_of
    from fedlab.units import Bytes

__all__ = ["Bytes", "DeviceMemory", "FederatedRun", "Ledger", "ServerMemory", "size_of"]
__version__ = "0.1.0"

_ROOMS = {
    "Bytes": "fedlab.units",
    "DeviceMemory": "fedlab.memory",
    "FederatedRun": "fedlab.bandwidth",
    "Ledger": "fedlab.ledger",
    "ServerMemory": "fedlab.memory",
    "size_of": "fedlab.sizes",
}


def __getattr__(name: str) -> Any:
    """Open a room when its name is first asked for: `import fedlab` itself costs nothing."""
    if name in _ROOMS:
        return getattr(import_module(_ROOMS[name]), name)
    raise AttributeError(f"module 'fedlab' has no attribute {name!r}")
