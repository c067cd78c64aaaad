"""What a deployed run leaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedlab.engines.deployment.book import RoundTrip
from fedlab.ledger import Ledger
from fedlab.meters import Exchanges
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
    and the SuperLink's during the run; None where it could not be measured. log: Flower's lines.
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

    def bill(self) -> pd.DataFrame:
        """One row a hop, round and direction: requests, bytes on the wire, and what they carried.

        Round 0 is what passed before the first round: the app itself, polling. payload and message
        are the ledger's for that node; on the hop "server" nothing is filled in, since there a
        broadcast travels once for all nodes.
        """
        import pandas as pd

        rows = []
        for number, part in self._rounds():
            for hop in self.wire.hops:
                passed = part.select(hop=hop)
                for direction in ("down", "up"):
                    carried = Ledger(
                        t
                        for t in self.ledger
                        if t.round == number
                        and t.direction == direction
                        and self.nodes.get(t.node) == hop
                    ).levels()
                    rows.append(
                        {
                            "round": number,
                            "hop": hop,
                            "direction": direction,
                            "requests": len(passed),
                            "payload": int(carried.payload),
                            "message": int(carried.message),
                            "wire": int(getattr(passed, direction)),
                        }
                    )
        columns = ["round", "hop", "direction", "requests", "payload", "message", "wire"]
        return pd.DataFrame(rows, columns=columns).set_index(columns[:3])

    def _rounds(self) -> list[tuple[int, Exchanges]]:
        """The wire before the first round, then of each round, its evaluation included."""
        numbers = sorted({trip.round for trip in self.trips})
        begins = [min(t.began for t in self.trips if t.round == n) for n in numbers]
        edges = [None, *begins, None]
        return [
            (number, self.wire.select(since=since, until=until))
            for number, since, until in zip([0, *numbers], edges, edges[1:], strict=False)
        ]
