"""Layers on the server's side of the message path: thin wrappers around Flower's Grid.

They work with any strategy, and compose: `CheckingGrid(MeteredGrid(grid, ledger))` weighs what
really leaves and arrives, then turns what is no good into a named failure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, TypeVar

import numpy as np
from flwr.app import Array, ArrayRecord, Message, RecordDict
from flwr.app.error import Error
from flwr.proto.node_pb2 import NodeInfo
from flwr.serverapp import Grid
from flwr.supercore.run import Run

from fedlab.guards import one_line
from fedlab.ledger import Ledger, Transfer
from fedlab.records import RecordError, array_view, round_of, schema_of, weigh
from fedlab.units import Levels

Layer = TypeVar("Layer", bound="GridLayer")

_TOO_HEAVY = 2.0**64  # such weights would add up to infinity, and the mean to zeros
REJECTED = 422  # our own error code: the reply arrived and was no good


class GridLayer(Grid):
    """A Grid around a Grid, with two hooks; on its own it changes nothing.

    `outgoing` sees every list of messages before it is pushed, `incoming` every list of replies
    before the strategy does. A layer never changes what an outgoing message holds: all messages of
    a round share one content.
    """

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self._sent: list[Message] = []  # not named by the engine yet
        self._open: dict[str, Message] = {}  # by message id, until answered

    def outgoing(self, messages: list[Message]) -> list[Message]:
        """What to push in place of `messages`."""
        return messages

    def incoming(self, replies: list[Message]) -> list[Message]:
        """What to hand up in place of `replies`."""
        return replies

    def unanswered(self, messages: list[Message]) -> None:
        """What to do about `messages`, to which no reply came within the time allowed."""

    def find(self, kind: type[Layer]) -> Layer | None:
        """The nearest layer of that kind, this one or one below; None when there is none."""
        if isinstance(self, kind):
            return self
        return self.grid.find(kind) if isinstance(self.grid, GridLayer) else None

    def open_messages(self) -> dict[str, Message]:
        """Instructions that were pushed and not answered, by the id that the engine gave them."""
        for message in self._sent:
            if message.metadata.message_id:
                self._open[message.metadata.message_id] = message
        self._sent.clear()
        return self._open

    def push_messages(self, messages: Iterable[Message]) -> list[str]:
        """Push through the layers below; the ids come back in order."""
        messages = self._passed_out(messages)
        return list(self.grid.push_messages(messages))

    def pull_messages(self, message_ids: Iterable[str]) -> list[Message]:
        """Pull through the layers below."""
        return self._passed_in(self.grid.pull_messages(message_ids))

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> list[Message]:
        """Push all, wait for the replies, and hand up a list of them."""
        passed = self._passed_out(messages)
        replies = self._passed_in(self.grid.send_and_receive(passed, timeout=timeout))
        still_open = self.open_messages()
        late = [m for m in passed if still_open.pop(m.metadata.message_id, None) is not None]
        self.unanswered(late)
        return replies

    def _passed_out(self, messages: Iterable[Message]) -> list[Message]:
        passed = self.outgoing(list(messages))
        self._sent += passed
        return passed

    def _passed_in(self, replies: Iterable[Message]) -> list[Message]:
        passed = self.incoming(list(replies))
        for reply in passed:
            self.open_messages().pop(reply.metadata.reply_to_message_id, None)
        return passed

    def set_run(self, run: Run) -> None:
        """Pass on."""
        self.grid.set_run(run)

    @property
    def run(self) -> Run:
        """The run of the grid below."""
        return self.grid.run

    def create_message(
        self,
        content: RecordDict,
        message_type: str,
        dst_node_id: int,
        group_id: str,
        ttl: float | None = None,
    ) -> Message:
        """Pass on."""
        return self.grid.create_message(content, message_type, dst_node_id, group_id, ttl)

    def get_node_ids(self) -> list[int]:
        """The nodes of the grid below."""
        return list(self.grid.get_node_ids())

    def get_nodes(self) -> Iterable[NodeInfo]:
        """The nodes of the grid below."""
        return self.grid.get_nodes()


class MeteredGrid(GridLayer):
    """Weighs every message that passes and writes it into a ledger.

    Metering twice weighs once: around a grid that is metered already, this one only adds its ledger
    to those that the inner one writes.
    """

    def __init__(self, grid: Grid, ledger: Ledger) -> None:
        super().__init__(grid)
        self.ledger = ledger
        self._ledgers: list[Ledger] = []
        self._rounds: dict[str, int] = {}  # by message id: a strategy reuses its config's record
        inner = grid.find(MeteredGrid) if isinstance(grid, GridLayer) else None
        self._writer: MeteredGrid = self if inner is None else inner._writer  # the innermost
        self._joined = all(ledger is not other for other in self._writer._ledgers)
        if self._joined:
            self._writer._ledgers.append(ledger)

    def leave(self) -> None:
        """Write no more into this layer's ledger: the run that it belongs to is over."""
        if self._joined:
            self._writer._ledgers.remove(self.ledger)
            self._joined = False

    def push_messages(self, messages: Iterable[Message]) -> list[str]:
        """Push, and write what was sent."""
        ids = super().push_messages(messages)
        self._write_sent()
        return ids

    def unanswered(self, messages: list[Message]) -> None:
        """Write what was not answered in time as a failure."""
        for message in messages:
            self._write(message, "up", Levels(), "no reply within the time allowed")

    def incoming(self, replies: list[Message]) -> list[Message]:
        """Write every reply with what became of it."""
        self._write_sent()
        for reply in replies:
            instruction = self.open_messages().get(reply.metadata.reply_to_message_id)
            if instruction is None:
                continue
            if reply.has_error():
                why = one_line(reply.error.reason or "") or "no reason given"
                self._write(instruction, "up", Levels(), why)
            elif self._writer is self:
                self._write(instruction, "up", weigh(reply.content))
        return replies

    def reject(self, message_id: str, reason: str) -> None:
        """Mark a reply as no good in every ledger that is being written."""
        for ledger in self._writer._ledgers:
            ledger.reject(message_id, reason)

    def close(self, reason: str) -> None:
        """Write all that is still unanswered as failed for that reason."""
        self._write_sent()
        for message in self.open_messages().values():
            self._write(message, "up", Levels(), reason)
        self.open_messages().clear()

    def _write_sent(self) -> None:
        """Write the instructions that got their id since the last time; shared content once."""
        if self._writer is not self:
            return
        weighed: dict[int, Levels] = {}
        for message in self._sent:
            if not message.metadata.message_id:  # its push was refused
                continue
            key = id(message.content)
            weighed[key] = weighed.get(key) or weigh(message.content)
            self._write(message, "down", weighed[key])
        self.open_messages()

    def _write(self, instruction: Message, direction: Any, levels: Levels, why: str = "") -> None:
        if self._writer is not self:
            return
        about = instruction.metadata
        number = self._rounds.setdefault(about.message_id, round_of(instruction.content))
        if direction == "up":
            del self._rounds[about.message_id]
        transfer = Transfer(
            message_id=about.message_id,
            node=about.dst_node_id,
            round=number,
            message_type=about.message_type,
            direction=direction,
            payload=levels.payload,
            record=levels.record,
            message=levels.message,
            outcome="failed" if why else "ok",
            reason=why,
        )
        for ledger in self._ledgers:
            ledger.add(transfer)


