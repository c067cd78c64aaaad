"""The server's memory as a demo: one round's participants against four ways to aggregate."""

from __future__ import annotations

from typing import Any, cast

from fedlab.memory import ServerMemory
from fedlab.memory.server import Aggregation, Storage
from fedlab.units import Bytes
from fedlab.widgets.base import Demo, Readout, counted, module
from fedlab.widgets.controls import Choice, Number
from fedlab.widgets.picture import Look

_NAMES: dict[Aggregation, str] = {
    "list": "list",
    "running": "running mean",
    "tree": "tree",
    "async": "async buffer",
}


class ServerMemoryDemo(Demo):
    """Drag how many participants answer a server. The numbers are `ServerMemory`'s.

    model: what `ServerMemory` takes; by default 5 MB. Its state dict as it travels (tied tensors
    each) is taken for the model, in float32. updates: participants that answer in one round.
    aggregation, rounds, window, fan_out, storage: as in `ServerMemory`; a list, which keeps every
    update, has no window.

    What is outside the controls' limits becomes the nearest limit, with a note.

    >>> demo = ServerMemoryDemo(5 * 2**20, updates=100)
    >>> demo.readout().headline
    'For 100 participants a list takes 534.77 MB (510.00 MiB) on the server: 102.0 × the model.'
    >>> demo.aggregation = "running"
    >>> demo.readout().headline
    'For 100 participants a running mean takes 15.73 MB (15.00 MiB) on the server: 3.0 × the model.'
    """

    _esm = module("server_memory.js")

    model_size = Number(1, 10**12, "Size of the model", unit="MB", per_unit=10**6, decimals=2)
    updates = Number(1, 10**6, "Participants in a round")
    aggregation = Choice({str(key): name for key, name in _NAMES.items()}, "Aggregation")
    rounds = Number(1, 10**5, "Rounds")
    window = Number(1, 10**6, "Messages in flight (all but a list)")
    fan_out = Number(2, 1000, "Fan-out (tree)")
    storage = Choice(
        {"resident": "resident", "mapped": "memory-mapped", "half": "half precision"},
        "Global model",
    )

    def __init__(
        self,
        model: Any = 5_000_000,
        *,
        updates: int = 100,
        aggregation: str = "list",
        rounds: int = 1,
        window: int = 1,
        fan_out: int = 10,
        storage: str = "resident",
    ) -> None:
        super().__init__(
            # one update on a list is one state dict, as it travels
            model_size=ServerMemory(model, updates=1).components["updates kept"],
            updates=updates,
            aggregation=aggregation,
            rounds=rounds,
            window=window,
            fan_out=fan_out,
            storage=storage,
        )

    def memory(self, aggregation: Aggregation) -> ServerMemory:
        """The server that the controls describe, were it to aggregate that way."""
        return ServerMemory(
            self.model_size,
            updates=self.updates,
            aggregation=aggregation,
            window=None if aggregation == "list" else self.window,
            storage=cast(Storage, self.storage),
            rounds=self.rounds,
            fan_out=self.fan_out,
        )

    def readout(self) -> Readout:
        """What the server holds, of what, and what the other aggregations would hold."""
        chosen = cast(Aggregation, self.aggregation)
        server = self.memory(chosen)
        totals = {way: self.memory(way).total for way in _NAMES}
        article = "an" if chosen == "async" else "a"
        return Readout(
            f"For {counted(self.updates, 'participant')} {article} {_NAMES[chosen]} takes "
            f"{server.total} on the server: {self._in_models(server.total)} × the model.",
            (
                *(
                    (name.capitalize(), f"{size}, {size / server.total:.1%}")
                    for name, size in server.components.items()
                ),
                *(
                    (f"Total, {name}", f"{total}, {self._in_models(total)} models")
                    for name, total in zip(_NAMES.values(), totals.values(), strict=True)
                ),
            ),
            {
                name.capitalize(): Look(size / server.total)
                for name, size in server.components.items()
            }
            | {
                f"Total, {name}": Look(
                    totals[way] / max(totals.values()),
                    colour=int(way != chosen),  # the chosen one has its components' colour
                    apart=way == "list",
                )
                for way, name in _NAMES.items()
            },
        )

    def _in_models(self, size: Bytes) -> str:
        return f"{size / self.model_size:,.1f}"
