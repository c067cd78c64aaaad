"""Which processes belong to a keeper, and how they are ended: children of children too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import psutil

MARK = "FEDLAB_KEEPER"  # in the environment of all that a keeper starts, and of what those start
_GRACE_SECONDS = 3.0  # from being asked to end to being killed


def belongings(folder: str) -> Iterator[Any]:
    """The processes whose environment says that they belong to the keeper of this folder.

    A child outlives its parent's death and then has another parent; its environment stays.
    """
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.environ().get(MARK) == folder:
                yield process


def end(folder: str) -> None:
    """Ask all of them to end, then kill what is left, until nothing is."""
    asked = list(belongings(folder))
    for process in asked:
        with suppress(psutil.Error):
            process.terminate()
    psutil.wait_procs(asked, timeout=_GRACE_SECONDS)
    while left := list(belongings(folder)):
        for process in left:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(left, timeout=_GRACE_SECONDS)
