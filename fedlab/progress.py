"""A bar for what takes long."""

from __future__ import annotations

import os
from typing import Any

from tqdm.auto import tqdm

_QUIET_SECONDS = 5  # what is done sooner shows no bar


def progress_bar(total: int, *, unit: str, shown: bool = True) -> Any:
    """A tqdm bar that comes with the fifth second and goes at the end.

    total: of so many units. shown: False for none. TQDM_DISABLE=1 in the environment switches every
    bar off: in a terminal tqdm sees to that itself, in a notebook it does not.

    >>> with progress_bar(3, unit="round") as bar:
    ...     bar.update()
    """
    off = not shown or os.environ.get("TQDM_DISABLE", "0") not in ("", "0")
    return tqdm(total=total, unit=unit, delay=_QUIET_SECONDS, leave=False, disable=off)
