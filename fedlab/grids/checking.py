"""The checking layer: a bad reply becomes a failure with a name, whatever the strategy."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from flwr.app import Array, ArrayRecord, Message, MetricRecord, RecordDict
from flwr.serverapp import Grid

from fedlab.grids.layer import GridLayer
from fedlab.grids.rejecting import rejected
from fedlab.records import RecordError, array_view, records_of, round_of, schema_of

_TOO_HEAVY = 2.0**64  # such weights would add up to infinity, and the mean to zeros


class CheckingGrid(GridLayer):
    """Turns a reply that a strategy could not use into an error reply that names the reason.

    A train reply must hold the tensors that were sent, in their shapes, as finite numbers (another
    float dtype is cast), and one MetricRecord whose `weighted_by` is a number above 0; an evaluate
    reply the latter. Metrics must be the same ones in all replies of a round: those unlike most
    that came so far are rejected. Without this, one such reply ends everybody's run in Flower.
    """

    def __init__(self, grid: Grid, *, weighted_by: str = "num-examples") -> None:
        super().__init__(grid)
        self.weighted_by = weighted_by
        self._integers: dict[str, set[str]] = {}  # FedAvg turns them into floats; both are fine
        self._schemas: dict[tuple[str, int], Counter[Any]] = {}

    def begin(self) -> None:
        """The replies of one round trip are compared with one another only."""
        self._schemas.clear()

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
        for instruction, reply in compared:
            seen = self._schemas.setdefault(_exchange(instruction), Counter())
            seen[schema_of(records_of(reply.content, MetricRecord))] += 1
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
            return rejected(self, instruction, str(error))
        return reply

    def _checked_arrays(self, asked: RecordDict, got: RecordDict) -> RecordDict:
        sent, came = records_of(asked, ArrayRecord), records_of(got, ArrayRecord)
        if set(came) != set(sent):
            raise RecordError(f"expected the array records {sorted(sent)}, got {sorted(came)}")
        cast: dict[str, ArrayRecord] = {}
        for key, record in sent.items():
            update = came[key]
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
        records = records_of(content, MetricRecord)
        if len(records) != 1:
            raise RecordError(f"expected one MetricRecord, got {len(records)}")
        (record,) = records.values()
        weight = record.get(self.weighted_by)
        if not (isinstance(weight, (int, float)) and 0 < weight < _TOO_HEAVY):
            raise RecordError(
                f"expected a finite weight above 0 under {self.weighted_by!r} in its metrics, "
                f"got {'none' if weight is None else repr(weight)}"
            )

    def _same_metrics(self, instruction: Message, reply: Message) -> Message:
        ((expected, _),) = self._schemas[_exchange(instruction)].most_common(1)
        schema = schema_of(records_of(reply.content, MetricRecord))
        if schema == expected:
            return reply
        odd = ", ".join(sorted(key for _, key, _ in expected ^ schema))
        return rejected(self, instruction, f"metrics differ from the other replies': {odd}")


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
