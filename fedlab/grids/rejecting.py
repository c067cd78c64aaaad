"""How a layer turns a reply that is no good into a failure with a name."""

from __future__ import annotations

from flwr.app import Message
from flwr.app.error import Error

from fedlab.grids.layer import GridLayer
from fedlab.logs import one_line

REJECTED = 422  # our own error code: the reply arrived and was no good


def rejected(layer: GridLayer, instruction: Message, reason: str) -> Message:
    """An error reply in place of one that was no good; the layers below hear of it too."""
    reason = one_line(reason)
    layer.reject(instruction.metadata.message_id, reason)
    return Message(Error(REJECTED, reason), reply_to=instruction)
