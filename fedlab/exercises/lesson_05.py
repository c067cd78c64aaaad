"""Exercises of lesson 05, the bandwidth formula."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from fedlab.bandwidth import FederatedRun
from fedlab.exercises.framework import Exercise, function, number
from fedlab.ledger import Ledger
from fedlab.units import Bytes

if TYPE_CHECKING:
    import pandas as pd

by_hand = Exercise(
    "05.1",
    "A model of 25 MB, a cohort of 80 clients, half of them selected in each of 10 rounds, and an "
    "update as large as the model. How many **MB** travel in all, both ways?",
    lambda answer: number(
        answer,
        20_000,
        unit="MB",
        wrong={
            10_000: "that is one direction; models go out and updates come back",
            40_000: "that is the whole cohort; only half of it is selected",
            2_000: "that is one round; there are ten",
            20: "that would be GB; the question asks for MB",
        },
    ),
    "20 GB for a model that fits on a CD.",
    [
        "(outgoing + incoming) × cohort × fraction × rounds.",
        "Both directions of one client in one round are 50 MB.",
        "50 MB for each client that is selected: how many are those in a round, and how many "
        "rounds are there?",
    ],
)


def _check_traffic(answer: Any) -> str | None:
    cases = [
        ((10, 10, 5, 1.0, 1), "five clients, each way: 20 bytes for each"),
        ((10, 10, 100, 0.2, 3), "20 clients a round, three rounds"),
        ((100, 25, 100, 0.5, 10), "incoming and outgoing need not be equal"),
        ((1, 1, 100, 0.29, 1), "100 × 0.29 is 28.999999999999996, and Flower takes int() of it"),
    ]
    expected = [
        (
            given,
            int(
                FederatedRun(
                    given[0], given[1], cohort=given[2], fraction=given[3], rounds=given[4]
                ).traffic
            ),
            why,
        )
        for given, why in cases
    ]
    return function(answer, expected, name="traffic")


traffic = Exercise(
    "05.2",
    "Write `traffic(outgoing, incoming, cohort, fraction, rounds)` in bytes, with as many clients "
    "as Flower really selects (no minimum).",
    _check_traffic,
    "the last case was 28 clients, not 29: a bill is counted in clients, not in fractions.",
    [
        "First the number of clients in a round, then the bytes of one client, then multiply.",
        "Flower cuts cohort × fraction to a whole number: int() does that.",
        "What one client costs both ways, times the whole number of clients, times the rounds. Cut "
        "the clients before you multiply, not the product.",
    ],
)


affordable = Exercise(
    "05.3",
    "You may move 50 GB (10⁹ bytes each). How many whole **rounds** of Pythia-14m "
    "(56,270,848 B each way) does that pay for with 20 clients selected a round?",
    lambda answer: number(
        answer,
        22,
        unit="rounds",
        wrong={
            23: "the 23rd round does not fit: 23 × 2.25 GB is more than 50 GB",
            44: "each client gets the model and sends one back: count both directions",
            444: "that is one client a round; 20 are selected",
            50 * 10**9 / (40 * 56_270_848): "how many whole ones? A part of a round is none",
        },
    ),
    "the 23rd would need 1.8 GB more than is left.",
    [
        "One round costs (outgoing + incoming) × 20.",
        "A round is 2.25 GB; how often does that go into 50 GB?",
        "Divide in bytes and keep whole rounds: `//` rounds down.",
    ],
)


quarter = Exercise(
    "05.4",
    "Clients compress their updates to a quarter; the model still goes out whole. By what "
    "**factor** does the total traffic shrink?",
    lambda answer: number(
        answer,
        1.6,
        unit="times",
        wrong={
            4: "only the uplink shrinks by 4; the downlink is as it was",
            2: "that would be no uplink at all: half of the traffic stays whatever you do to it",
            0.625: "that is the new traffic as a share of the old; turn it round",
            1.25: "that is the new traffic in models; how many models was the old?",
        },
    ),
    "the downlink is a floor: compressing the uplink alone can never win more than a factor 2.",
    [
        "Write the formula with incoming = outgoing, then with incoming = outgoing / 4.",
        "Before: 1 + 1. After: 1 + 0.25.",
        "The factor is the sum before, divided by the sum after.",
    ],
)


@cache
def metered_run() -> Ledger:
    """Two rounds with twelve clients: all of them train, a quarter evaluates."""
    from flwr.app import ArrayRecord, Context, Message, MetricRecord, RecordDict
    from flwr.clientapp import ClientApp
    from flwr.serverapp import Grid, ServerApp
    from flwr.serverapp.strategy import FedAvg

    from fedlab.engines import simulate
    from fedlab.models import seed_mlp

    client_app, server_app = ClientApp(), ServerApp()

    @client_app.train()
    def train(message: Message, context: Context) -> Message:
        metrics = MetricRecord({"num-examples": 1})
        arrays = message.content["arrays"]
        return Message(RecordDict({"arrays": arrays, "metrics": metrics}), reply_to=message)

    @client_app.evaluate()
    def evaluate(message: Message, context: Context) -> Message:
        metrics = MetricRecord({"num-examples": 1, "accuracy": 0.5})
        return Message(RecordDict({"metrics": metrics}), reply_to=message)

    @server_app.main()
    def main(grid: Grid, context: Context) -> None:
        arrays = ArrayRecord(seed_mlp().state_dict())
        FedAvg(fraction_evaluate=0.25).start(grid, arrays, num_rounds=2)

    return simulate(server_app, client_app, nodes=12).ledger


def someones_bill() -> pd.DataFrame:
    """What somebody made of `metered_run`, in MB."""
    import pandas as pd

    lines = _lines()
    billed = [lines[0].MB, lines[1].MB, lines[2].MiB]
    rows = {
        1: ["training, models out", f"{billed[0]:.5f}"],
        2: ["training, updates back", f"{billed[1]:.5f}"],
        3: ["evaluation, models out", f"{billed[2]:.5f}"],
        "total": ["", f"{sum(billed):.5f}"],
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=["what", "MB"])


def _lines() -> list[Bytes]:
    """The payload of each of the bill's lines, from the ledger."""
    kinds = (("train", "down"), ("train", "up"), ("evaluate", "down"))
    return [
        sum((t.payload for t in metered_run() if (t.message_type, t.direction) == kind), Bytes(0))
        for kind in kinds
    ]


