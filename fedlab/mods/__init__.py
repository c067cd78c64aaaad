"""Layers on the client's side of the message path: Flower mods, one a file.

A mod wraps `call_next`; the first in a ClientApp's list is the outermost. `count` before `compress`
counts what really travels; Flower's `arrays_size_mod`, which knows no encoded arrays, belongs after
it. Mods hold no ledger: Ray pickles them and runs them elsewhere.
"""

from fedlab.mods.compressing import compress
from fedlab.mods.counting import COUNT, count
from fedlab.mods.sending import send_only, trainable

__all__ = ["COUNT", "compress", "count", "send_only", "trainable"]
