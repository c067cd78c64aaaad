"""What a run can be asked for, as both apps read it."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

from flwr.app import Context

# As in pyproject.toml, which `simulate` does not read.
DEFAULTS: dict[str, Any] = {
    "num-server-rounds": 1,
    "seed": 0,
    "distinct": True,
    "codec": "",
    "travel": "",
    "streaming": False,
    "window": 0,
}


def settings(context: Context) -> dict[str, Any]:
    """The run's settings, by the names that pyproject.toml gives them."""
    return DEFAULTS | context.run_config


def travelling(travel: str, names: Iterable[str]) -> list[str]:
    """The tensors whose names match one of the comma-separated patterns, such as `*.bias`.

    Raises ValueError for a pattern that matches none.
    """
    names, chosen = list(names), set()
    for pattern in (part.strip() for part in travel.split(",")):
        matches = {name for name in names if fnmatchcase(name, pattern)}
        if not matches:
            raise ValueError(f"travel: expected patterns of tensor names, {pattern!r} fits none")
        chosen |= matches
    return [name for name in names if name in chosen]
