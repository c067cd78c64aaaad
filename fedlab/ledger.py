"""The ledger: every message of a run, what it weighed, and what became of it."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from fedlab.units import Bytes, Levels

if TYPE_CHECKING:
    import pandas as pd

Direction = Literal["down", "up"]
DIRECTIONS: tuple[Direction, ...] = ("down", "up")
Outcome = Literal["ok", "failed", "rejected"]


@dataclass(frozen=True, slots=True)
class Transfer:
    """One message, one way.

    message_id: the instruction's id; the instruction ("down") and its reply ("up") share it.
    payload, record, message: bytes at each level. outcome: "ok"; "failed" when the client raised,
    answered with no message or did not answer; "rejected" when its reply arrived and was no good.
    """

    message_id: str
    node: int
    round: int
    message_type: str
    direction: Direction
    payload: Bytes
    record: Bytes
    message: Bytes
    outcome: Outcome = "ok"
    reason: str = ""

    @property
    def levels(self) -> Levels:
        """The three byte counts as one value."""
        return Levels(self.payload, self.record, self.message)


class Ledger:
    """What a run moved, message by message. Only the metering layer writes transfers into it.

    >>> ledger = Ledger()
    >>> ledger.add(Transfer("1", 0, 1, "train", "down", Bytes(100), Bytes(250), Bytes(700)))
    >>> ledger.add(Transfer("1", 0, 1, "train", "up", Bytes(100), Bytes(250), Bytes(700)))
    >>> ledger.traffic
    Bytes(200)
    """

    def __init__(self, transfers: Iterable[Transfer] = ()) -> None:
        # In columns, and what messages have in common once: 30 bytes a message beside its id, where
        # an object each takes 400. A server that keeps no update should keep no long book either.
        self._ids: list[str] = []
        self._nodes = array("Q")
        self._commons: list[Transfer] = []
        self._known: dict[Transfer, Transfer] = {}
        for transfer in transfers:
            self.add(transfer)

    def add(self, transfer: Transfer) -> None:
        """Write one transfer. Raises OverflowError for a node's id outside 64 bits."""
        self._nodes.append(transfer.node)
        self._ids.append(transfer.message_id)
        self._commons.append(self._common(transfer))

    @property
    def transfers(self) -> list[Transfer]:
        """Every message, in the order in which they passed."""
        return list(self)

    def __iter__(self) -> Iterator[Transfer]:
        """One by one: a list of them all takes many times the memory of the book."""
        for common, name, node in zip(self._commons, self._ids, self._nodes, strict=True):
            yield replace(common, message_id=name, node=node)

    def reject(self, message_id: str, reason: str) -> None:
        """Mark the newest reply to `message_id` as received and no good. Its bytes stay counted.

        Raises KeyError when no such reply was written.
        """
        for index in reversed(range(len(self._ids))):  # two runs may number messages alike
            common = self._commons[index]
            if self._ids[index] == message_id and common.direction == "up":
                rejected = replace(common, outcome="rejected", reason=reason)
                self._commons[index] = self._common(rejected)
                return
        raise KeyError(f"no reply to message {message_id!r} in this ledger")

    def levels(self, direction: Direction | None = None) -> Levels:
        """Sum of payload, record and message bytes, both ways or one."""
        chosen = (t.levels for t in self._commons if direction in (None, t.direction))
        return sum(chosen, Levels())

    @property
    def downlink(self) -> Bytes:
        """Payload bytes from the server to the clients."""
        return self.levels("down").payload

    @property
    def uplink(self) -> Bytes:
        """Payload bytes from the clients to the server, rejected replies included."""
        return self.levels("up").payload

    @property
    def traffic(self) -> Bytes:
        """Payload bytes both ways: what the formula predicts."""
        return self.downlink + self.uplink

    @property
    def failures(self) -> list[Transfer]:
        """The replies that are not in the mean: failed, unanswered or rejected."""
        return [t for t in self if t.outcome != "ok"]

    def table(self) -> pd.DataFrame:
        """One row a message, in the order in which they passed."""
        import pandas as pd

        rows = [asdict(t) for t in self.transfers]
        columns = list(Transfer.__dataclass_fields__)
        return pd.DataFrame(rows, columns=columns).drop(columns="message_id")

    def per_round(self) -> pd.DataFrame:
        """One row a round: instructions sent, payload bytes each way and together, failures."""
        import pandas as pd

        rows = []
        for number in sorted({t.round for t in self.transfers}):
            part = Ledger(t for t in self.transfers if t.round == number)
            rows.append(
                {
                    "round": number,
                    "instructions": sum(t.direction == "down" for t in part.transfers),
                    "downlink": int(part.downlink),
                    "uplink": int(part.uplink),
                    "traffic": int(part.traffic),
                    "failures": len(part.failures),
                }
            )
        columns = ["round", "instructions", "downlink", "uplink", "traffic", "failures"]
        return pd.DataFrame(rows, columns=columns).set_index("round")

    def to_csv(self, path: str | Path) -> None:
        """Write every transfer, one line each, sizes in bytes."""
        self.table().to_csv(path, index=False)

    def _common(self, transfer: Transfer) -> Transfer:
        """All but who and which: the same object for equal ones."""
        common = replace(transfer, message_id="", node=0)
        return self._known.setdefault(common, common)

    def __repr__(self) -> str:
        return (
            f"Ledger({len(self._ids)} messages, {self.traffic} of payload, "
            f"{len(self.failures)} failures)"
        )
