"""What a participant and the server hold in memory, component by component, predicted.

Predictions read descriptions alone and need numpy alone; only `saved_activations` asks torch, when
it is called.
"""

from fedlab.memory.activations import saved_activations
from fedlab.memory.device import DeviceMemory
from fedlab.memory.server import ServerMemory

__all__ = ["DeviceMemory", "ServerMemory", "saved_activations"]
