"""A plan, run: what it reached, beside the limits."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from itertools import accumulate
from statistics import mean

from fedlab.capstone.federation import federation, mods
from fedlab.capstone.plan import Plan
from fedlab.capstone.servers import STRATEGIES
from fedlab.capstone.task import AVERAGED, SERVER, TARGET, UPLINK, clients
from fedlab.capstone.weighing import server_holds
from fedlab.ledger import Ledger
from fedlab.units import Bytes


@dataclass(frozen=True)
class Attempt:
    """What a run reached.

    plan: None for the reference, whose plan is not told. accuracies: before the first round and
    after each, 0 to 1. uplinks: what the client that sent most had sent, likewise. server: models
    that it held at a time; they are counted whole. failed: why the first reply that failed did;
    empty when none did.
    """

    plan: Plan | None
    accuracies: tuple[float, ...]
    uplinks: tuple[Bytes, ...]
    server: float
    failed: str = ""

    @property
    def accuracy(self) -> float:
        """The mean over the last five rounds."""
        return self.after(len(self.accuracies) - 1)

    def after(self, rounds: int) -> float:
        """The accuracy had the run ended there: the mean over its last five rounds, or fewer."""
        return mean(self.accuracies[max(1, rounds - AVERAGED + 1) : rounds + 1])

    @property
    def uplink(self) -> Bytes:
        """Payload that the client that sent most sent."""
        return self.uplinks[-1]

    def curve(self) -> dict[float, float]:
        """Accuracy by kB of uplink, had the run ended after some of its rounds; both rounded."""
        last = len(self.accuracies) - 1
        rounds = sorted({n for n in (5, 10, 15, 20, 30) if n < last} | {last})
        return {round(self.uplinks[n] / 1000, 1): round(self.after(n), 3) for n in rounds}

    def broken(self) -> list[str]:
        """The limits that are broken: which, by how much, and what turns it; a sentence each."""
        said = [_of_accuracy(self), _of_uplink(self), _of_server(self)]
        return [sentence for sentence in said if sentence]

    def score(self, reference: Attempt) -> float:
        """The reference's uplink over this one's: above 1 for fewer bytes; 0 for a broken limit."""
        return 0.0 if self.broken() else reference.uplink / self.uplink

    def __repr__(self) -> str:
        rows = (
            ("accuracy", f"{self.accuracy:.1%}", f"at least {TARGET:.0%}", _of_accuracy(self)),
            ("uplink", f"{self.uplink:,} B", f"at most {UPLINK:,} B a client", _of_uplink(self)),
            ("server", f"{self.server:.0f} models", f"at most {SERVER}", _of_server(self)),
        )
        return "\n".join(
            f"{what:8} {reached:>11}   {limit}{'   BROKEN' if broken else ''}"
            for what, reached, limit, broken in rows
        )


def run(plan: Plan, seed: int = 0) -> Attempt:
    """Train a plan for real, in process, and measure what it reached.

    seed: draws the split, the model's first numbers and the order of the digits. A client that
    fails, as one whose training diverges does, is told in the attempt.

    Raises PlanError, before anything runs, for a plan that cannot be run.
    """
    whole = federation(plan, clients(seed), seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of rounds without an update: see `failed`
        history = whole.run(
            plan.rounds, mods=mods(plan), strategy=STRATEGIES[plan.aggregation], seed=seed
        )
        server = server_holds(plan)
    failures = history.ledger.failures
    return Attempt(
        plan,
        history.accuracies,
        _largest_client(history.ledger, plan.rounds),
        server,
        failures[0].reason if failures else "",
    )


def _largest_client(ledger: Ledger, rounds: int) -> tuple[Bytes, ...]:
    """What the client that sent most had sent, before the first round and after each."""
    sent: dict[int, list[Bytes]] = {}  # by client, in each round
    for transfer in ledger:
        if transfer.direction == "up":
            each = sent.setdefault(transfer.node, [Bytes(0)] * (rounds + 1))
            each[transfer.round] += transfer.payload
    return tuple(map(max, zip(*map(accumulate, sent.values()), strict=True)))


def _of_accuracy(attempt: Attempt) -> str:
    if attempt.accuracy >= TARGET:
        return ""
    if attempt.failed:
        return f"accuracy: clients failed, the first because: {attempt.failed}"
    below = 100 * (TARGET - attempt.accuracy)
    return (
        f"accuracy: {below:.1f} points below {TARGET:.0%}; turn rounds, local_epochs or "
        "learning_rate, or let more of each update travel, by codec and layers"
    )


def _of_uplink(attempt: Attempt) -> str:
    if attempt.uplink <= UPLINK:
        return ""
    rounds = len(attempt.uplinks) - 1
    return (
        f"uplink: {attempt.uplink - UPLINK:,} B more than {UPLINK:,} B, "
        f"{attempt.uplink / UPLINK:.2f} times as much; turn codec, layers or rounds: an update may "
        f"have {UPLINK // rounds:,} B in each of {rounds}, yours has {attempt.uplink // rounds:,} B"
    )


def _of_server(attempt: Attempt) -> str:
    more = round(attempt.server) - SERVER
    if more <= 0:
        return ""
    listed = attempt.plan is not None and attempt.plan.aggregation == "list"
    why = (
        "a list keeps all updates, from the second round on those of the last one too"
        if listed
        else "from the second round on one of them is the model that the run began with"
    )
    number = f"{more} model{'s' * (more > 1)}"
    return f"server: {number} more than {SERVER}; turn aggregation: {why}"
