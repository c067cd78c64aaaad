"""What the server holds while it aggregates, predicted component by component."""

from __future__ import annotations

from numbers import Real
from typing import Any, Literal

from fedlab.memory.breakdown import Breakdown, sized
from fedlab.sizes import FLOATS, size_of, tensors_of
from fedlab.units import Bytes, whole_number

Aggregation = Literal["list", "running", "tree", "async"]
Storage = Literal["resident", "mapped", "half"]


class ServerMemory(Breakdown):
    """What the server holds at its peak, in bytes, component by component.

    - global model = its size; 0 when memory-mapped (its pages are the file's, dropped at need), 2
      bytes a number in half precision: the memory lesson's "chosen storage mechanism"
    - initial model = the same again from the second round on: Flower's strategies refer to the
      model that the run began with until it ends
    - updates kept = updates x size for "list"; else 0
    - previous round = the same again from the second round on, for "list": Flower's strategies
      hold the last replies while the next arrive
    - sums = the mean being built, in the dtypes in which numbers are averaged (4 bytes for a float
      of 4 or less, else 8); for "tree" as many as its servers at work hold at once; 0 for "list"
      from the second round on, whose peak is before the mean, when two rounds' replies are there
    - in flight = window x size for what folds (one without a window, and no more than there are
      updates); 0 for "list", whose replies in flight are the updates kept

    model: anything that `size_of` takes, or a number of bytes. updates: how many come in a round.
    aggregation: "list" (keep all, then average), "running" (fold each into one sum), "tree" (edge
    servers of `fan_out`, as `TreeMean`), "async" (a buffer that is a sum, as `BufferedAsyncMean`).
    window: how many messages may be in flight at once. update: the size of one as it is kept or in
    flight, the model's by default; whatever it weighs, sums are as large as a model.

    storage: of the global model, "resident", "mapped" or "half", as above. rounds: how many the run
    has. fan_out: of "tree".

    Raises ValueError for a count below 1, a fan-out below 2, a window for "list", or another
    aggregation or storage.

    >>> ServerMemory(Bytes(5 * 2**20), updates=100).total
    Bytes(534773760)
    >>> ServerMemory(Bytes(5 * 2**20), updates=100, aggregation="running").total
    Bytes(15728640)
    """

    def __init__(
        self,
        model: Any,
        *,
        updates: int,
        aggregation: Aggregation = "list",
        window: int | None = None,
        storage: Storage = "resident",
        update: Any = None,
        rounds: int = 1,
        fan_out: int = 10,
    ) -> None:
        if aggregation not in ("list", "running", "tree", "async"):
            raise ValueError(
                f"aggregation: expected list, running, tree or async, got {aggregation!r}"
            )
        if aggregation == "list" and window is not None:
            raise ValueError("window: a list keeps every update; leave the window out, or fold")
        updates = whole_number(updates, "updates")
        in_flight = 1 if window is None else whole_number(window, "window")
        later = whole_number(rounds, "rounds") > 1
        fan_out = whole_number(fan_out, "fan_out", least=2)
        size = _sent(model) if update is None else sized(update, "update")
        keeps = aggregation == "list"
        levels = tree_levels(updates, fan_out) if aggregation == "tree" else 1
        components = {
            "global model": _stored(model, storage),
            "initial model": _stored(model, storage) * later,
            "updates kept": size * updates * keeps,
            "previous round": size * updates * (keeps and later),
            "sums": _averaged(model) * (0 if keeps and later else levels),
            "in flight": size * (0 if keeps else min(in_flight, updates)),
        }
        super().__init__(components)


def tree_levels(updates: int, fan_out: int) -> int:
    """Levels of servers that are at work at one time, each with one sum, at most.

    A server that is full hands its sum up and is gone, so L levels are at work only when
    fan_out^0 + fan_out^1 + ... (L terms) updates have come.

    >>> tree_levels(10, 10), tree_levels(11, 10), tree_levels(1000, 10)
    (1, 2, 3)
    """
    levels, layer, came = 1, fan_out, 1 + fan_out
    while came <= updates:
        levels, layer = levels + 1, layer * fan_out
        came += layer
    return levels


def _sent(model: Any) -> Bytes:
    """The state dict, tied tensors each."""
    return sized(model, "model") if isinstance(model, Real) else size_of(model, tied="each")


def _averaged(model: Any) -> Bytes:
    """A state dict's mean: floats in float32, float64 and whole numbers in float64."""
    if isinstance(model, Real):  # bytes of float32
        return sized(model, "model")
    narrow = set(FLOATS) - {"float64"}
    widths = ((4 if spec.dtype in narrow else 8, spec) for spec in tensors_of(model))
    return sum((Bytes(width * spec.elements) for width, spec in widths), Bytes(0))


def _stored(model: Any, storage: Storage) -> Bytes:
    if storage == "resident":
        return sized(model, "model")
    if storage == "mapped":
        return Bytes(0)
    if storage != "half":
        raise ValueError(f"storage: expected resident, mapped or half, got {storage!r}")
    if isinstance(model, Real):  # bytes of float32
        return Bytes(-(-sized(model, "model") // 2))
    once = [spec for spec in tensors_of(model) if spec.tied_to is None]
    return sum((Bytes(2 * s.elements) if s.dtype in FLOATS else s.nbytes for s in once), Bytes(0))
