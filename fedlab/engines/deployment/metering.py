"""In the ServerApp's own process: the app's server, metered, its ledger written down."""

from __future__ import annotations

import importlib
import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path

from flwr.app import Context, Message
from flwr.serverapp import Grid, ServerApp

from fedlab.engines.deployment.book import MARK, WrittenLedger
from fedlab.engines.waiting import refuse_to_wait
from fedlab.grids import CheckingGrid, DecodingGrid, GridLayer, MeteredGrid
from fedlab.logs import one_line
from fedlab.meters.watched import WatchedGrowth
from fedlab.records import round_of_message
from fedlab.units import Bytes


def metered(
    reference: str, *, book: str | None, nodes: int | None, check: bool, weighted_by: str
) -> ServerApp:
    """The ServerApp at "package.module:name", with fedlab's layers around its grid.

    book: the file that the ledger goes to; None for Flower's log. nodes: how many there are, where
    that is known: a strategy that waits for more raises NotEnoughNodesError.
    """
    layered = ServerApp()

    @layered.main()
    def main(grid: Grid, context: Context) -> None:
        with _writing(book) as write, flower_log_watched(nodes):
            ledger = WrittenLedger(write)
            marking = _Marking(grid, ledger)
            metered_grid = MeteredGrid(marking, ledger)
            layers: Grid = metered_grid
            if check:
                layers = CheckingGrid(DecodingGrid(metered_grid), weighted_by=weighted_by)
            try:
                _app(reference)(layers, context)
            except BaseException as error:
                ledger.note(end=one_line(f"{type(error).__name__}: {error}"), peak=None)
                raise
            metered_grid.close("never answered")
            ledger.note(end="", peak=marking.peak())

    return layered


def _app(reference: str) -> ServerApp:
    """Imported in the run, so that what goes wrong with it is written down like the rest."""
    module, _, name = reference.partition(":")
    app = attrgetter(name)(importlib.import_module(module))
    if not isinstance(app, ServerApp):
        raise TypeError(f"{reference}: expected a ServerApp, got {type(app).__name__}")
    return app


class _Marking(GridLayer):
    """Notes when a round trip begins: the wire's bytes are told apart by it.

    From the first one on, it watches this process's memory: what the model and its libraries take
    is there by then, and what the replies and their mean take comes after.
    """

    def __init__(self, grid: Grid, ledger: WrittenLedger) -> None:
        super().__init__(grid)
        self._ledger = ledger
        self._latest: tuple[int, str] | None = None
        self._growth: WatchedGrowth | None = None
        self._one_at_a_time = threading.Lock()  # older strategies ask each client in a thread

    def peak(self) -> Bytes | None:
        """By how much this process's memory grew at most since the first round trip began."""
        return None if self._growth is None else self._growth.close()

    def outgoing(self, messages: list[Message]) -> list[Message]:
        """Note it when these are of another round, or of another kind, than the last."""
        if messages:
            trip = round_of_message(messages[0]), messages[0].metadata.message_type
            with self._one_at_a_time:
                self._growth = self._growth or WatchedGrowth(os.getpid())
                if trip != self._latest:
                    self._latest = trip
                    self._ledger.note(round=trip[0], kind=trip[1])
        return messages


@contextmanager
def _writing(book: str | None) -> Iterator[Callable[[str], object]]:
    if book is None:
        yield lambda line: print(MARK + line, end="", flush=True)
        return
    with Path(book).open("a", encoding="utf-8", buffering=1) as file:
        yield file.write


@contextmanager
def flower_log_watched(nodes: int | None) -> Iterator[None]:
    """See every record of Flower's log, for a block.

    One that waits for more nodes than there are raises NotEnoughNodesError. One that holds the mark
    of a ledger's entry loses it: Flower logs the reasons that clients give, whatever they hold.
    """
    never = threading.Event()

    def watch(record: logging.LogRecord) -> bool:
        if nodes is not None:
            refuse_to_wait(record, nodes, never)
        if MARK in (said := record.getMessage()):
            record.msg, record.args = said.replace(MARK, "…"), ()
        return True

    logger = logging.getLogger("flwr")
    logger.addFilter(watch)
    try:
        yield
    finally:
        logger.removeFilter(watch)
