"""The bill of a deployed run, hop by hop, and its sums."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fedlab.ledger import DIRECTIONS, Direction
from fedlab.meters.exchanges import SERVER
from fedlab.units import Bytes, Levels

if TYPE_CHECKING:
    from fedlab.engines import DeployResult


@dataclass(frozen=True)
class Row:
    """A line of the bill: what one hop carried one way.

    round: 0 before the first one; None for the sum of all. What cannot be said is None: payload and
    message on the hop "server", where a broadcast travels once for all nodes; requests and wire on
    a federation that was joined.
    """

    round: int | None
    hop: str
    direction: Direction
    requests: int | None
    payload: Bytes | None
    message: Bytes | None
    wire: Bytes | None


def bill(result: DeployResult) -> list[Row]:
    """A row a round, hop and direction."""
    rows = _of_the_wire(result) if len(result.wire) else _of_the_ledger(result)
    return sorted(rows, key=lambda r: (r.round, r.hop != SERVER, len(r.hop), r.hop))


def totals(rows: list[Row]) -> list[Row]:
    """The same over all rounds: the ServerApp's hop, and all nodes' together."""
    sums = []
    for hop in (SERVER, "all nodes"):
        for direction in DIRECTIONS:
            part = [
                row
                for row in rows
                if row.direction == direction and (row.hop == SERVER) == (hop == SERVER)
            ]
            if part:
                columns = ("requests", "payload", "message", "wire")
                sizes = (total(getattr(row, name) for row in part) for name in columns)
                sums.append(Row(None, hop, direction, *sizes))
    return sums


def total(numbers: Iterable[Any]) -> Any:
    """The sum of what is known; None where nothing is.

    >>> total([Bytes(1), None, Bytes(2)])
    Bytes(3)
    """
    known = [number for number in numbers if number is not None]
    return sum(known[1:], known[0]) if known else None


def hop_of(node: int, result: DeployResult) -> str:
    """A node by the name of its hop; by its id where its hop is out of sight."""
    return result.nodes.get(node, f"node {node}")


def _of_the_wire(result: DeployResult) -> list[Row]:
    rows = []
    for key, requests, payload, message, wire in result.bill().itertuples(name=None):
        number, hop, direction = key
        carried = None if hop == SERVER else Bytes(payload)
        sent = None if hop == SERVER else Bytes(message)
        rows.append(Row(number, hop, direction, requests, carried, sent, Bytes(wire)))
    return rows


def _of_the_ledger(result: DeployResult) -> list[Row]:
    """Of a federation that was joined: what its messages carried."""
    sums: dict[tuple[int, str, Direction], Levels] = {}
    for transfer in result.ledger:
        key = transfer.round, hop_of(transfer.node, result), transfer.direction
        sums[key] = sums.get(key, Levels()) + transfer.levels
    return [Row(*key, None, levels.payload, levels.message, None) for key, levels in sums.items()]
