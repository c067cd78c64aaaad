"""What a deployed run leaves."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedlab.engines.deployment.book import RoundTrip
from fedlab.ledger import DIRECTIONS, Ledger
from fedlab.meters import Exchange, Exchanges
from fedlab.units import Bytes

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class DeployResult:
    """The bill of a run on a real federation.

    ledger: every message, as the ServerApp's process weighed it. wire: every request on each
    metered hop while the run lasted; empty for a federation that was joined. trips: its rounds in
    time. nodes: the hop of each SuperNode, by the node id that is in the ledger. inbound, outbound:
    what Flower itself counted between the SuperNodes and the SuperLink. server_peak, link_peak: by
    how much the private memory of the ServerApp's process grew at most since its first round began,
    and the SuperLink's since the federation was ready; None where it could not be measured.
    log: Flower's, line by line.
    """

    ledger: Ledger
    wire: Exchanges
    trips: tuple[RoundTrip, ...]
    nodes: dict[int, str]
    inbound: Bytes
    outbound: Bytes
    server_peak: Bytes | None
    link_peak: Bytes | None
    seconds: float
    log: tuple[str, ...]

    def trip_of(self, exchange: Exchange) -> RoundTrip | None:
        """The round trip during which it began; None before the first one."""
        index = bisect_right(self.trips, exchange.started, key=lambda trip: trip.began)
        return self.trips[index - 1] if index else None

    def in_round(self, number: int) -> Exchanges:
        """What passed every hop in that round; in round 0, before the first one."""
        return Exchanges(e for e in self.wire if self._round_of(e) == number)

    def bill(self) -> pd.DataFrame:
        """One row a hop, round and direction: requests, bytes on the wire, and what they carried.

        Round 0 is what passed before the first round: the app itself, polling; and all of it for an
        app that does not say its rounds. payload and message are the ledger's for that node; on the
        hop "server" nothing is filled in, since there a broadcast travels once for all nodes.
        """
        import pandas as pd

        numbers = sorted({0, *(trip.round for trip in self.trips)})
        columns = ["requests", "payload", "message", "wire"]
        rows = {
            (number, hop, direction): dict.fromkeys(columns, 0)
            for number in numbers
            for hop in self.wire.hops
            for direction in DIRECTIONS
        }
        for exchange in self.wire:
            for direction in DIRECTIONS:
                row = rows[self._round_of(exchange), exchange.hop, direction]
                row["requests"] += 1
                row["wire"] += getattr(exchange, direction)
        for transfer in self.ledger:
            hop = self.nodes.get(transfer.node, "")
            if carried := rows.get((transfer.round, hop, transfer.direction)):
                carried["payload"] += transfer.payload
                carried["message"] += transfer.message
        index = pd.MultiIndex.from_tuples(rows, names=["round", "hop", "direction"])
        return pd.DataFrame(rows.values(), columns=columns, index=index, dtype="int64")

    def _round_of(self, exchange: Exchange) -> int:
        trip = self.trip_of(exchange)
        return 0 if trip is None else trip.round
