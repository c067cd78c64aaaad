"""The ledger's way out of the ServerApp's process: one JSON object a line, as the run goes::

    {"time": 1.5, "round": 1, "kind": "train"}      a round trip begins
    {"time": 1.6, "transfer": {"message_id": …}}    the ledger's entries, in their order
    {"time": 1.7, "rejected": "…", "reason": "…"}
    {"time": 1.9, "end": "", "peak": 1234}          the ServerApp is done; or what it raised

Times are seconds since the epoch. Lines go to a file where there is one for both sides, otherwise
into Flower's log, which comes back from any federation, each behind a mark.
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, get_args

from fedlab.engines.deployment.error import DeploymentError
from fedlab.ledger import DIRECTIONS, Ledger, Outcome, Transfer
from fedlab.units import Bytes

MARK = "fedlab-ledger "  # before each line in a log


def entry_in(line: str) -> str:
    """The entry in a line of Flower's log, "" where there is none.

    It need not stand at the beginning: what an app printed last may have had no line's end.
    """
    return line.partition(MARK)[2]


class WrittenLedger(Ledger):
    """A ledger that also writes down each entry as it is made."""

    def __init__(self, write: Callable[[str], object]) -> None:
        super().__init__()
        self._write = write
        self._one_at_a_time = threading.Lock()

    def add(self, transfer: Transfer) -> None:
        """Write one transfer."""
        super().add(transfer)
        self.note(transfer=asdict(transfer))

    def reject(self, message_id: str, reason: str) -> None:
        """Mark a reply as no good."""
        super().reject(message_id, reason)
        self.note(rejected=message_id, reason=reason)

    def note(self, **what: Any) -> None:
        """Write a line of any kind, with its time."""
        with self._one_at_a_time:
            self._write(json.dumps({"time": time.time(), **what}) + "\n")


@dataclass(frozen=True)
class RoundTrip:
    """A round's training or evaluation: from its first message to the next round trip's."""

    round: int
    kind: str
    began: float
    ended: float


@dataclass
class Book:
    """What was read. finished: None while the end is missing; else what the app raised, or ""."""

    ledger: Ledger = field(default_factory=Ledger)
    trips: list[RoundTrip] = field(default_factory=list)
    finished: str | None = None
    peak: Bytes | None = None


def read_book(lines: Iterable[str]) -> Book:
    """Read the lines, which come from outside. Raises DeploymentError for one that is no entry."""
    book = Book()
    begun: list[tuple[int, str, float]] = []
    latest = 0.0
    for number, line in enumerate(lines, start=1):
        try:
            entry = json.loads(line)
            latest = _finite(entry["time"])
            if "round" in entry:
                begun.append((_whole(entry["round"]), str(entry["kind"]), latest))
            elif "transfer" in entry:
                book.ledger.add(_transfer(entry["transfer"]))
            elif "rejected" in entry:
                book.ledger.reject(str(entry["rejected"]), str(entry["reason"]))
            else:
                book.finished = str(entry["end"])
                book.peak = None if entry["peak"] is None else Bytes(_whole(entry["peak"]))
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
            raise DeploymentError(
                f"line {number} of the ledger that came back is no entry of one "
                f"({type(error).__name__}): {line.strip()[:80]!r}"
            ) from None
    ends = [began for _, _, began in begun[1:]] + [latest]
    book.trips += [RoundTrip(*trip, end) for trip, end in zip(begun, ends, strict=False)]
    return book


def _finite(value: Any) -> float:
    if not math.isfinite(value):
        raise ValueError
    return float(value)


def _whole(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError
    return value


def _transfer(entry: dict[str, Any]) -> Transfer:
    if set(entry) != set(Transfer.__dataclass_fields__):
        raise ValueError
    for name in ("node", "round"):
        _whole(entry[name])
    if entry["direction"] not in DIRECTIONS or entry["outcome"] not in get_args(Outcome):
        raise ValueError
    sizes = {name: Bytes(_whole(entry[name])) for name in ("payload", "record", "message")}
    texts = {name: str(entry[name]) for name in ("message_id", "message_type", "reason")}
    return Transfer(**(entry | sizes | texts))