def _check_bill(answer: Any) -> str | None:
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        return "expected two things, (line, bytes), as in (1, 1_000_000)"
    line, size = answer
    out, back, evaluated = _lines()
    right = metered_run().traffic
    billed = round((out + back) / 10**6 + evaluated / 2**20, 5)
    if wrong := number(
        size,
        right,
        unit="bytes",
        wrong={
            round(billed * 10**6): "that is the bill's own total; one of its lines is not in MB",
            billed: "that is the bill's own total; put its line right, and give it in bytes",
            billed * 2**20: "not every line is in MiB: two of the three are right as they are",
            round(billed * 2**20): "not every line is in MiB: two of the three are right",
            evaluated: "that is the line put right; the question asks for the total",
            out: "that is a line, and it is right; the question asks for the total",
            out + back: "evaluation moved bytes too: the models that went out",
            right / 10**6: "that is in MB; the question asks for bytes",
        },
    ):
        near = isinstance(size, int | float) and 0 < abs(size - right) < 1_000
        return "nearly: the bill is rounded; the ledger has exact bytes" if near else wrong
    if line != 3:
        return f"the bytes are right; but line {line!r} agrees with the ledger as it stands"
    return None


debug_the_bill = Exercise(
    "05.5",
    "**Debug the bill.** Twelve clients, two rounds, Dense 784-64-10; all train, and a quarter is "
    "then sent the new model to evaluate it. `ex.metered_run()` really runs it and returns the "
    "ledger. Beside it is a bill in MB, copied together from two tools, of which one prints MiB. "
    "Answer with the pair (line, bytes): the wrong line, and the corrected total in **bytes**.",
    _check_bill,
    "57 kB short, half a percent: such a mistake is found in a ledger, or never.",
    [
        "Compare line by line: which rows of the ledger belong to each line of the bill?",
        'The bytes of each line: `ledger.table().groupby(["message_type", "direction"])`, and of '
        "that `.payload.sum()`. Divide by 10⁶ and look for the one that differs.",
        "One line is its bytes divided by 2²⁰. For the answer nothing needs to be converted: the "
        "ledger has the bytes of all three.",
    ],
)

ALL = [by_hand, traffic, affordable, quarter, debug_the_bill]
