"""What measuring an app found: the bill, the formula beside it, and why they differ."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from fedlab.bandwidth import FederatedRun
from fedlab.ledger import DIRECTIONS, Direction, Transfer
from fedlab.measure.bill import Row, bill, hop_of, total, totals
from fedlab.meters.exchanges import SERVER
from fedlab.units import NOTHING, Bytes

if TYPE_CHECKING:
    from fedlab.engines import DeployResult

_USES = {"train": "training", "evaluate": "evaluation"}  # by what Flower calls such messages
_REST = ("all else",)


@dataclass(frozen=True)
class Compared:
    """The formula beside the measurement, for one use of messages: bytes.

    wire: on the hops of all nodes; None on a federation that was joined.
    """

    what: str
    predicted: Bytes
    payload: Bytes
    wire: Bytes | None


@dataclass(frozen=True)
class MeasureReport:
    """What measuring an app found.

    app: its directory's name. nodes: the SuperNodes. rounds: what the app was to run. result: what
    the run left. `measure` makes it.
    """

    app: str
    nodes: int
    rounds: int
    result: DeployResult

    @property
    def formula(self) -> FederatedRun:
        """Training, predicted from the size of the parameters that the app broadcast first."""
        sent = (t.payload for t in self.result.ledger if is_of(t, "train", "down"))
        return FederatedRun(next(sent, NOTHING), cohort=self.nodes, rounds=self.rounds)

    @property
    def evaluation(self) -> FederatedRun | None:
        """The same model down once more each round, no update up; None for an app without it."""
        if not any(is_of(t, "evaluate", "down") for t in self.result.ledger):
            return None
        return FederatedRun(self.formula.outgoing, 0, cohort=self.nodes, rounds=self.rounds)

    @property
    def failures(self) -> list[Transfer]:
        """The replies that did not come, or came without content."""
        return self.result.ledger.failures

    def rows(self) -> list[Row]:
        """The bill: a row a round, hop and direction."""
        return bill(self.result)

    def totals(self) -> list[Row]:
        """The same over all rounds: the ServerApp's hop, and all nodes' together."""
        return totals(self.rows())

    def compared(self) -> list[Compared]:
        """What the formula says beside what was measured, for each use of messages, then in all.

        The wire's bytes are told apart by time: to training belongs what began between a train
        message and the next one of another use, questions for new messages included.
        """
        predicted: dict[tuple[str, ...], Bytes] = {
            ("training", "down"): self.formula.downlink,
            ("training", "up"): self.formula.uplink,
        }
        if self.evaluation is not None:
            predicted["evaluation", "down"] = self.evaluation.downlink
            predicted["evaluation", "up"] = self.evaluation.uplink
        predicted[_REST] = NOTHING
        payload, wire = dict.fromkeys(predicted, NOTHING), dict.fromkeys(predicted, NOTHING)
        for transfer in self.result.ledger:
            use = _use(transfer.message_type), str(transfer.direction)
            payload[use if use in payload else _REST] += transfer.payload
        for exchange in self.result.wire:
            if exchange.hop != SERVER:
                trip = self.result.trip_of(exchange)
                for direction in DIRECTIONS:
                    use = "" if trip is None else _use(trip.kind), str(direction)
                    wire[use if use in wire else _REST] += getattr(exchange, direction)
        seen = len(self.result.wire) > 0
        lines = [
            Compared(", ".join(use), predicted[use], payload[use], wire[use] if seen else None)
            for use in predicted
        ]
        columns = ("predicted", "payload", "wire")
        return [
            *lines,
            Compared("in all", *(total([getattr(x, n) for x in lines]) for n in columns)),
        ]

    def notes(self) -> list[str]:
        """Why the measurement is another than the formula, as far as the ledger shows it."""
        model, expected = self.formula.outgoing, self.nodes * self.rounds
        if not model:
            return ["no train message carried numbers: the formula has nothing to start from"]
        ledger, notes = list(self.result.ledger), []
        for kind, use in _USES.items():
            sent = [t.payload for t in ledger if is_of(t, kind, "down")]
            if sent and len(sent) != expected:
                notes.append(
                    f"messages for {use}: {len(sent)} were sent, {self.nodes} nodes x "
                    f"{self.rounds} rounds are {expected}"
                )
            if any(size != model for size in sent):
                notes.append(f"broadcasts for {use} carry {_range(sent)}, the first {model:,} B")
        updates = [t.payload for t in ledger if is_of(t, "train", "up") and t.outcome == "ok"]
        if any(size != model for size in updates):
            notes.append(
                f"updates carry {_range(updates)}, the broadcast {model:,} B: they are compressed, "
                "or hold other tensors"
            )
        if self.failures:
            replies = sum(t.direction == "up" for t in ledger)
            failed = len(self.failures)
            notes.append(f"replies that failed and brought nothing: {failed} of {replies}")
        if any(line.wire is not None and line.wire < line.payload for line in self.compared()):
            notes.append(
                "less passed on the wire than the messages hold: what the SuperLink has already, "
                "such as an update equal to another one, is not sent to it again"
            )
        return notes

    def as_json(self) -> dict[str, Any]:
        """The same for a script: whole numbers of bytes, and None where nothing can be said.

        app, nodes, rounds. model_bytes: the first broadcast's payload. bill: `rows`, then `totals`
        with None for the round. formula: `compared`, and what is measured minus what is predicted.
        flower_inbound_bytes, flower_outbound_bytes: what Flower itself counted from the SuperNodes
        and to them. notes. failures: hop, round, message_type, outcome, reason. seconds: a decimal
        number, the only one.
        """
        return {
            "app": self.app,
            "nodes": self.nodes,
            "rounds": self.rounds,
            "model_bytes": int(self.formula.outgoing),
            "bill": [_plain(row) for row in (*self.rows(), *self.totals())],
            "formula": [
                _plain(line)
                | {
                    "payload_difference": int(line.payload - line.predicted),
                    "wire_difference": None
                    if line.wire is None
                    else int(line.wire - line.predicted),
                }
                for line in self.compared()
            ],
            "flower_inbound_bytes": int(self.result.inbound),
            "flower_outbound_bytes": int(self.result.outbound),
            "notes": self.notes(),
            "failures": [
                {
                    "hop": hop_of(failure.node, self.result),
                    "round": failure.round,
                    "message_type": failure.message_type,
                    "outcome": failure.outcome,
                    "reason": failure.reason,
                }
                for failure in self.failures
            ],
            "seconds": self.result.seconds,
        }


def is_of(transfer: Transfer, kind: str, direction: Direction) -> bool:
    """Whether it is a message of Flower's kind "train" or "evaluate", that way."""
    return transfer.direction == direction and _use(transfer.message_type) == _USES[kind]


def _use(message_type: str) -> str:
    """What a message is for; an app may name its functions, as in "train.head".

    >>> _use("train.head"), _use("evaluate"), _use("query")
    ('training', 'evaluation', '')
    """
    return _USES.get(message_type.partition(".")[0], "")


def _range(sizes: list[Bytes]) -> str:
    least, most = min(sizes), max(sizes)
    return f"{least:,} B" if least == most else f"{least:,} to {most:,} B"


def _plain(line: Any) -> dict[str, Any]:
    """A line's fields, its bytes as plain numbers."""
    return {
        name: int(value) if isinstance(value, Bytes) else value
        for name, value in asdict(line).items()
    }
