"""The bandwidth formula: (outgoing + incoming) x cohort x fraction x rounds.

Source: the bandwidth lesson. Its simplified form, 2 x size x cohort x fraction x rounds, is this
one with incoming equal to outgoing.
"""

from __future__ import annotations

import math
from numbers import Real

from fedlab.units import Bytes, whole_bytes, whole_number


class FederatedRun:
    """What a federated run moves, predicted from sizes and counts alone.

    outgoing: bytes the server sends to one client in one round. incoming: bytes one client sends
    back (default: as much as it got). cohort: clients there are. fraction: share of them selected
    in a round, in (0, 1]. rounds: how many. min_clients: at least so many are selected, as Flower's
    `min_train_nodes` does.

    Raises ValueError when a count is below 1, a size is negative or not whole, the fraction is
    outside (0, 1], or the fraction selects nobody and no minimum is given.

    >>> run = FederatedRun(56_270_848, cohort=2)
    >>> run.clients_per_round, run.traffic
    (2, Bytes(225083392))
    >>> FederatedRun(100, cohort=100, fraction=0.29).clients_per_round  # int(), as Flower does
    28
    """

    def __init__(
        self,
        outgoing: int,
        incoming: int | None = None,
        *,
        cohort: int,
        fraction: float = 1.0,
        rounds: int = 1,
        min_clients: int | None = None,
    ) -> None:
        self.outgoing = whole_bytes(outgoing, "outgoing")
        self.incoming = self.outgoing if incoming is None else whole_bytes(incoming, "incoming")
        self.cohort = whole_number(cohort, "cohort")
        self.rounds = whole_number(rounds, "rounds")
        self.min_clients = None if min_clients is None else whole_number(min_clients, "min_clients")
        if not (isinstance(fraction, Real) and 0 < fraction <= 1):
            raise ValueError(f"fraction: expected a share in (0, 1], got {fraction!r}")
        self.fraction: float = float(fraction)
        if self.min_clients is not None and self.min_clients > self.cohort:
            raise ValueError(
                f"min_clients: expected at most the cohort of {self.cohort}, got {min_clients}; "
                "Flower would wait for ever for the missing clients"
            )
        if self.clients_per_round == 0:
            raise ValueError(
                f"a fraction of {fraction} selects no client of {self.cohort}: "
                f"int({self.cohort} x {fraction}) is 0; raise the fraction or give min_clients"
            )

    @property
    def clients_per_round(self) -> int:
        """max(int(cohort x fraction), min_clients): how Flower's FedAvg selects."""
        return max(int(self.cohort * self.fraction), self.min_clients or 0)

    @property
    def downlink(self) -> Bytes:
        """Server to clients, all rounds: outgoing x clients per round x rounds."""
        return self.outgoing * self.clients_per_round * self.rounds

    @property
    def uplink(self) -> Bytes:
        """Clients to server, all rounds: incoming x clients per round x rounds."""
        return self.incoming * self.clients_per_round * self.rounds

    @property
    def per_round(self) -> Bytes:
        """Both directions, one round."""
        return (self.outgoing + self.incoming) * self.clients_per_round

    @property
    def traffic(self) -> Bytes:
        """Both directions, all rounds: the formula itself."""
        return self.per_round * self.rounds

    def seconds(self, link_bits_per_second: float) -> float:
        """How long the whole traffic takes through one link of that rate: the server's.

        Raises ValueError for a rate that is not a finite number above 0.

        >>> FederatedRun(56_270_848, cohort=2).seconds(1e9)
        1.800667136
        """
        return self.traffic * 8 / _rate(link_bits_per_second)

    def upload_seconds(self, link_bits_per_second: float) -> float:
        """How long one selected client's link is busy uploading in one round.

        Raises ValueError as `seconds` does.
        """
        return self.incoming * 8 / _rate(link_bits_per_second)

    def __repr__(self) -> str:
        return (
            f"FederatedRun(outgoing={int(self.outgoing)}, incoming={int(self.incoming)}, "
            f"cohort={self.cohort}, fraction={self.fraction}, rounds={self.rounds}, "
            f"min_clients={self.min_clients})"
        )


def _rate(bits_per_second: float) -> float:
    if not (math.isfinite(bits_per_second) and bits_per_second > 0):
        raise ValueError(f"link: expected bits per second above 0, got {bits_per_second!r}")
    return bits_per_second
