"""Flower's log and its reasons, as a lesson can store them: no colour, no time, no address."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{6,}")
_PROCESS = re.compile(r"\(?\bpid[= ]\d+\)?[,:]? ?")
_ELAPSED = re.compile(r"\bin \d+\.\d+s\b")
_LONGEST = 300  # characters of a reason


def clean(text: str) -> str:
    """Take out what differs from run to run and from machine to machine.

    >>> clean("\\x1b[92mINFO\\x1b[0m: finished in 0.41s, <Client at 0x7f3a2b1c>")
    'INFO: finished in … s, <Client at …>'
    """
    text = _PROCESS.sub("", _ANSI.sub("", text))
    return _ELAPSED.sub("in … s", _ADDRESS.sub("…", text))


def one_line(reason: str) -> str:
    """A reason without line breaks, colours, process ids and addresses, cut where it rambles.

    >>> one_line("no\\n  memory at 0x7f3a2b1c")
    'no memory at …'
    """
    printable = reason.encode("utf-8", "backslashreplace").decode()
    text = " ".join(clean(printable).split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


class _Plain(logging.Handler):
    """Prints to the current standard output, in Flower's own layout."""

    def emit(self, record: logging.LogRecord) -> None:
        print(f"{record.levelname:<8}: {clean(record.getMessage())}".rstrip())


@contextmanager
def flower_log(
    *, show: bool, watch: Callable[[logging.LogRecord], bool] = lambda _: True
) -> Iterator[None]:
    """Route Flower's logger for a block: printed plainly, or silenced.

    watch sees every record of INFO and above first; what it raises ends the call that logged.
    """
    logger = logging.getLogger("flwr")
    level, handlers, propagate = logger.level, logger.handlers, logger.propagate
    logger.setLevel(logging.INFO)
    logger.handlers = [_Plain()] if show else [logging.NullHandler()]
    logger.propagate = False
    logger.addFilter(watch)
    try:
        yield
    finally:
        logger.removeFilter(watch)
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)
