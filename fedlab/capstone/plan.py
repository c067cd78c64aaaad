"""What the student composes."""

from __future__ import annotations

import math
import numbers
from dataclasses import dataclass
from typing import get_args

from fedlab.capstone.servers import Aggregation
from fedlab.capstone.task import CLIENTS, MOST_EPOCHS, MOST_ROUNDS, model, names
from fedlab.codecs import CodecError, parse
from fedlab.memory import ServerMemory
from fedlab.models import seed_mlp
from fedlab.sizes import size_of
from fedlab.units import Bytes


class PlanError(ValueError):
    """A plan that cannot be run."""


@dataclass(frozen=True)
class Plan:
    """A federated training, by its knobs; without any, all of the model travels in every round.

    codec: of the updates, such as "topk:0.01|int8", with error feedback; None sends them as they
    are. layers: names of layers or tensors that are trained and travel, both ways; the others stay
    as they were drawn. rounds: 1 to 40. local_epochs: of each client in a round, 1 to 5.
    learning_rate: of SGD with momentum 0.9, on batches of 32. aggregation: "list" (as Flower's
    FedAvg), "running" (a running mean), "lean" (a running mean that lets go of the model that the
    run began with, after the first round).

    Nothing is checked before `problem` is asked, so that a wrong plan is a sentence and no
    traceback.

    >>> Plan(codec="topk:0.01", rounds=20).update
    Bytes(3216)
    """

    codec: str | None = None
    layers: tuple[str, ...] = ("0", "2")
    rounds: int = MOST_ROUNDS
    local_epochs: int = 3
    learning_rate: float = 0.1
    aggregation: Aggregation = "list"

    def problem(self) -> str:
        """Why it cannot be run, in a sentence; empty when it can.

        >>> Plan(rounds=100).problem()
        'rounds: expected a whole number from 1 to 40, got 100'
        """
        return (
            _of_codec(self.codec)
            or _of_layers(self.layers)
            or _of_count("rounds", self.rounds, MOST_ROUNDS)
            or _of_count("local_epochs", self.local_epochs, MOST_EPOCHS)
            or _of_rate(self.learning_rate)
            or _of_aggregation(self.aggregation)
        )

    @property
    def size(self) -> Bytes:
        """What is trained, in float32: what goes down to a client in one round."""
        return Bytes(sum(4 * math.prod(shape) for shape in self._shapes().values()))

    @property
    def update(self) -> Bytes:
        """What a client sends in one round: exact, or at most, as its codec's `size` is."""
        if self.codec is None:
            return self.size
        codec = parse(self.codec)
        return Bytes(sum(codec.size(shape) for shape in self._shapes().values()))

    @property
    def server(self) -> float:
        """What the server holds by the formula, in whole models.

        >>> Plan().server, Plan(aggregation="running").server
        (22.0, 4.0)
        """
        if self.aggregation == "list":
            held = ServerMemory(self.size, updates=CLIENTS, rounds=self.rounds)
        else:
            later = self.rounds if self.aggregation == "running" else 1
            held = ServerMemory(self.size, updates=CLIENTS, aggregation="running", rounds=later)
        return held.total / size_of(seed_mlp())

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        trained = model(tuple(self.layers), 0).named_parameters()
        return {name: tuple(p.shape) for name, p in trained if p.requires_grad}


def _of_codec(codec: object) -> str:
    if codec is None:
        return ""
    if not isinstance(codec, str):
        return f'codec: expected a text such as "topk:0.01|int8" or None, got {_said(codec)}'
    try:
        parse(codec)
    except CodecError as error:
        return f"codec: {error}"
    return ""


def _of_layers(layers: object) -> str:
    if not isinstance(layers, (tuple, list)) or not layers:
        return f'layers: expected names in a tuple, such as ("0", "2"), got {_said(layers)}'
    there = names()
    for name in layers:
        if name not in there:
            return f"layers: the model has no {_said(name)}; there are {', '.join(there)}"
    return ""


def _of_count(what: str, count: object, most: int) -> str:
    whole = isinstance(count, numbers.Integral) and not isinstance(count, bool)
    if whole and 1 <= count <= most:  # type: ignore[operator]
        return ""
    return f"{what}: expected a whole number from 1 to {most}, got {_said(count)}"


def _of_rate(rate: object) -> str:
    real = isinstance(rate, numbers.Real) and not isinstance(rate, bool)
    if real and 0 < rate < math.inf:  # type: ignore[operator]
        return ""
    return f"learning_rate: expected a number above 0, got {_said(rate)}"


def _of_aggregation(aggregation: object) -> str:
    words = get_args(Aggregation)
    if isinstance(aggregation, str) and aggregation in words:
        return ""
    return f"aggregation: expected one of {', '.join(words)}, got {_said(aggregation)}"


def _said(value: object) -> str:
    return "..." if value is ... else repr(value)[:80]
