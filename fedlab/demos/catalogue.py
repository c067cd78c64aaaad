"""Which demos there are: by name, what each is called, what it answers, and how it is made.

Nothing heavy is imported before a demo is made.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fedlab.widgets.base import Demo


class DemoError(ValueError):
    """A demo that does not exist or cannot be served: says why, and what to do."""


def _nothing() -> None:
    pass


@dataclass(frozen=True)
class Entry:
    """A demo of the course.

    name: on the command line and in its address. question: what a room can find out with it. make:
    makes it, of a model where takes_model says so. prepare: does beforehand what takes long, or
    raises DemoError where the demo cannot be made.
    """

    name: str
    title: str
    question: str
    make: Callable[[Any], Demo]
    takes_model: bool = True
    prepare: Callable[[], object] = _nothing


def _bandwidth(model: Any) -> Demo:
    from fedlab.widgets import BandwidthDemo

    return BandwidthDemo(model, cohort=100, fraction=0.2, rounds=10)


def _device_memory(model: Any) -> Demo:
    from fedlab.widgets import DeviceMemoryDemo

    return DeviceMemoryDemo(model, optimizer="adam")


def _server_memory(model: Any) -> Demo:
    from fedlab.widgets import ServerMemoryDemo

    return ServerMemoryDemo(model, updates=100)


def _update() -> Any:
    from fedlab.demos.update import first_update

    return first_update()


def _compression(_: Any) -> Demo:
    from fedlab.widgets import CompressionDemo

    return CompressionDemo(_update(), keep="topk", fraction=0.01, values="float32")


def _round(model: Any) -> Demo:
    from fedlab.widgets import RoundDemo

    return RoundDemo(model)


CATALOGUE = (
    Entry("bandwidth", "Bandwidth", "What does a federated run move over the network?", _bandwidth),
    Entry(
        "device-memory",
        "Memory on a device",
        "What does a participant hold while it trains?",
        _device_memory,
    ),
    Entry(
        "server-memory",
        "Memory on the server",
        "What does a server hold while updates come in?",
        _server_memory,
    ),
    Entry(
        "compression",
        "Smaller updates",
        "How few bytes can a real update be, and what is lost?",
        _compression,
        takes_model=False,
        prepare=_update,
    ),
    Entry(
        "round",
        "A round in motion",
        "What travels in a round, when, and what does it add up to?",
        _round,
    ),
)


def find(name: str) -> Entry:
    """The demo of this name. Raises DemoError that lists those there are.

    >>> find("bandwidth").title
    'Bandwidth'
    >>> find("bandwith")
    Traceback (most recent call last):
    ...
    fedlab.demos.catalogue.DemoError: unknown demo 'bandwith': did you mean bandwidth? expected \
one of bandwidth, device-memory, server-memory, compression, round
    """
    known = {entry.name: entry for entry in CATALOGUE}
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}? " if near else ""
    raise DemoError(f"unknown demo {name!r}: {hint}expected one of {', '.join(known)}")
