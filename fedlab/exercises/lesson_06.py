"""Exercises of lesson 06, the Pythia lab."""

from __future__ import annotations

from typing import Any

from fedlab.exercises.framework import Exercise, function, number
from fedlab.ledger import Ledger, Transfer
from fedlab.units import Bytes

PYTHIA = 56_270_848


lost = Exercise(
    "06.1",
    "The list of the lesson holds four times 53. How many **bytes** of the real payload did the "
    "four truncations lose, if its MB are read as what they are, MiB?",
    lambda answer: number(
        answer,
        2_785_280,
        unit="bytes",
        wrong={
            696_320: "that is one message; the list holds four",
            13_083_392: "that is 225,083,392 − 212,000,000: it also reads MiB as MB",
        },
    ),
    "the truncation loses 2.8 MB; reading MiB as MB loses the other 10.3 MB.",
    [
        "One message really is 56,270,848 bytes; the list says 53 MiB of it.",
        "53 MiB are 53 × 2**20 bytes.",
        "4 * (56_270_848 - 53 * 2**20)",
    ],
)


def _check_total(answer: Any) -> str | None:
    small = [2**19] * 4
    cases = [
        (([PYTHIA] * 4,), 4 * PYTHIA / 2**20, "sum the bytes first, divide once, cut nothing"),
        ((small,), 2.0, "four halves of a MiB are two, not none: a term was cut before the sum"),
        (([],), 0.0, "no message, no bytes"),
    ]
    return function(answer, cases, name="total_mib")


total_mib = Exercise(
    "06.2",
    "Write `total_mib(sizes_in_bytes)`: the total of a list of message sizes in MiB, exact.",
    _check_total,
    "round when you print, never before you add.",
    [
        "Where does the lesson's own code cut?",
        "sum() first; the division by 2**20 comes once, at the end.",
        "return sum(sizes_in_bytes) / 2**20",
    ],
)


failed_client = Exercise(
    "06.3",
    "Five clients get Pythia-14m. One crashes in training, one sends back NaN, three are fine. How "
    "many **bytes** of payload did the round move?",
    lambda answer: number(
        answer,
        9 * PYTHIA,
        unit="bytes",
        wrong={
            10 * PYTHIA: "the client that crashed sent nothing back",
            8 * PYTHIA: "the NaN update is not in the mean, and yet it travelled",
            6 * PYTHIA: "all five clients got a model, whatever they did with it",
        },
    ),
    "what travelled is on the bill, whether or not it is in the mean.",
    [
        "Count downlink and uplink apart.",
        "Five models go out. A crash sends nothing; a NaN update is rejected after it arrived.",
        "(5 + 4) * 56_270_848",
    ],
)


def _small_ledger() -> Ledger:
    def moved(node: int, direction: Any, payload: int, outcome: Any = "ok") -> Transfer:
        size = Bytes(payload)
        name = f"{node}-{payload}"
        return Transfer(name, node, 1, "train", direction, size, size, size, outcome)

    return Ledger(
        [
            moved(0, "down", 100),
            moved(1, "down", 100),
            moved(0, "up", 60),
            moved(1, "up", 30, "rejected"),
            moved(0, "down", 100),
            moved(0, "up", 61),
        ]
    )


uplink_of = Exercise(
    "06.4",
    "Write `uplink_of(ledger, node)`: the payload bytes that one node sent to the server, over all "
    "rounds. `ledger.transfers` is the list; each has `node`, `direction` and `payload`.",
    lambda answer: function(
        answer,
        [
            ((_small_ledger(), 0), 121, "node 0 sent in two rounds; what it received is no uplink"),
            ((_small_ledger(), 1), 30, "a rejected reply was sent all the same"),
            ((_small_ledger(), 7), 0, "a node that sent nothing sent 0 bytes"),
        ],
        name="uplink_of",
    ),
    "with the ledger in hand, every question about a bill is one line.",
    [
        "Go through ledger.transfers and keep the rows you want.",
        'Keep those with t.node == node and t.direction == "up".',
        'sum(t.payload for t in ledger.transfers if t.node == node and t.direction == "up")',
    ],
)


def _check_hours(answer: Any) -> str | None:
    right = 0.62523
    return number(
        answer,
        right,
        unit="hours",
        within=0.01,
        wrong={
            right / 8: "a link's rate is in bits; a byte is 8 of them",
            right * 2: "only the upload is asked for: one direction",
            right * 60: "those are minutes",
            right * 3600: "those are seconds",
        },
    )


hours = Exercise(
    "06.5",
    "A phone takes part in 100 rounds of Pythia-14m. For how many **hours** is its 20 Mbit/s "
    "uplink busy? (Within 1 %.)",
    _check_hours,
    "over half an hour of a full uplink, for a model smaller than a holiday video.",
    [
        "Bits to send, divided by bits per second, is seconds.",
        "100 × 56,270,848 bytes × 8 bits / 20,000,000 bits per second.",
        "100 * 56_270_848 * 8 / 20e6 / 3600",
    ],
)

ALL = [lost, total_mib, failed_client, uplink_of, hours]
