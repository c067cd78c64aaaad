"""What the course's own plan reached, as it was measured; the plan itself is not here.

`reached.json` is written by `benchmarks/capstone.py`, which runs the plan, and a test runs it again
and compares. A student's copy has no solutions to run, and is scored all the same.
"""

from __future__ import annotations

import json
from pathlib import Path

from fedlab.capstone.attempt import Attempt
from fedlab.units import Bytes

PLACE = Path(__file__).with_name("reached.json")


def reference(seed: int = 0) -> Attempt:
    """What the reference reached with this seed. Raises ValueError for a seed it was not run with.

    >>> reference().broken()
    []
    """
    kept = json.loads(PLACE.read_text("utf-8"))
    if str(seed) not in kept:
        raise ValueError(f"seed: expected one of {', '.join(kept)}, got {seed!r}")
    found = kept[str(seed)]
    uplinks = tuple(map(Bytes, found["uplinks"]))
    return Attempt(None, tuple(found["accuracies"]), uplinks, found["server"])


def keep(attempts: dict[int, Attempt]) -> None:
    """Write what the reference reached, by seed."""
    found = {
        str(seed): {
            "server": round(attempt.server, 2),
            "accuracies": attempt.accuracies,
            "uplinks": attempt.uplinks,
        }
        for seed, attempt in attempts.items()
    }
    PLACE.write_text(json.dumps(found) + "\n", "utf-8")