class CheckingGrid(GridLayer):
    """Turns a reply that a strategy could not use into an error reply that names the reason.

    A train reply must hold the tensors that were sent, in their shapes, as finite numbers (another
    float dtype is cast), and one MetricRecord whose `weighted_by` is a number above 0; an evaluate
    reply the latter. Metrics must be the same ones in all replies of a round: the odd ones out are
    rejected. Without this, one such reply ends everybody's run in Flower.
    """

    def __init__(self, grid: Grid, *, weighted_by: str = "num-examples") -> None:
        super().__init__(grid)
        self.weighted_by = weighted_by
        self._integers: dict[str, set[str]] = {}  # FedAvg turns them into floats; both are fine
        self._schemas: dict[tuple[str, int], Any] = {}

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> list[Message]:
        """Push, wait, check: the replies of one call are compared with one another only."""
        self._schemas.clear()
        return super().send_and_receive(messages, timeout=timeout)

    def incoming(self, replies: list[Message]) -> list[Message]:
        """Replace what is no good, in place and in order."""
        asked = [self.open_messages().get(r.metadata.reply_to_message_id) for r in replies]
        checked = [
            reply if instruction is None or reply.has_error() else self._checked(instruction, reply)
            for instruction, reply in zip(asked, replies, strict=True)
        ]
        compared = [
            (instruction, reply)
            for instruction, reply in zip(asked, checked, strict=True)
            if instruction is not None and reply.has_content() and _kind(instruction) != "query"
        ]
        schemas = Counter(
            (_exchange(instruction), schema_of(reply.content.metric_records))
            for instruction, reply in compared
        )
        for (exchange, schema), _ in schemas.most_common():
            self._schemas.setdefault(exchange, schema)
        kept = {id(reply): self._same_metrics(asked_for, reply) for asked_for, reply in compared}
        return [kept.get(id(reply), reply) for reply in checked]

    def _checked(self, instruction: Message, reply: Message) -> Message:
        kind = _kind(instruction)
        try:
            if kind == "train":
                reply.content = self._checked_arrays(instruction.content, reply.content)
            if kind in ("train", "evaluate"):
                self._check_weight(reply.content)
        except RecordError as error:
            return self._rejected(instruction, str(error))
        return reply

    def _checked_arrays(self, asked: RecordDict, got: RecordDict) -> RecordDict:
        if set(got.array_records) != set(asked.array_records):
            raise RecordError(
                f"expected the array records {sorted(asked.array_records)}, "
                f"got {sorted(got.array_records)}"
            )
        cast: dict[str, ArrayRecord] = {}
        for key, record in asked.array_records.items():
            update = got.array_records[key]
            if odd := sorted(record.keys() ^ update.keys()):
                raise RecordError(f"{key}: missing or unexpected tensors {', '.join(odd[:3])}")
            for name, array in record.items():
                if array.dtype.startswith(("int", "uint", "bool")):
                    self._integers.setdefault(name, set()).add(array.dtype)
            arrays = {  # in the order that was sent: Bulyan goes by position
                name: self._checked_array(name, record[name], update[name]) for name in record
            }
            if list(update) != list(arrays) or any(arrays[n] is not update[n] for n in arrays):
                cast[key] = ArrayRecord(arrays)
        return RecordDict({k: cast.get(k, v) for k, v in got.items()}) if cast else got

    def _checked_array(self, name: str, sent: Array, came: Array) -> Array:
        try:
            numbers = array_view(came)
        except RecordError as error:
            raise RecordError(f"{name}: {error}") from None
        if numbers.shape != tuple(sent.shape):
            raise RecordError(f"{name}: expected shape {tuple(sent.shape)}, got {numbers.shape}")
        _check_finite(name, numbers)
        if came.dtype == sent.dtype or came.dtype in self._integers.get(name, ()):
            return came
        if not (numbers.dtype.kind == "f" and np.dtype(sent.dtype).kind == "f"):
            raise RecordError(f"{name}: expected {sent.dtype}, got {came.dtype}")
        with np.errstate(over="ignore"):
            fitted = numbers.astype(sent.dtype)
        _check_finite(f"{name} as {sent.dtype}", fitted)
        return Array(fitted)

    def _check_weight(self, content: RecordDict) -> None:
        if len(content.metric_records) != 1:
            raise RecordError(f"expected one MetricRecord, got {len(content.metric_records)}")
        (record,) = content.metric_records.values()
        weight = record.get(self.weighted_by)
        if not (isinstance(weight, (int, float)) and 0 < weight < _TOO_HEAVY):
            raise RecordError(
                f"expected a finite weight above 0 under {self.weighted_by!r} in its metrics, "
                f"got {'none' if weight is None else repr(weight)}"
            )

    def _same_metrics(self, instruction: Message, reply: Message) -> Message:
        expected = self._schemas[_exchange(instruction)]
        schema = schema_of(reply.content.metric_records)
        if schema == expected:
            return reply
        odd = ", ".join(sorted(key for _, key, _ in expected ^ schema))
        return self._rejected(instruction, f"metrics differ from the other replies': {odd}")

    def _rejected(self, instruction: Message, reason: str) -> Message:
        reason = one_line(reason)
        if (metered := self.find(MeteredGrid)) is not None:
            metered.reject(instruction.metadata.message_id, reason)
        return Message(Error(REJECTED, reason), reply_to=instruction)


def _kind(instruction: Message) -> str:
    """train, evaluate or query."""
    return instruction.metadata.message_type.partition(".")[0]


def _exchange(instruction: Message) -> tuple[str, int]:
    """What a reply's metrics are compared within."""
    return instruction.metadata.message_type, round_of(instruction.content)


def _check_finite(name: str, numbers: np.ndarray[Any, Any]) -> None:
    if numbers.dtype.kind in "fc" and not (finite := np.isfinite(numbers)).all():
        count = numbers.size - int(finite.sum())
        raise RecordError(f"{name}: {count} of {numbers.size} values are NaN or infinite")
