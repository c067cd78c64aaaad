"""The Pythia lab: predict a federated round, run it for real, and compare to the byte."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from fedlab.bandwidth import FederatedRun
from fedlab.framing import predict_levels
from fedlab.ledger import Ledger
from fedlab.sizes import TensorSpec, size_of, tensors_of
from fedlab.units import LEVELS, Bytes, Level, Levels

if TYPE_CHECKING:
    from fedlab.plots import Figure

MODEL = "pythia-14m"


@dataclass(frozen=True)
class LabReport:
    """What the lab found: the model's tensors, the formula, the prediction, the ledger."""

    tensors: list[TensorSpec]
    formula: FederatedRun
    predicted: Levels
    ledger: Ledger
    seconds: float

    @property
    def measured(self) -> Levels:
        """Both ways, all rounds, from the messages' own bytes."""
        return self.ledger.levels()

    def rows(self) -> list[tuple[Level, Bytes, Bytes, Bytes]]:
        """Level, predicted, measured, measured minus predicted; bytes."""
        pairs = [(n, getattr(self.predicted, n), getattr(self.measured, n)) for n in LEVELS]
        return [(level, p, m, m - p) for level, p, m in pairs]

    def figure(self) -> Figure:
        """Predicted beside measured, at each level."""
        from fedlab.plots import beside

        groups: dict[str, dict[str, int]] = {
            level: {"predicted": p, "measured": m} for level, p, m, _ in self.rows()
        }
        clients, rounds = self.formula.clients_per_round, self.formula.rounds
        return beside(groups, title=f"{MODEL} · clients: {clients} · rounds: {rounds}")

    def as_json(self) -> dict[str, Any]:
        """The same for a script."""
        return {
            "model": MODEL,
            "parameters": sum(spec.elements for spec in self.tensors),
            "tensors": len(self.tensors),
            "clients": self.formula.clients_per_round,
            "rounds": self.formula.rounds,
            "formula_bytes": int(self.formula.traffic),
            "levels": {
                level: {"predicted": int(p), "measured": int(m), "difference": int(d)}
                for level, p, m, d in self.rows()
            },
            "seed_megabytes": seed_figure(self.formula.outgoing, self.formula.clients_per_round),
            "failures": [asdict(t) for t in self.ledger.failures],
        }


def seed_figure(model: Bytes, clients: int) -> int:
    """The bandwidth lesson's own total, in "MB": mebibytes, cut to whole ones before the sum.

    >>> seed_figure(Bytes(56_270_848), clients=2)  # 4 x floor(53.66)
    212
    """
    return 2 * clients * math.floor(model.MiB)


def predict_run(
    tensors: list[TensorSpec], *, clients: int, rounds: int = 1, num_examples: int = 1
) -> Levels:
    """All levels of a FedAvg run without evaluation, from the model's description alone.

    Each round sends the arrays and {"server-round": r} to each client, and gets the arrays and
    {"num-examples": n} back.

    >>> predict_run(tensors_of("pythia-14m"), clients=2).message
    Bytes(225235014)
    """
    up = predict_levels(tensors, metrics={"num-examples": num_examples})
    numbers = range(1, rounds + 1)
    downs = (predict_levels(tensors, config={"server-round": number}) for number in numbers)
    return sum((down + up for down in downs), Levels()) * clients


def run_lab(
    *,
    clients: int = 2,
    rounds: int = 1,
    engine: Any = "in-process",
    tell: Callable[[str], None] = lambda _: None,
) -> LabReport:
    """Predict the lab's round from the configuration, then run it on a real Flower engine.

    engine: as `simulate` takes it. tell: is called with a line before each long step.
    Raises ValueError for no clients, no rounds or another engine.

    >>> report = run_lab()
    >>> report.measured.payload, report.measured == report.predicted
    (Bytes(225083392), True)
    """
    tell("predicting from the configuration")
    tensors = tensors_of(MODEL)
    formula = FederatedRun(size_of(tensors), cohort=clients, rounds=rounds)
    predicted = predict_run(tensors, clients=clients, rounds=rounds)

    tell("loading Flower, torch and transformers")
    from flwr.app import ArrayRecord, Context, Message, MetricRecord, RecordDict
    from flwr.clientapp import ClientApp
    from flwr.serverapp import Grid, ServerApp

    from fedlab.engines import simulate
    from fedlab.models import pythia_14m
    from fedlab.strategies import BandwidthTrackingFedAvg

    client_app = ClientApp()

    @client_app.train()
    def train(message: Message, context: Context) -> Message:
        """Skip the training: what travels weighs the same."""
        metrics = MetricRecord({"num-examples": 1})
        arrays = message.content["arrays"]
        return Message(RecordDict({"arrays": arrays, "metrics": metrics}), reply_to=message)

    tell("building Pythia-14m")
    arrays = ArrayRecord(pythia_14m().state_dict())
    server_app = ServerApp()

    @server_app.main()
    def main(grid: Grid, context: Context) -> None:
        strategy = BandwidthTrackingFedAvg(
            fraction_evaluate=0.0, min_train_nodes=clients, min_available_nodes=clients
        )
        strategy.start(grid, arrays, num_rounds=rounds)

    tell(f"running on the {engine} engine (clients: {clients}, rounds: {rounds})")
    result = simulate(server_app, client_app, nodes=clients, engine=engine)
    return LabReport(tensors, formula, predicted, result.ledger, result.seconds)
