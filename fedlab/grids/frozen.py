"""Tensors that no client trains, kept bit for bit: averaging equal numbers would round them."""

from __future__ import annotations

from collections.abc import Mapping

from flwr.app import Array

Name = tuple[str, str]  # of the array record, of the tensor


class Frozen:
    """Remembers what clients left out, as it was when they first did, until one brings it."""

    def __init__(self) -> None:
        self._kept: dict[Name, Array] = {}
        self._trained: set[Name] = set()
        self._brought: dict[str, set[Name]] = {}  # the latest, by message id: may be rejected yet

    def left_out(self, arrays: Mapping[Name, Array]) -> None:
        """A client trained without these; they are the server's own."""
        self._kept = {**arrays, **self._kept}

    def brought(self, message_id: str, names: set[Name]) -> None:
        """A client brought tensors that differ from those it was sent."""
        self._brought[message_id] = names

    def reject(self, message_id: str) -> None:
        """What that client brought was no good: it trained nothing."""
        self._brought.pop(message_id, None)

    def settle(self) -> None:
        """What was brought, and not rejected until now, is trained."""
        self._trained.update(*self._brought.values())
        self._brought.clear()

    def put_back(self, key: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """The record's arrays, the frozen ones as they were."""
        self.settle()
        frozen = self._kept.keys() - self._trained
        return {
            name: self._kept[key, name] if (key, name) in frozen else array
            for name, array in arrays.items()
        }
