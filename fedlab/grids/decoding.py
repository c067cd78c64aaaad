"""The decoding layer: what mods made smaller on the clients is whole again for the strategy."""

from __future__ import annotations

import copy

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, RecordDict
from flwr.serverapp import Grid

from fedlab.codecs import Codec, CodecError, parse
from fedlab.codecs.arrays import decode, is_encoded
from fedlab.grids.broadcasts import Broadcast, broadcast
from fedlab.grids.frozen import Frozen, Name
from fedlab.grids.layer import GridLayer
from fedlab.grids.rejecting import rejected
from fedlab.mods.sending import SEND_ONLY
from fedlab.records import array_of, array_view, records_of


class DecodingGrid(GridLayer):
    """Makes whole what `compress` and `send_only` sent, for any strategy.

    An encoded update is decoded and added to the tensor that was sent. A tensor that `send_only`
    left out is the server's own, and stays bit for bit what it was in the first round, where
    averaging it would round it. A reply whose bytes are not what they should be becomes an error
    reply that names the client, the tensor, what was expected and what came.

    downlink: a codec, or its text, for what the server sends; the clients' `compress` decodes it.
    Weights go down, not differences, so it must be one that leaves no value out. Below this layer
    lies MeteredGrid, which weighs what really travels.

    Raises CodecError for a downlink that leaves values out, or a text that names no codec;
    ValueError around a grid that decodes already.
    """

    def __init__(self, grid: Grid, *, downlink: Codec | str | None = None) -> None:
        super().__init__(grid)
        if isinstance(grid, GridLayer) and grid.find(DecodingGrid) is not None:
            raise ValueError(
                "this grid decodes already; simulate(downlink=…) says what it encodes with"
            )
        self.downlink = parse(downlink) if isinstance(downlink, str) else downlink
        if self.downlink is not None and self.downlink.sparse:
            raise CodecError(
                f"expected a codec that keeps all weights, such as float16 or int8; "
                f"{self.downlink} would zero most of the model on its way to the clients"
            )
        self._broadcasts: list[Broadcast] = []  # those that may still be answered, and the last
        self._frozen = Frozen()

    def begin(self) -> None:
        """Nothing more is added to what earlier round trips sent, save what is still open."""
        self._forget()

    def unanswered(self, messages: list[Message]) -> None:
        """The same at the end of a round trip: a model is not kept for nothing."""
        self._forget()

    def outgoing(self, messages: list[Message]) -> list[Message]:
        """Put back the frozen tensors, and encode the rest when that is asked for."""
        return [self._prepared(message) for message in messages]

    def incoming(self, replies: list[Message]) -> list[Message]:
        """Make each reply to a train message whole."""
        self._frozen.settle()
        return [self._whole(reply) for reply in replies]

    def reject(self, message_id: str, reason: str) -> None:
        """A reply that is no good has trained nothing."""
        self._frozen.reject(message_id)
        super().reject(message_id, reason)

    def put_back(self, key: str, record: ArrayRecord) -> ArrayRecord:
        """A result with its frozen tensors as they were before anybody averaged them."""
        arrays = self._frozen.put_back(key, record)
        changed = any(arrays[name] is not array for name, array in record.items())
        return ArrayRecord(arrays) if changed else record

    def _forget(self) -> None:
        asked = {id(message.content) for message in self.open_messages().values()}
        self._broadcasts = [known for known in self._broadcasts if id(known.sent) in asked]

    def _prepared(self, message: Message) -> Message:
        known = next((b for b in self._broadcasts if b.is_of(message.content)), None)
        if known is None:
            known = broadcast(message.content, self._frozen, self.downlink)
            self._broadcasts.append(known)
        if known.sent is message.content:
            return message
        prepared = copy.copy(message)  # with the same metadata: the engine's id is on both
        prepared.content = known.sent
        return prepared

    def _whole(self, reply: Message) -> Message:
        instruction = self.open_messages().get(reply.metadata.reply_to_message_id)
        if instruction is None or reply.has_error():
            return reply
        if not instruction.metadata.message_type.startswith("train"):
            return reply
        asked = next(b for b in self._broadcasts if b.sent is instruction.content)
        try:
            content, brought = self._restored(asked, reply.content)
        except CodecError as error:
            node = instruction.metadata.dst_node_id
            return rejected(self, instruction, f"client {node}: {error}")
        self._frozen.brought(instruction.metadata.message_id, brought)
        reply.content = content
        return reply

    def _restored(self, asked: Broadcast, came: RecordDict) -> tuple[RecordDict, set[Name]]:
        """The content as a strategy expects it, and which tensors the client changed."""
        content = dict(came.items())
        said = content.pop(SEND_ONLY, None)
        brought: set[Name] = set()
        left_out: dict[Name, Array] = {}
        for key, record in records_of(came, ArrayRecord).items():
            arrays = _decoded_onto(asked.received.get(key, {}), record)
            whole = asked.whole.get(key, {})
            brought |= {(key, name) for name, array in record.items() if whole.get(name) != array}
            missing = {name: array for name, array in whole.items() if name not in arrays}
            left_out |= {(key, name): array for name, array in missing.items()}
            content[key] = ArrayRecord(arrays if said is None else arrays | missing)
        if said is not None:
            expected = {"left-out": len(left_out)}
            if not isinstance(said, ConfigRecord) or dict(said.items()) != expected:
                raise CodecError(f"expected the news {expected}, got {str(said)[:80]}")
            self._frozen.left_out(left_out)
        return RecordDict(content), brought


def _decoded_onto(sent: dict[str, Array], record: ArrayRecord) -> dict[str, Array]:
    """What came, with encoded updates added to the tensors that were sent."""
    arrays = dict(record.items())
    for name, array in arrays.items():
        if is_encoded(array):
            if name not in sent:
                raise CodecError(f"{name}: no such tensor was sent")
            try:
                update = decode(array, "update", sent[name])
            except CodecError as error:
                raise CodecError(f"{name}: {error}") from None
            with np.errstate(over="ignore"):  # infinity is for CheckingGrid to find
                np.add(update, array_view(sent[name]), out=update)
            arrays[name] = array_of(update)
    return arrays
