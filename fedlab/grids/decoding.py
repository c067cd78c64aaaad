"""The decoding layer: what mods made smaller on the clients is whole again for the strategy."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, RecordDict
from flwr.serverapp import Grid

from fedlab.codecs import Codec, CodecError, parse
from fedlab.codecs.arrays import decode, encodable, encode, is_encoded
from fedlab.grids.layer import GridLayer
from fedlab.grids.rejecting import rejected
from fedlab.mods.sending import SEND_ONLY
from fedlab.records import array_of, array_view, records_of

Arrays: TypeAlias = dict[str, Array]


class DecodingGrid(GridLayer):
    """Makes whole what `compress` and `send_only` sent, for any strategy.

    An encoded update is decoded and added to the tensor that was sent. A tensor that `send_only`
    left out is the server's own, and stays bit for bit what it was in the first round, where
    averaging it would round it. A reply whose bytes are not what they should be becomes an error
    reply that names the client, the tensor, what was expected and what came.

    downlink: a codec, or its text, for what the server sends; the clients' `compress` decodes it.
    Weights go down, not differences, so it must be one that leaves no value out. Below this layer
    lies MeteredGrid, which weighs what really travels.

    Raises CodecError for a downlink that leaves values out, or a text that names no codec.
    """

    def __init__(self, grid: Grid, *, downlink: Codec | str | None = None) -> None:
        super().__init__(grid)
        self.downlink = parse(downlink) if isinstance(downlink, str) else downlink
        if self.downlink is not None and self.downlink.sparse:
            raise CodecError(
                f"expected a codec that keeps all weights, such as float16 or int8; "
                f"{self.downlink} would zero most of the model on its way to the clients"
            )
        self._broadcasts: list[_Broadcast] = []  # those that may still be answered
        self._frozen: dict[tuple[str, str], Array] = {}  # never sent back, as they first were
        self._trained: set[tuple[str, str]] = set()  # sent back by a client, and not rejected
        self._sent_back: dict[str, set[tuple[str, str]]] = {}  # the latest, by message id

    def outgoing(self, messages: list[Message]) -> list[Message]:
        """Put back the frozen tensors, and encode the rest when that is asked for."""
        self._forget()
        return [self._prepared(message) for message in messages]

    def incoming(self, replies: list[Message]) -> list[Message]:
        """Make each reply to a train message whole."""
        self._settle()
        return [self._whole(reply) for reply in replies]

    def reject(self, message_id: str, reason: str) -> None:
        """A reply that is no good has trained nothing."""
        self._sent_back.pop(message_id, None)
        super().reject(message_id, reason)

    def unanswered(self, messages: list[Message]) -> None:
        """End of the round trip: nothing more is added to what it sent."""
        self._forget()

    def put_back(self, key: str, record: ArrayRecord) -> ArrayRecord:
        """The record with its frozen tensors as they were before anybody averaged them."""
        arrays = self._with_frozen(key, record)
        changed = any(arrays[name] is not array for name, array in record.items())
        return ArrayRecord(arrays) if changed else record

    def _with_frozen(self, key: str, record: ArrayRecord) -> Arrays:
        self._settle()
        frozen = self._frozen.keys() - self._trained
        return {
            name: self._frozen[key, name] if (key, name) in frozen else array
            for name, array in record.items()
        }

    def _settle(self) -> None:
        """What came earlier, and was not rejected since, has trained what it brought."""
        self._trained.update(*self._sent_back.values())
        self._sent_back.clear()

    def _forget(self) -> None:
        """Let go of broadcasts that no reply can refer to any more."""
        asked = {id(message.content) for message in self.open_messages().values()}
        self._broadcasts = [b for b in self._broadcasts if id(b.sent) in asked]

    def _prepared(self, message: Message) -> Message:
        broadcast = next((b for b in self._broadcasts if b.is_of(message.content)), None)
        if broadcast is None:
            broadcast = self._broadcast(message.content)
            self._broadcasts.append(broadcast)
        if broadcast.sent is message.content:
            return message
        prepared = copy.copy(message)  # with the same metadata: the engine's id is on both
        prepared.content = broadcast.sent
        return prepared

    def _broadcast(self, content: RecordDict) -> _Broadcast:
        records = records_of(content, ArrayRecord)
        whole = {key: self._with_frozen(key, record) for key, record in records.items()}
        travels = whole
        if (codec := self.downlink) is not None:
            travels = {key: _encoded(codec, arrays) for key, arrays in whole.items()}
        made = _snapshot(content)
        changed = {key: ArrayRecord(travels[key]) for key in made if travels[key] != made[key]}
        return _Broadcast(
            original=content,
            made=made,
            sent=RecordDict(dict(content.items()) | changed) if changed else content,
            whole=whole,
            received=travels if self.downlink is None else _all_decoded(travels),
        )

    def _whole(self, reply: Message) -> Message:
        instruction = self.open_messages().get(reply.metadata.reply_to_message_id)
        if instruction is None or reply.has_error():
            return reply
        if not instruction.metadata.message_type.startswith("train"):
            return reply
        broadcast = next(b for b in self._broadcasts if b.sent is instruction.content)
        try:
            restored = self._restored(broadcast, reply.content)
        except CodecError as error:
            node = instruction.metadata.dst_node_id
            return rejected(self, instruction, f"client {node}: {error}")
        self._sent_back[instruction.metadata.message_id] = {
            (key, name)
            for key, record in records_of(reply.content, ArrayRecord).items()
            for name, array in record.items()
            if broadcast.whole.get(key, {}).get(name) != array
        }
        reply.content = restored
        return reply

    def _restored(self, broadcast: _Broadcast, came: RecordDict) -> RecordDict:
        content = dict(came.items())
        said = content.pop(SEND_ONLY, None)
        left_out: dict[tuple[str, str], Array] = {}
        for key, record in records_of(came, ArrayRecord).items():
            arrays = _decoded_onto(broadcast.received.get(key, {}), record)
            whole = broadcast.whole.get(key, {})
            missing = {name: whole[name] for name in whole.keys() - arrays.keys()}
            left_out |= {(key, name): array for name, array in missing.items()}
            if said is not None:
                arrays |= missing
            content[key] = ArrayRecord(arrays)
        if said is not None:
            expected = {"left-out": len(left_out)}
            if not isinstance(said, ConfigRecord) or dict(said.items()) != expected:
                raise CodecError(f"expected the news {expected}, got {str(said)[:80]}")
            self._frozen = left_out | self._frozen
        return RecordDict(content)


@dataclass(frozen=True)
class _Broadcast:
    """One content that goes to many clients. Arrays by record and name."""

    original: RecordDict
    made: dict[str, Arrays]  # what the strategy had put into it
    sent: RecordDict  # what travels
    whole: dict[str, Arrays]  # frozen tensors put back
    received: dict[str, Arrays]  # what clients make of it: their updates are added to these

    def is_of(self, content: RecordDict) -> bool:
        """Whether it was made of this content, which a strategy may have changed since."""
        return self.original is content and self.made == _snapshot(content)


def _snapshot(content: RecordDict) -> dict[str, Arrays]:
    return {key: dict(record) for key, record in records_of(content, ArrayRecord).items()}


def _encoded(codec: Codec, arrays: Arrays) -> Arrays:
    return {
        name: encode(codec, array_view(array), "weights") if encodable(array) else array
        for name, array in arrays.items()
    }


def _all_decoded(records: dict[str, Arrays]) -> dict[str, Arrays]:
    return {
        key: {
            name: array_of(decode(array, "weights", array)) if is_encoded(array) else array
            for name, array in arrays.items()
        }
        for key, arrays in records.items()
    }


def _decoded_onto(sent: Arrays, record: ArrayRecord) -> Arrays:
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
