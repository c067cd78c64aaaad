"""One run of an app on a federation: the metered copy, the waiting, and the result."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fedlab.engines.deployment.apps import check_app, metered_copy
from fedlab.engines.deployment.book import Book, entry_in, read_book
from fedlab.engines.deployment.error import with_log
from fedlab.engines.deployment.result import DeployResult
from fedlab.engines.deployment.submitting import Finished, Submitter
from fedlab.engines.waiting import NotEnoughNodesError
from fedlab.keeper import Keeper
from fedlab.ledger import Ledger
from fedlab.meters import Exchanges
from fedlab.progress import progress_bar
from fedlab.units import Bytes

if TYPE_CHECKING:
    from fedlab.engines.deployment.federation import Deployment

_ROUND = re.compile(r"\[ROUND (\d+)/(\d+)\]")


def run_app(
    keeper: Keeper,
    submitter: Submitter,
    app: str | Path,
    *,
    run_config: dict[str, Any],
    check: bool,
    weighted_by: str,
    timeout: float,
    tell: Callable[[str], None] | None,
    federation: Deployment | None,
) -> DeployResult:
    """Submit a metered copy of the app and wait for it.

    federation: the one of this machine, or None for one that was joined, whose wire is out of
    sight and whose ledger comes back in Flower's log.
    """
    began, started = time.time(), time.monotonic()
    directory = Path(app).expanduser()
    check_app(directory, run_config)
    work = Path(tempfile.mkdtemp(dir=keeper.folder))
    file = None if federation is None else work / "ledger.jsonl"
    metered_copy(
        directory,
        work / "app",
        book=None if file is None else str(file),
        nodes=None if federation is None else federation.alive,
        check=check,
        weighted_by=weighted_by,
    )
    with _rounds_bar(shown=tell is None) as show:
        finished = submitter.run(
            work / "app",
            run_config,
            timeout,
            watch=lambda: None if federation is None else federation.check(),
            tell=tell or show,
        )
    book = read_book(_lines(file, finished))
    _raise_failure(book, finished)
    traffic = finished.about["network-traffic"]
    wire = Exchanges() if federation is None else federation.wire.select(since=began)
    lost = {} if federation is None else federation.lost
    return DeployResult(
        ledger=_naming_the_lost(book, lost, wire),
        wire=wire,
        trips=tuple(book.trips),
        nodes={} if federation is None else federation.identities,
        inbound=Bytes(traffic["inbound-bytes"]),
        outbound=Bytes(traffic["outbound-bytes"]),
        server_peak=book.peak,
        link_peak=None if federation is None else federation.link_peak,
        seconds=time.monotonic() - started,
        log=tuple(line for line in finished.log if not entry_in(line)),
    )


@contextmanager
def _rounds_bar(*, shown: bool) -> Iterator[Callable[[str], None]]:
    """A progress bar that follows Flower's log."""
    with progress_bar(0, unit="round", shown=shown) as bar:

        def show(line: str) -> None:
            if begins := _ROUND.search(line):
                number, bar.total = map(int, begins.groups())
                bar.set_description(f"round {number}")
                bar.update(number - 1 - bar.n)

        yield show


def _naming_the_lost(book: Book, lost: dict[int, str], wire: Exchanges) -> Ledger:
    """The ledger, where a failure of a SuperNode that is no more says what had passed by then."""
    named = Ledger()
    for transfer in book.ledger:
        if transfer.outcome == "failed" and (hop := lost.get(transfer.node)) is not None:
            passed = Exchanges()
            for trip in book.trips:
                if (trip.round, trip.kind) == (transfer.round, transfer.message_type):
                    passed = wire.select(hop=hop, since=trip.began, until=trip.ended)
            reason = (
                f"{hop} was lost with {passed.up:,} B of its uplink and {passed.down:,} B of its "
                f"downlink passed on the wire; {transfer.reason}"
            )
            transfer = replace(transfer, reason=reason)
        named.add(transfer)
    return named


def _lines(file: Path | None, finished: Finished) -> list[str]:
    if file is None:
        return [entry for line in finished.log if (entry := entry_in(line))]
    return file.read_text("utf-8").splitlines() if file.exists() else []


def _raise_failure(book: Book, finished: Finished) -> None:
    """What ended the app, as one sentence."""
    kind, _, reason = (book.finished or "").partition(": ")
    if kind == NotEnoughNodesError.__name__:
        raise NotEnoughNodesError(reason)
    status = finished.about["status"]
    if status != "finished:completed" or book.finished != "":
        unsaid = (
            f"its process ended early (Flower: {status}); the log says why, unless it was killed "
            "or out of memory"
        )
        raise with_log(
            f"the app's ServerApp did not finish its run: {book.finished or unsaid}",
            "\n".join(finished.log),
        )
