"""A federation on this machine that learns: real Flower apps around real training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from flwr.app import ArrayRecord, ConfigRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.clientapp.typing import Mod
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import Strategy

from fedlab.codecs import Codec
from fedlab.data import Examples
from fedlab.engines import simulate
from fedlab.engines.simulation import Engine
from fedlab.ledger import Ledger
from fedlab.progress import progress_bar
from fedlab.records import array_of, records_of, round_of
from fedlab.strategies import StreamingFedAvg
from fedlab.threads import one_thread
from fedlab.trainers import Feed, accuracy, train
from fedlab.trainers.loop import Optimizer


@dataclass(frozen=True, eq=False)
class History:
    """What a run leaves.

    ledger: every message. accuracies: of the global model on the server's own examples, 0 to 1,
    before the first round and after each. arrays: the last global model's tensors that travel.
    """

    ledger: Ledger
    accuracies: tuple[float, ...]
    arrays: dict[str, np.ndarray[Any, Any]]


@dataclass(frozen=True, eq=False)
class Federation:
    """Clients that train one model on what each of them holds, and a server that tests it.

    model: builds it, once a run; it maps a batch of inputs to logits. clients: the examples of
    each. test: the server's own. lr, batch, epochs (local, a round), optimizer: as `train` and
    `mini_batches` take them. shuffled: each client draws a new order in each round; without it the
    stored order is kept. travels: which tensors go both ways, all of the state_dict, or only the
    parameters that require a gradient; what does not travel is on each client from the start and
    stays as it was.

    >>> from fedlab.models import mlp
    >>> two = Examples(np.eye(2, dtype=np.float32), np.arange(2))
    >>> federation = Federation(lambda: mlp((2, 2)), [two, two], two, lr=1.0, batch=2, epochs=20)
    >>> history = federation.run(rounds=3)
    >>> history.accuracies[-1], history.ledger.traffic  # 6 parameters, 2 clients, 3 rounds, 2 ways
    (1.0, Bytes(288))
    """

    model: Callable[[], torch.nn.Module]
    clients: Sequence[Examples]
    test: Examples
    lr: float
    batch: int = 32
    epochs: int = 1
    optimizer: Optimizer = "sgd"
    travels: Literal["model", "trainable"] = "model"
    shuffled: bool = True

    def run(
        self,
        rounds: int,
        *,
        mods: Sequence[Mod] = (),
        strategy: Callable[..., Strategy] = StreamingFedAvg,
        seed: int = 0,
        engine: Engine = "in-process",
        downlink: Codec | str | None = None,
    ) -> History:
        """Train for so many rounds; what was moved and what was learned.

        mods: of the ClientApp, the first one outermost. strategy: any of Flower's as a class, or as
        a partial of one, such as partial(FedProx, proximal_mu=0.1); it is made with
        fraction_evaluate=0.0, since these clients only train, and asks all clients in each round
        unless its fraction_train says otherwise. If it sends "proximal-mu", as FedProx does, the
        clients train with that proximal term. seed: 0 or more. A client meets its examples in an
        order drawn from the seed, its own number and the round's, whatever mods and strategy do.
        downlink: as `simulate` takes it.

        A reply holds the tensors that came, trained, as "arrays", and the metrics "num-examples"
        and "train-loss", the mean over its steps. A client whose training diverges is in
        `ledger.failures`, and the run goes on. Raises ValueError for a seed below 0, and what
        `simulate` raises.
        """
        if seed < 0:
            raise ValueError(f"seed: expected 0 or more, got {seed}")
        replica = _Replica(self)
        tested: list[float] = []
        latest: list[ArrayRecord] = []
        clients = len(self.clients)
        server = ServerApp()

        with progress_bar(rounds, unit="round") as bar:

            def test(number: int, arrays: ArrayRecord) -> MetricRecord:
                latest[:] = [arrays]
                tested.append(accuracy(replica.loaded(arrays), self.test))
                bar.update(min(number, 1))  # the first test is before the first round
                return MetricRecord({"accuracy": tested[-1]})

            @server.main()
            def main(grid: Grid, context: Context) -> None:
                asking = strategy(
                    fraction_evaluate=0.0, min_train_nodes=1, min_available_nodes=clients
                )
                with one_thread():  # the server's sums too: the same on any number of cores
                    asking.start(grid, replica.record(), num_rounds=rounds, evaluate_fn=test)

            app = _client_app(self, replica, mods, seed)
            ledger = simulate(
                server, app, nodes=clients, engine=engine, seed=seed, downlink=downlink
            ).ledger
        arrays = {name: array.numpy() for name, array in latest[0].items()}
        return History(ledger, tuple(tested), arrays)


class _Replica:
    """The one module of a run, for the server's tests and for every client: a copy each is dear."""

    def __init__(self, federation: Federation) -> None:
        self.module = federation.model()
        state = self.module.state_dict()
        parameters = dict(self.module.named_parameters())
        self._travelling = list(state)
        if federation.travels == "trainable":
            self._travelling = [name for name, p in parameters.items() if p.requires_grad]
        # What neither travels nor is a parameter (a batch norm's statistics) changes in training:
        # without this, one client's would be in the next one's model.
        rest = state.keys() - parameters.keys() - set(self._travelling)
        self._kept = {name: state[name].clone() for name in rest}

    def loaded(self, arrays: ArrayRecord) -> torch.nn.Module:
        """The module with these tensors in it."""
        self.module.load_state_dict(self._kept | arrays.to_torch_state_dict(), strict=False)
        return self.module

    def record(self) -> ArrayRecord:
        """Its tensors that travel."""
        state = self.module.state_dict()
        return ArrayRecord({name: array_of(state[name].numpy()) for name in self._travelling})


def _client_app(
    federation: Federation, replica: _Replica, mods: Sequence[Mod], seed: int
) -> ClientApp:
    app = ClientApp(mods=list(mods))

    @app.train()
    def local_training(message: Message, context: Context) -> Message:
        arrays = records_of(message.content, ArrayRecord)["arrays"]
        config = records_of(message.content, ConfigRecord)["config"]
        client = int(context.node_config["partition-id"])
        examples = federation.clients[client]
        drawn = np.random.SeedSequence([seed, client, round_of(message.content)])
        own_seed = int(drawn.generate_state(1)[0])
        order = own_seed if federation.shuffled else None
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(own_seed)  # for a model with dropout
            losses = train(
                replica.loaded(arrays),
                Feed(examples, federation.batch, federation.batch, order),
                lr=federation.lr,
                epochs=federation.epochs,
                optimizer=federation.optimizer,
                proximal=float(config.get("proximal-mu", 0.0)),  # type: ignore[arg-type]
                progress=False,
            )
        metrics = MetricRecord()
        metrics["num-examples"] = len(examples)
        metrics["train-loss"] = sum(losses) / len(losses)
        content = RecordDict({"arrays": replica.record(), "metrics": metrics})
        return Message(content, reply_to=message)

    return app
