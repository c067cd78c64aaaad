"""The metering layer: the only writer of traffic into a ledger."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterable
from typing import Any

from flwr.app import Message, RecordDict
from flwr.serverapp import Grid

from fedlab.grids.layer import GridLayer
from fedlab.ledger import Ledger, Transfer
from fedlab.logs import one_line
from fedlab.records import round_of_message, weigh
from fedlab.units import Levels


class _Latest(threading.local):
    """What a thread weighed last.

    Messages of a round trip share their content, however often they are pushed; between round trips
    a strategy may change it.
    """

    weighed: tuple[weakref.ref[RecordDict], Levels] | None = None
    in_round_trip = False


class MeteredGrid(GridLayer):
    """Weighs every message that passes and writes it into a ledger, at three levels of bytes.

    Metering twice weighs once: around a grid that is metered already, this one only adds its ledger
    to those that the inner one writes.
    """

    def __init__(self, grid: Grid, ledger: Ledger) -> None:
        super().__init__(grid)
        self.ledger = ledger
        self._ledgers: list[Ledger] = []
        self._latest = _Latest()
        self._one_at_a_time = threading.Lock()  # to write
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

    def begin(self) -> None:
        """Weigh what is sent once, until the end of the round trip."""
        self._latest.weighed, self._latest.in_round_trip = None, True

    def push_messages(self, messages: Iterable[Message]) -> list[str]:
        """Push, and write what was sent."""
        ids = super().push_messages(messages)
        self._write_sent()
        return ids

    def unanswered(self, messages: list[Message]) -> None:
        """End of the round trip: write what was not answered in time as a failure."""
        self._latest.in_round_trip = False
        for message in messages:
            self._write(message, "up", Levels(), "no reply within the time allowed")

    def never_sent(self, messages: list[Message]) -> None:
        """Write messages that were prepared, and for which no time was left, as failures."""
        for message in messages:
            self._writer._write(message, "up", Levels(), "not asked: the time allowed was over")

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
        for ledger in self._ledgers:
            ledger.reject(message_id, reason)
        super().reject(message_id, reason)

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
        latest = self._latest
        if not latest.in_round_trip:
            latest.weighed = None
        for message in self._own.sent:
            if not message.metadata.message_id:  # its push was refused
                continue
            if latest.weighed is None or latest.weighed[0]() is not message.content:
                latest.weighed = weakref.ref(message.content), weigh(message.content)
            self._write(message, "down", latest.weighed[1])
        self.open_messages()

    def _write(self, instruction: Message, direction: Any, levels: Levels, why: str = "") -> None:
        if self._writer is not self:
            return
        about = instruction.metadata
        number = self._rounds.setdefault(about.message_id, round_of_message(instruction))
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
        with self._one_at_a_time:
            for ledger in self._ledgers:
                ledger.add(transfer)
