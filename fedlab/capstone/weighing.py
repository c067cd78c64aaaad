"""What the server of a plan holds, measured: the tensors in memory when replies reach the strategy.

Clients work in the server's process here, and keep what their codec left out. That is theirs: it is
counted where they keep it, and taken off. Copies within a call, such as the bytes of a message that
is being read, are gone by then and are in no count. Nor are Python's own small objects, which are
in no formula either: beside a model of 200 kB they would weigh as much as the model.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flwr.app import ArrayRecord, Context, Message
from flwr.clientapp.typing import ClientAppCallable
from flwr.serverapp.strategy import Strategy

from fedlab.capstone.federation import federation, mods
from fedlab.capstone.plan import Plan
from fedlab.capstone.servers import STRATEGIES
from fedlab.capstone.task import clients
from fedlab.grids import GridLayer
from fedlab.meters import traced_peak
from fedlab.models import seed_mlp
from fedlab.records import records_of
from fedlab.sizes import size_of

_ROUNDS = 2  # all later ones are like the second
_DIGITS = 8  # of each client: what a server holds does not depend on what is learned
_TENSOR = 1000  # bytes, at least, of a block that is taken for a tensor


def server_holds(plan: Plan) -> float:
    """The most that the server holds at a time in the first two rounds of a plan, in models.

    Raises PlanError for a plan that cannot be run.

    >>> round(server_holds(Plan(aggregation="running")), 1)
    4.0
    """
    few = federation(plan, [held.take(range(min(_DIGITS, len(held)))) for held in clients(0)], 0)
    rounds = min(plan.rounds, _ROUNDS)
    few.run(1, mods=mods(plan))  # what torch imports for its first step is no tensor of the server
    with traced_peak():
        scale = _Scale(_tensors())
        few.run(rounds, mods=[scale.weigh_client, *mods(plan)], strategy=_weighed(plan, scale))
    return scale.most / size_of(seed_mlp())


@dataclass
class _Scale:
    """before: bytes of tensors before the run. most: bytes that the server held at a time."""

    before: int
    most: int = 0
    kept: dict[Any, int] = field(default_factory=dict)  # by client

    def weigh_client(
        self, message: Message, context: Context, call_next: ClientAppCallable
    ) -> Message:
        """A mod that notes what a client keeps for its next round."""
        reply = call_next(message, context)
        records = records_of(context.state, ArrayRecord).values()
        held = sum(len(array.data) for record in records for array in record.values())
        self.kept[context.node_id] = held
        return reply

    def weigh_server(self) -> None:
        """Note what is held now, beside the clients' own."""
        self.most = max(self.most, _tensors() - self.before - sum(self.kept.values()))


class _Weighing(GridLayer):
    """The outermost layer but for the streaming one: replies are handed to the strategy here."""

    def __init__(self, grid: GridLayer, scale: _Scale) -> None:
        super().__init__(grid)
        self._scale = scale

    def incoming(self, replies: list[Message]) -> list[Message]:
        """Weigh the server with these replies in its hands."""
        self._scale.weigh_server()
        return replies


def _weighed(plan: Plan, scale: _Scale) -> Callable[..., Strategy]:
    """The plan's strategy with a scale in it."""
    kind = STRATEGIES[plan.aggregation]

    class Weighed(kind):  # type: ignore[valid-type, misc]  # a class that is known at run time only
        def layered(self, checked: GridLayer) -> Any:
            return super().layered(_Weighing(checked, scale))

    return Weighed


def _tensors() -> int:
    """Bytes of all traced blocks that are large enough to be a tensor's."""
    traces = tracemalloc.take_snapshot().traces
    return sum(trace.size for trace in traces if trace.size >= _TENSOR)
