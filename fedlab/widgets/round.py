"""A round in motion, as a demo: models go out, updates come back, bytes add up, step by step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import traitlets

from fedlab.bandwidth import FederatedRun
from fedlab.widgets import notes
from fedlab.widgets.bandwidth import travelling
from fedlab.widgets.base import Demo, Readout, counted, module
from fedlab.widgets.controls import Choice, Number
from fedlab.widgets.picture import Look
from fedlab.widgets.round_moment import Moment, answers, moment

_CLIENTS, _ROUNDS = 12, 10  # as many as one can follow; for larger runs there is BandwidthDemo
_HERE = Path(__file__).parent


class _Step(Number[int]):
    """Where a run is: a number whose upper limit depends on the run."""

    def set(self, obj: Any, value: Any) -> None:
        """Take a value, as a `Number` does, and not beyond the run's last step."""
        taken, note = notes.number(value, self.get(obj), 0, obj.last)
        super().set(obj, taken)
        if note:
            obj.notes = obj.notes | {"step": note}


class RoundDemo(Demo):
    """Play a federated run message by message, pause it, step it. The bytes are `FederatedRun`'s.

    model: anything `size_of` can size; it sets what travels each way. outgoing, incoming: bytes to
    and from one client in one round; they go before the model, and incoming defaults to outgoing.
    clients, fraction, rounds: cohort, fraction and rounds of `FederatedRun`, few enough to be
    drawn. failing: clients of each round that get the model and never answer.

    `step` is where the run is, from 0 to `last`: set it to drive the demo, observe it to follow.
    `playing` runs the clock, which is in the view: where no view is shown, nothing moves. speed:
    "slow", "normal" or "fast".

    What is outside the controls' limits becomes the nearest limit, with a note. A fraction that
    selects nobody raises nothing either: the demo says so.

    >>> demo = RoundDemo("pythia-14m", clients=2)
    >>> demo.step = 2
    >>> demo.readout().headline
    'Step 2 of 6: client 2 has its model; 112.54 MB of 225.08 MB have travelled.'
    >>> demo.step = demo.last
    >>> demo.readout().headline
    'Step 6 of 6: the server averaged 2 updates into model 1; all 225.08 MB (214.66 MiB) have \
travelled.'
    """

    _esm = module("round.js")
    _css = "\n".join((_HERE / name).read_text("utf-8") for name in ("demo.css", "round.css"))

    outgoing = Number(0, 10**12, "Server to one client", unit="MB", per_unit=10**6, decimals=2)
    incoming = Number(0, 10**12, "One client to server", unit="MB", per_unit=10**6, decimals=2)
    clients = Number(1, _CLIENTS, "Clients")
    fraction = Number(0.0001, 1.0, "Fraction selected each round", decimals=2)
    rounds = Number(1, _ROUNDS, "Rounds")
    failing = Number(0, _CLIENTS, "Selected, but never answer")

    # the view has these two beside the picture, not among the settings
    step = _Step(0, _ROUNDS * (2 * _CLIENTS + 2), "Step")
    speed = Choice({name: name for name in ("slow", "normal", "fast")}, "Speed")
    playing = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        model: Any = None,
        *,
        outgoing: int | None = None,
        incoming: int | None = None,
        clients: int = 4,
        fraction: float = 1.0,
        rounds: int = 1,
        failing: int = 0,
        speed: str = "normal",
    ) -> None:
        sent, back = travelling(model, outgoing, incoming)
        super().__init__(
            outgoing=sent,
            incoming=back,
            clients=clients,
            fraction=fraction,
            rounds=rounds,
            failing=failing,
            speed=speed,
        )

    @traitlets.default("_controls")
    def _default_controls(self) -> list[dict[str, Any]]:
        return [c.spec() for c in self.controls() if c.name not in ("step", "speed")]

    def run(self) -> FederatedRun:
        """The run that the settings describe. Raises ValueError when nobody is selected."""
        return FederatedRun(
            self.outgoing,
            self.incoming,
            cohort=self.clients,
            fraction=self.fraction,
            rounds=self.rounds,
        )

    def moment(self) -> Moment:
        """The run at `step`. Raises ValueError when nobody is selected."""
        return moment(self.run(), self.step, self.failing)

    @property
    def last(self) -> int:
        """How many steps the run has; 0 when nobody is selected."""
        try:
            return moment(self.run(), 0).last
        except ValueError:
            return 0

    @traitlets.observe("clients", "fraction", "rounds")
    def _stay_within_the_run(self, change: Any) -> None:
        self.step = min(self.step, self.last)

    def readout(self) -> Readout:
        """What the newest step was, and what has travelled."""
        try:
            run, now = self.run(), self.moment()
        except ValueError:  # within the controls' limits, nothing else is left to refuse
            return Readout(
                f"Nobody is selected: int({self.clients} × {self.fraction}) is 0. "
                "Raise the fraction or the number of clients."
            )
        selected, answering = run.clients_per_round, answers(run, self.failing)
        silent = (selected - answering) * self.rounds
        uplink = run.incoming * answering * self.rounds
        so_far, total = now.down + now.up, run.downlink + uplink
        larger = max(run.downlink, uplink, 1)
        cost = f"; {(run.outgoing * silent).short} went out for them" if silent else ""
        return Readout(
            f"{_where(now, self.rounds)}: {_what(now, run, answering)}; "
            + (
                f"all {total} have travelled."
                if now.step == now.last
                else f"{so_far.short} of {total.short} have travelled."
            ),
            (
                ("Downlink so far", f"{now.down.short} of {run.downlink.short}"),
                ("Uplink so far", f"{now.up.short} of {uplink.short}"),
                ("Both ways so far", f"{so_far}, {int(so_far):,} B"),
                ("Both ways, the whole run", f"{total}, {int(total):,} B"),
                ("Clients selected each round", f"{selected} of {self.clients}"),
                ("Updates that never come", f"{silent} of {selected * self.rounds}{cost}"),
            ),
            {
                "Downlink so far": Look(now.down / larger),
                "Uplink so far": Look(now.up / larger, colour=1),
            },
        )


def _where(now: Moment, rounds: int) -> str:
    step = f"tep {now.step} of {now.last}"
    return f"S{step}" if rounds == 1 else f"Round {now.round} of {rounds}, s{step}"


def _what(now: Moment, run: FederatedRun, answering: int) -> str:
    match now.event:
        case "start":
            who = f"{run.clients_per_round} of {counted(run.cohort, 'client')}"
            return f"the server holds model 0 and has selected {who}"
        case "sent":
            return f"client {now.client} has its model"
        case "trained":
            return f"{counted(run.clients_per_round, 'client')} trained, each on data of its own"
        case "answered":
            return f"the update of client {now.client} is back"
        case "silent":
            return f"client {now.client} never answers, though {run.outgoing.short} went to it"
        case "averaged" if answering:
            return f"the server averaged {counted(answering, 'update')} into model {now.model}"
    return "no update came, so the server keeps its model 0"
