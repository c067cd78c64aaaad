"""The plan and the outcome, written and read: what was read has been checked."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from fedlab.crossing.arrays import CrossingError, Tensors, read_tensors, unreadable, widths_of
from fedlab.data import Examples
from fedlab.units import Bytes, Levels

_ENDS = 784, 10  # a digit's pixels, and its classes


@dataclass(frozen=True, eq=False)
class Plan:
    """The same federated training for both sides: plain SGD on real digits, no shuffling.

    rounds: 1 or more. lr: of SGD. batch: digits a step. clients: the digits of each, as indices
    into `mnist().train`. initial: a dense network from 784 to 10, float32, in torch's names.

    Raises CrossingError for anything else.

    >>> initial = {"0.weight": np.zeros((10, 784), np.float32), "0.bias": np.zeros(10, np.float32)}
    >>> Plan(rounds=1, lr=0.1, batch=32, clients=((0, 1), (2,)), initial=initial).widths
    (784, 10)
    """

    rounds: int
    lr: float
    batch: int
    clients: tuple[tuple[int, ...], ...]
    initial: Tensors

    def __post_init__(self) -> None:
        for what, count in (("rounds", self.rounds), ("batch", self.batch)):
            if not _whole(count) or count < 1:
                raise CrossingError(f"{what}: expected a whole number, 1 or more, got {count!r}")
        if not _number(self.lr) or not 0 < self.lr <= sys.float_info.max:
            raise CrossingError(f"lr: expected a positive number, got {self.lr!r}")
        if not self.clients or not all(self.clients):
            raise CrossingError("clients: expected at least one, each with at least one digit")
        for number, digits in enumerate(self.clients):
            if not all(_whole(digit) and digit >= 0 for digit in digits):
                raise CrossingError(f"client {number}: expected indices of digits, 0 or more")
        widths = self.widths
        if (widths[0], widths[-1]) != _ENDS:
            raise CrossingError(f"initial.npz: expected a network from 784 to 10, got {widths}")

    @property
    def widths(self) -> tuple[int, ...]:
        """The network's, inputs first: (784, 64, 10)."""
        return widths_of(self.initial, "initial.npz")

    def shares(self, train: Examples) -> list[Examples]:
        """Each client's digits, of these. Raises CrossingError for digits that there are not."""
        if (last := max(map(max, self.clients))) >= len(train):
            raise CrossingError(f"clients: expected digits 0 to {len(train) - 1}, got {last}")
        return [train.take(indices) for indices in self.clients]


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a run of the plan left.

    accuracies: 0 to 1, before the first round and after each. downlink, uplink: all bytes of the
    run, one way. failures: who was left out of a round, and why. final: the global model.
    """

    accuracies: tuple[float, ...]
    downlink: Levels
    uplink: Levels
    failures: tuple[str, ...]
    final: Tensors


def write_plan(folder: Path, plan: Plan) -> None:
    """Write plan.json and initial.npz into an existing folder.

    >>> from tempfile import TemporaryDirectory
    >>> initial = {"0.weight": np.zeros((10, 784), np.float32), "0.bias": np.zeros(10, np.float32)}
    >>> with TemporaryDirectory() as folder:
    ...     write_plan(Path(folder), Plan(1, 0.1, 32, ((0, 1), (2,)), initial))
    ...     read_plan(Path(folder)).clients
    ((0, 1), (2,))
    """
    numbers = {"rounds": plan.rounds, "lr": plan.lr, "batch": plan.batch, "clients": plan.clients}
    _write(folder, "plan.json", numbers, "initial.npz", plan.initial)


def read_plan(folder: Path) -> Plan:
    """The plan in this folder. Raises CrossingError for one that is missing or wrong."""
    said = _object(folder / "plan.json", {"rounds", "lr", "batch", "clients"})
    if not isinstance(said["clients"], list) or not all(
        isinstance(digits, list) for digits in said["clients"]
    ):
        raise CrossingError("plan.json: clients: expected a list of lists of indices")
    clients = tuple(tuple(digits) for digits in said["clients"])
    initial = read_tensors(folder / "initial.npz")
    return Plan(said["rounds"], said["lr"], said["batch"], clients, initial)


def write_outcome(folder: Path, outcome: Outcome) -> None:
    """Write outcome.json and final.npz into an existing folder."""
    numbers = {
        "accuracies": outcome.accuracies,
        "downlink": asdict(outcome.downlink),
        "uplink": asdict(outcome.uplink),
        "failures": outcome.failures,
    }
    _write(folder, "outcome.json", numbers, "final.npz", outcome.final)


def read_outcome(folder: Path) -> Outcome:
    """The outcome in this folder. Raises CrossingError for one that is missing or wrong."""
    said = _object(folder / "outcome.json", {"accuracies", "downlink", "uplink", "failures"})
    final = read_tensors(folder / "final.npz")
    widths_of(final, "final.npz")
    accuracies, failures = said["accuracies"], said["failures"]
    if not isinstance(accuracies, list) or not all(
        _number(share) and 0 <= share <= 1 for share in accuracies
    ):
        raise CrossingError("outcome.json: accuracies: expected a list of numbers from 0 to 1")
    if not isinstance(failures, list) or not all(isinstance(text, str) for text in failures):
        raise CrossingError("outcome.json: failures: expected a list of texts")
    downlink, uplink = (_levels(said[way], way) for way in ("downlink", "uplink"))
    return Outcome(tuple(accuracies), downlink, uplink, tuple(failures), final)


def _write(
    folder: Path, json_name: str, numbers: Mapping[str, Any], arrays_name: str, arrays: Tensors
) -> None:
    np.savez(folder / arrays_name, **arrays)  # type: ignore[arg-type]
    (folder / json_name).write_text(json.dumps(numbers) + "\n", encoding="utf-8")


def _object(path: Path, names: set[str]) -> dict[str, Any]:
    """A JSON object with just these names."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise unreadable(path, "JSON", error) from error
    if not isinstance(said, dict) or set(said) != names:
        got = ", ".join(said) if isinstance(said, dict) else type(said).__name__
        expected = ", ".join(sorted(names))
        raise CrossingError(f"{path.name}: expected an object of {expected}, got {got or 'none'}")
    return said


def _levels(said: Any, way: str) -> Levels:
    names = {field.name for field in fields(Levels)}
    if (
        not isinstance(said, dict)
        or set(said) != names
        or not all(_whole(size) and size >= 0 for size in said.values())
    ):
        raise CrossingError(
            f"outcome.json: {way}: expected whole bytes as {', '.join(sorted(names))}"
        )
    return Levels(**{name: Bytes(size) for name, size in said.items()})


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
