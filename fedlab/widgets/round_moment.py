"""A federated run, message by message: who holds what, and what has travelled, after each step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fedlab.bandwidth import FederatedRun
from fedlab.units import Bytes

Event = Literal["start", "sent", "trained", "answered", "silent", "averaged"]
Status = Literal["idle", "waiting", "model", "update", "done", "failed"]


@dataclass(frozen=True)
class Moment:
    """A run when some of its steps are done.

    step: how many are. last: how many there are. round: the one at work, from 1. event: the newest
    step. client: the one whose message it was, from 1; 0 where it was none's. clients: what each
    is at; "idle" is not selected in this round. model: number of the server's newest model, which
    begins with 0. down, up: bytes that have travelled to and from the clients.
    """

    step: int
    last: int
    round: int
    event: Event
    client: int
    clients: tuple[Status, ...]
    model: int
    down: Bytes
    up: Bytes


def answers(run: FederatedRun, failing: int) -> int:
    """Updates that come back in a round of which `failing` clients never answer."""
    return max(0, run.clients_per_round - failing)


def moment(run: FederatedRun, step: int, failing: int = 0) -> Moment:
    """The run after `step` steps, 0 or more; after its last, if it has fewer.

    A round of n selected clients has 2n + 2 steps: the model goes to one client after the other,
    all train, their updates come back in the same order, the server averages. The clients are
    selected in turn, where Flower draws lots, so that a run looks the same each time. The last
    `failing` of those selected in a round never answer.

    >>> halfway = moment(FederatedRun(100, 10, cohort=2), 4, failing=1)
    >>> halfway.event, halfway.client, halfway.clients
    ('answered', 1, ('done', 'update'))
    >>> halfway.down, halfway.up
    (Bytes(200), Bytes(10))
    """
    selected, answering = run.clients_per_round, answers(run, failing)
    length = 2 * selected + 2
    step = min(step, length * run.rounds)
    # rounds that were over before this step, and how many steps of its own round are done
    before, done = divmod(step - 1, length) if step else (0, -1)
    done += 1
    sent, asked = min(done, selected), max(0, min(done - 1 - selected, selected))

    def client(turn: int) -> int:
        return (before * selected + turn) % run.cohort

    clients: list[Status] = ["idle"] * run.cohort
    for turn in range(selected):
        if turn >= sent:
            status: Status = "waiting"
        elif done <= selected:
            status = "model"
        elif turn >= asked:
            status = "update"
        else:
            status = "done" if turn < answering else "failed"
        clients[client(turn)] = status
    event, turn = _event(done, selected, answering)
    return Moment(
        step=step,
        last=length * run.rounds,
        round=before + 1,
        event=event,
        client=client(turn) + 1 if event in ("sent", "answered", "silent") else 0,
        clients=tuple(clients),
        model=(before + (event == "averaged")) if answering else 0,
        down=run.outgoing * (before * selected + sent),
        up=run.incoming * (before * answering + min(asked, answering)),
    )


def _event(done: int, selected: int, answering: int) -> tuple[Event, int]:
    """What a round's newest step was, and whose turn in it."""
    if done == 0:
        return "start", 0
    if done <= selected:
        return "sent", done - 1
    if done == selected + 1:
        return "trained", 0
    if done == 2 * selected + 2:
        return "averaged", 0
    turn = done - selected - 2
    return "answered" if turn < answering else "silent", turn
