"""Exercises of lesson 06, the Pythia lab."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from fedlab.exercises.framework import Exercise, function, number
from fedlab.ledger import Ledger, Transfer
from fedlab.units import Bytes

if TYPE_CHECKING:
    import pandas as pd

PYTHIA, GPT2 = 56_270_848, 497_759_232  # bytes of payload

lost = Exercise(
    "06.1",
    "Somebody bills GPT-2 (497,759,232 B) as this lesson's list does: three clients, two rounds, "
    "so the list holds twelve times 474. How many **bytes** of the real payload did the twelve "
    "truncations lose, if its MB are read as what they are, MiB?",
    lambda answer: number(
        answer,
        8_810_496,
        unit="bytes",
        wrong={
            734_208: "that is one message; the list holds twelve",
            4_405_248: "that is one round or one direction; the list holds twelve messages",
            12 * GPT2 - 12 * 474 * 10**6: "that also reads MiB as MB; only what was cut is asked",
            12 * GPT2 - 5_696 * 2**20: "cut each term, as the list does, and not the sum",
        },
    ),
    "with each client and each round a little more is lost, and never anything gained.",
    [
        "How many bytes is one message really, and how many does the list say?",
        "474 MiB are 474 × 2**20 bytes. What is left of one message beyond them?",
        "Twelve messages each lose what one loses: the real bytes less those of the whole MiB.",
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
        "A total in bytes is exact. So add first, in bytes, and change the unit once.",
        "sum() of the list, divided by the bytes of one MiB: 2 to the power of which number?",
    ],
)


failed_client = Exercise(
    "06.3",
    "Eight clients get Pythia-14m in each of two rounds. In the first all are fine; in the second "
    "two crash in training and one sends back NaN. How many **bytes** of payload did the run move?",
    lambda answer: number(
        answer,
        30 * PYTHIA,
        unit="bytes",
        wrong={
            32 * PYTHIA: "the clients that crashed sent nothing back",
            29 * PYTHIA: "the NaN update is not in the mean, and yet it travelled",
            28 * PYTHIA: "all eight got a model in the second round, whatever they did with it",
            26 * PYTHIA: "all eight got a model in the second round, whatever they did with it",
            14 * PYTHIA: "that is the second round's; the first one is on the bill too",
            15 * PYTHIA: "models go out and updates come back: count both directions",
            30: "those are messages; each weighs 56,270,848 bytes",
        },
    ),
    "what travelled is on the bill, whether or not it is in the mean.",
    [
        "Count downlink and uplink apart, round by round.",
        "Every client gets a model in every round. A crash sends nothing; a NaN update is rejected "
        "after it arrived.",
        "Sixteen models go out. Back come eight updates, and then two fewer. Each is as large as "
        "the model.",
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
        'Two conditions: it is this node\'s, and its direction is "up". The outcome is none.',
        "Inside sum(), take the payload of each transfer for which both conditions hold.",
    ],
)


WORDS, WIDTH = 1_000, 32


@cache
def metered_run() -> Ledger:
    """Two rounds in which three clients train a small language model, its two ends tied."""
    import numpy as np
    import torch

    from fedlab.data import Examples
    from fedlab.federations import Federation

    class NextWord(torch.nn.Module):
        """Guesses the next word from the mean of the words before it."""

        def __init__(self) -> None:
            super().__init__()
            self.embed = torch.nn.Embedding(WORDS, WIDTH)
            self.mix = torch.nn.Linear(WIDTH, WIDTH)
            self.head = torch.nn.Linear(WIDTH, WORDS, bias=False)
            self.head.weight = self.embed.weight

        def forward(self, words: torch.Tensor) -> torch.Tensor:
            read: torch.Tensor = self.embed(words)
            guessed: torch.Tensor = self.head(self.mix(read.mean(dim=1)))
            return guessed

    texts = np.random.default_rng(0).integers(WORDS, size=(8, 5))
    some = Examples(texts[:, :4], texts[:, 4])
    federation = Federation(NextWord, [some] * 3, some, lr=0.1, travels="trainable")
    return federation.run(2).ledger


def someones_bill() -> pd.DataFrame:
    """What somebody made of the state_dict of the model of `metered_run`."""
    import pandas as pd

    tensors = _billed()
    message = sum(tensors.values())
    rows = {
        **tensors,
        "one message": message,
        "total: 2 rounds × 3 clients × 2 ways": 12 * message,
    }
    return pd.DataFrame({"bytes": {line: f"{size:,}" for line, size in rows.items()}})


def _billed() -> dict[str, int]:
    ends = 4 * WORDS * WIDTH
    mix = {"mix.weight": 4 * WIDTH * WIDTH, "mix.bias": 4 * WIDTH}
    return {"embed.weight": ends, **mix, "head.weight": ends}


def _check_bill(answer: Any) -> str | None:
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        return 'expected two things, (tensor, bytes), as in ("mix.bias", 1_000_000)'
    tensor, size = answer
    right, tied = metered_run().traffic, 4 * WORDS * WIDTH
    if wrong := number(
        size,
        right,
        unit="bytes",
        wrong={
            right + 12 * tied: "that is the bill's own total; what does one message really weigh?",
            right - 12 * tied: "both copies are gone now; the matrix does travel, once",
            right + 11 * tied: "that puts one message right; there are twelve",
            right + 6 * tied: "that puts one direction right; the matrix travels once each way",
            right / 12: "that is one message; the bill is about all twelve",
            right / 2: "that is one direction; the bill is about both",
            12 * tied: "that is what was billed too much; what is left without it?",
        },
    ):
        return wrong
    if tensor not in ("embed.weight", "head.weight"):
        return f"the bytes are right; but {tensor!r} is not as large as what was billed too much"
    return None


debug_the_bill = Exercise(
    "06.5",
    "**Debug the bill.** Three clients train a small language model for two rounds. "
    "`ex.metered_run()` really runs it and returns the ledger. Beside it is a bill that somebody "
    "made from the model's `state_dict()`, tensor by tensor. One tensor on it never travelled by "
    "itself. Answer with the pair (tensor, bytes): its name, and the corrected total in **bytes**.",
    _check_bill,
    "embed.weight and head.weight are one matrix with two names: tied, and sent once.",
    [
        "What does one message weigh on the bill, and what in the ledger?",
        "The difference is as large as a tensor of the bill. In fact two tensors are that large: "
        "when would a model list one matrix under two names?",
        "Take one of the two off each message. The ledger has the corrected total already.",
    ],
)

ALL = [lost, total_mib, failed_client, uplink_of, debug_the_bill]
