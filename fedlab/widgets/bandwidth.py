"""The bandwidth formula as a demo: sizes, cohort, fraction and rounds to drag, traffic to read."""

from __future__ import annotations

from typing import Any

from fedlab.bandwidth import FederatedRun
from fedlab.sizes import size_of
from fedlab.units import duration
from fedlab.widgets.base import Demo, Readout, counted, module
from fedlab.widgets.controls import Number
from fedlab.widgets.picture import Look


def travelling(model: Any, outgoing: int | None, incoming: int | None) -> tuple[int, int]:
    """Bytes to and from one client: those given, or the model's, or the bandwidth lesson's 53 MB.

    >>> travelling(None, 100, None), travelling("pythia-14m", None, 100)
    ((100, 100), (56270848, 100))
    """
    size = 53_000_000 if model is None else int(size_of(model))
    sent = size if outgoing is None else outgoing
    back = incoming if incoming is not None else sent if model is None else size
    return sent, back


class BandwidthDemo(Demo):
    """Drag what a federated run moves. The numbers are `FederatedRun`'s.

    model: anything `size_of` can size; it sets what travels each way. outgoing, incoming: bytes to
    and from one client in one round; they go before the model, and incoming defaults to outgoing.
    cohort, fraction, rounds: as in `FederatedRun`. link_mbps: a link's rate in 10^6 bits a second.

    What is outside the controls' limits becomes the nearest limit, with a note. A fraction that
    selects nobody raises nothing either: the demo says so.

    >>> demo = BandwidthDemo("pythia-14m", cohort=2)
    >>> demo.readout().headline
    '(56.27 MB + 56.27 MB) × 2 clients per round × 1 round = 225.08 MB (214.66 MiB)'
    >>> demo.cohort = -5
    >>> demo.cohort, demo.notes
    (1, {'cohort': '-5 is too small; the least is 1'})
    >>> demo.fraction, demo.cohort = 0.4, 2
    >>> demo.readout().headline
    'Nobody is selected: int(2 × 0.4) is 0. Raise the fraction or the cohort.'
    """

    _esm = module("bandwidth.js")

    outgoing = Number(0, 10**12, "Server to one client", unit="MB", per_unit=10**6, decimals=2)
    incoming = Number(0, 10**12, "One client to server", unit="MB", per_unit=10**6, decimals=2)
    cohort = Number(1, 10**6, "Clients in the cohort")
    fraction = Number(0.0001, 1.0, "Fraction selected each round", decimals=2)
    rounds = Number(1, 10**5, "Rounds")
    link_mbps = Number(0.1, 10_000.0, "Rate of a link", unit="Mbps", decimals=1)

    def __init__(
        self,
        model: Any = None,
        *,
        outgoing: int | None = None,
        incoming: int | None = None,
        cohort: int = 2,
        fraction: float = 1.0,
        rounds: int = 1,
        link_mbps: float = 20.0,
    ) -> None:
        sent, back = travelling(model, outgoing, incoming)
        super().__init__(
            outgoing=sent,
            incoming=back,
            cohort=cohort,
            fraction=fraction,
            rounds=rounds,
            link_mbps=link_mbps,
        )

    def run(self) -> FederatedRun:
        """The run that the controls describe. Raises ValueError when nobody is selected."""
        return FederatedRun(
            self.outgoing,
            self.incoming,
            cohort=self.cohort,
            fraction=self.fraction,
            rounds=self.rounds,
        )

    def readout(self) -> Readout:
        """The formula with its numbers, and what follows from it."""
        try:
            run = self.run()
        except ValueError:  # within the controls' limits, nothing else is left to refuse
            return Readout(
                f"Nobody is selected: int({self.cohort:,} × {self.fraction}) is 0. "
                "Raise the fraction or the cohort."
            )
        clients, rate = run.clients_per_round, self.link_mbps * 10**6
        larger = max(self.outgoing, self.incoming, 1)
        return Readout(
            f"({run.outgoing.short} + {run.incoming.short}) × {counted(clients, 'client')} "
            f"per round × {counted(self.rounds, 'round')} = {run.traffic}",
            (
                ("Clients per round", f"{clients:,} of {self.cohort:,}"),
                ("Downlink, all rounds", str(run.downlink)),
                ("Uplink, all rounds", str(run.uplink)),
                ("Both ways, one round", str(run.per_round)),
                ("Traffic, all rounds", f"{run.traffic}, {int(run.traffic):,} B"),
                ("One client's upload, one round", duration(run.upload_seconds(rate))),
                ("All traffic through one such link", duration(run.seconds(rate))),
            ),
            {
                "Downlink, all rounds": Look(self.outgoing / larger),
                "Uplink, all rounds": Look(self.incoming / larger, colour=1),
            },
        )
