"""Exercises of lesson 10, on the wire."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fedlab.exercises.framework import Exercise, called, function, number
from fedlab.meters import Exchange, Exchanges
from fedlab.sizes import TensorSpec
from fedlab.transport import predict_idle, predict_round
from fedlab.transport.flows import FLEET
from fedlab.units import Bytes

_PYTHIA = 56_270_848  # bytes of payload
_PIECE = 5 * 2**20


server_hop = Exercise(
    "10.1",
    "Eight SuperNodes take part in a round of Pythia-14m, plain FedAvg, distinct replies. How many "
    "**bytes** of payload pass the hop between ServerApp and SuperLink, both ways?",
    lambda answer: number(
        answer,
        9 * _PYTHIA,
        unit="B",
        wrong={
            16 * _PYTHIA: "that is what the eight SuperNodes' hops carry together; the ServerApp "
            "pushes its broadcast once",
            8 * _PYTHIA: "the replies alone, or the broadcast eight times alone",
            2 * _PYTHIA: "that is one SuperNode's hop: here all replies arrive",
            _PYTHIA: "that is the broadcast; the replies come down the same hop",
            18 * _PYTHIA: "twice too much: the broadcast goes up, the replies come down",
        },
    ),
    "with many clients the ServerApp's hop carries half of what the formula says.",
    [
        "What does the ServerApp push, and how often? What does it pull?",
        "One broadcast up, and a reply from each down.",
        "So that is one model for each of the eight, and one more.",
    ],
)


def _check_requests(answer: Any) -> str | None:
    cases: list[tuple[tuple[list[int]], int, str]] = [
        (([1_000],), 6, "a tensor, its one piece, and the four objects around them"),
        (([],), 4, "a message without tensors still has four objects"),
        (([_PIECE],), 6, "exactly 5 MiB is one piece"),
        (([_PIECE + 1],), 7, "one byte more needs a second piece: round up"),
        (([25_755_776, 1_000],), 12, "4.9 times 5 MiB is five pieces: round up"),
        (([640] * 3,), 10, "small tensors are not put together: each has a piece of its own"),
    ]
    if callable(answer):
        (got,) = called(answer, [([1_000],)], name="requests_of")
        known = {
            1: "that counts the pieces; each tensor has an object that names its pieces, and four "
            "stand around them",
            2: "the four objects around the tensors travel as well",
            5: "a small tensor is two objects: its own, and one piece",
            3: "four objects stand around the tensors: message, record dict, two records",
        }
        if isinstance(got, int) and got in known:
            return known[got]
    return function(answer, cases, name="requests_of")


requests = Exercise(
    "10.2",
    "Write `requests_of(sizes)`: how many objects, a request each, a SuperNode pushes for a reply. "
    "`sizes` lists the bytes of each tensor as it travels. A tensor is one object that names its "
    "pieces, and an object for each piece of at most 5 MiB (5 × 2^20 bytes). Around them are four: "
    "the message, its record dict, the arrays' record and the metrics' record.",
    _check_requests,
    "164 for Pythia-14m's 76 tensors, and 164 more to pull the broadcast.",
    [
        "Four, and for each tensor one and its pieces. How many pieces does a size make?",
        "Round up: math.ceil does, and so does // of a negative number, since -7 // 2 is -4.",
        "For each tensor one, and its size in pieces, rounded up. Add these up, and the four.",
    ],
)


def _check_small_model(answer: Any) -> str | None:
    right = 232_485
    shapes = ((64, 784), (64,), (10, 64), (10,))
    tensors = [TensorSpec(str(k), shape) for k, shape in enumerate(shapes)]
    node = predict_round(tensors, nodes=2)["node 0"]
    hop, sends = node.total, {FLEET + "push-object", FLEET + "push-messages"}
    return number(
        answer,
        right,
        unit="B",
        within=0.01,
        wrong={
            203_560: "that is the payload; the wire carries more",
            205_712: "that is the message; each of its objects is a request with a head",
            int(hop.down): "that is the downlink",
            int(hop.up + hop.down): "that is both ways",
            2 * right: "that is for two SuperNodes",
            int(
                node.select(sends).up
            ): "the requests that pull the broadcast have heads, too, and those go up",
        },
    )


small_model = Exercise(
    "10.3",
    "The network of lesson 01, Dense 784-64-10, trains with Flower: `0.weight` (64, 784), `0.bias` "
    "(64,), `2.weight` (10, 64), `2.bias` (10,), float32. How many **bytes** does a SuperNode send "
    "up its wire in a round? (Within 1 %. `predict_round` needs a `TensorSpec(name, shape)` for "
    "each tensor.)",
    _check_small_model,
    "a seventh more than the payload: for a small model the formula is a lower bound.",
    [
        "The lesson calls predict_round with tensors_of(...); a list of TensorSpec will do.",
        'The hop is "node 0", and its uplink is .total.up.',
        "Beside the tensors it takes what the lesson gives it: the nodes, and `**about` for the "
        "instruction's config and the reply's metrics.",
    ],
)


def _check_fleet(answer: Any) -> str | None:
    idle = predict_idle(86_400).total
    right = (idle.up + idle.down) / 10**5
    return number(
        answer,
        right,
        unit="GB",
        within=0.02,
        wrong={
            right / 10_000: "that is one node's day",
            1_000 * right: "that is in MB",
            right / 24: "that is one hour",
            idle.up / 10**5: "that is what they send; they receive answers, too",
            idle.down / 10**5: "that is what they receive; they ask, too",
            right * 10**9 / 2**30: "that is in GiB; a GB is 10^9 bytes",
            10**9 * right: "that is in bytes",
        },
    )


fleet = Exercise(
    "10.4",
    "10,000 SuperNodes wait for a day and are never selected. How many **GB** (10^9 bytes) pass "
    "the SuperLink's socket, both ways? (Within 2 %.)",
    _check_fleet,
    "as much as 2,900 clients' round of Pythia-14m, for nothing.",
    [
        "The lesson asks predict_idle for one node's day; its .total has .up and .down.",
        "Both together, ten thousand times, in units of 10^9 bytes.",
    ],
)


def _wire(rows: Sequence[tuple[str, str, int, int]]) -> Exchanges:
    return Exchanges(
        Exchange(hop, kind, float(k), Bytes(up), Bytes(down))
        for k, (hop, kind, up, down) in enumerate(rows)
    )


def _check_carrying(answer: Any) -> str | None:
    wire = _wire(
        [
            ("node 0", "/push", 800, 100),
            ("node 0", "/poll", 60, 40),
            ("node 1", "/push", 4_000, 500),
            ("node 0", "/pull", 200, 800),
        ]
    )
    (got,) = called(answer, [(wire, "node 0", {"/push", "/pull"})], name="carrying")
    if not isinstance(got, (int, float)) or isinstance(got, bool):
        return f"carrying(…) gave {got!r}, expected a share between 0 and 1"
    close: Callable[[float], bool] = lambda share: abs(got - share) < 1e-9  # noqa: E731
    if close(0.95):
        return None
    if close(1_000 / 1_060):
        return "that is the uplink's share; count both ways"
    if close(2 / 3):
        return "that is a share of the requests; count bytes"
    if close(6_400 / 6_500):
        return "that is of all hops; choose the one that is asked for"
    if close(95):
        return "a share, not a percentage: divide by all bytes and leave it there"
    return f"carrying(…) gave {got:g}, expected 0.95: 1,900 of 2,000 bytes on that hop"


carrying = Exercise(
    "10.5",
    "Write `carrying(wire, hop, kinds)`: which share of all bytes that passed this hop, both ways, "
    "belongs to requests of these kinds? `wire` is what `run.wire` is in this lesson; "
    "`wire.select(hop=…, kinds=…)` chooses, `.total` adds up.",
    _check_carrying,
    "with OBJECTS as kinds it says how much of a hop carries content.",
    [
        "Two selections: the hop with the kinds, and the hop alone.",
        "Of each selection take .total. The part is the one with both hop and kinds.",
        "Divide the part by the whole, in which the hop is chosen and the kinds are not.",
    ],
)

ALL = [server_hop, requests, small_model, fleet, carrying]
