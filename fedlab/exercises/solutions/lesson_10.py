"""Solutions of lesson 10, on the wire."""

from __future__ import annotations

from typing import Any


def server_hop() -> int:
    """One broadcast up, eight replies down."""
    return (1 + 8) * 56_270_848


def requests() -> Any:
    """An object each for the tensor and for every piece of it, and four around them."""

    def requests_of(sizes: list[int]) -> int:
        piece = 5 * 2**20
        return 4 + sum(1 + -(-size // piece) for size in sizes)

    return requests_of


def small_model() -> int:
    """Shapes in, the uplink of one node out."""
    from fedlab.sizes import TensorSpec
    from fedlab.transport import predict_round

    shapes = {"0.weight": (64, 784), "0.bias": (64,), "2.weight": (10, 64), "2.bias": (10,)}
    tensors = [TensorSpec(name, shape) for name, shape in shapes.items()]
    config, metrics = {"server-round": 1}, {"num-examples": 1}
    return predict_round(tensors, nodes=2, config=config, metrics=metrics)["node 0"].total.up


def fleet() -> float:
    """A day of one node, times ten thousand."""
    from fedlab.transport import predict_idle

    one = predict_idle(24 * 60 * 60).total
    return 10_000 * (one.up + one.down).MB / 1_000


def carrying() -> Any:
    """Bytes of those kinds, of all bytes on the hop."""

    def carrying(wire: Any, hop: str, kinds: set[str]) -> float:
        return float(wire.select(hop=hop, kinds=kinds).total / wire.select(hop=hop).total)

    return carrying


ALL = [server_hop, requests, small_model, fleet, carrying]
