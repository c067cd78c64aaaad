"""fedlab measure: the bill of any Flower app."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from fedlab.cli.console import Json, err, examples, out

if TYPE_CHECKING:
    from fedlab.measure import MeasureReport

EXAMPLES = examples(
    "fedlab measure my-app",
    "fedlab measure my-app --nodes 5 --rounds 3 --config lr=0.01 --config codec=int8",
    "fedlab measure my-app --tls --json",
    "fedlab measure my-app --superlink fed.example.org:8000 --root-certificates ca.pem",
)
_ROUND = re.compile(r"\[ROUND (\d+(?:/\d+)?)\]")
_STEPS = {
    "configure_train": "training",
    "configure_fit": "training",  # what older strategies call it
    "configure_evaluate": "evaluation",
}
_COLUMNS = ("requests", "payload", "message", "wire")


def measure(
    app: Annotated[Path, typer.Argument()],
    nodes: Annotated[
        int | None, typer.Option(min=1, help="SuperNodes to start on this machine; 2 if not given.")
    ] = None,
    rounds: Annotated[
        int | None, typer.Option(min=1, help="In place of the app's num-server-rounds.")
    ] = None,
    config: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE", help="In place of a value of the app's run config; repeatable."
        ),
    ] = None,
    superlink: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="A federation to join; without it, one is started."),
    ] = None,
    root_certificates: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="Who signed the certificate of that SuperLink, in PEM.",
        ),
    ] = None,
    tls: Annotated[
        bool,
        typer.Option(
            "--tls", help="Encrypt: with certificates made for the run, or as --superlink has them."
        ),
    ] = False,
    timeout: Annotated[float, typer.Option(help="Seconds that the run may take.")] = 600.0,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show Flower's log.")] = False,
    as_json: Json = False,
) -> None:
    """Run any Flower app unchanged on a real federation, and print its bill beside the formula's.

    APP is the app's directory. Exit status 1 when a client failed.
    """
    if root_certificates is not None and superlink is None:
        raise ValueError("--root-certificates: expected --superlink too; --tls makes its own")
    where = (
        f"joining {superlink}" if superlink else f"starting a SuperLink, SuperNodes: {nodes or 2}"
    )
    with err.status(f"{where} …") as status:
        from fedlab.engines import Certificates
        from fedlab.engines.deployment.apps import config_of
        from fedlab.measure import measure as bill
        from fedlab.measure import setting

        progress = _Progress()

        def tell(line: str) -> None:
            if verbose:
                err.print(line, markup=False, highlight=False, soft_wrap=True)
            status.update(progress.after(line))

        known = config_of(app.expanduser())
        report = bill(
            app,
            nodes=nodes,
            rounds=rounds,
            run_config=dict(setting(text, known) for text in config or []),
            superlink=superlink,
            tls=tls if root_certificates is None else Certificates(root_certificates),
            timeout=timeout,
            tell=tell,
        )
    if as_json:
        print(json.dumps(report.as_json(), indent=2))
    else:
        show(report)
    if report.failures:
        raise typer.Exit(1)


class _Progress:
    """What the app is at, from the lines of Flower's log."""

    def __init__(self) -> None:
        self._round, self._step = "", "the app starts"

    def after(self, line: str) -> str:
        """In a few words, once this line has come.

        >>> _Progress().after("INFO :      [ROUND 1/2]")
        'round 1/2: it begins …'
        """
        if found := _ROUND.search(line):
            self._round, self._step = f"round {found.group(1)}: ", "it begins"
        for word, step in _STEPS.items():
            if word in line:
                self._step = step
        return f"{self._round}{self._step} …"


def show(report: MeasureReport) -> None:
    """Print the bill, the formula beside it, and what is to be said about both."""
    from fedlab.measure.bill import hop_of

    run = report.formula
    out.print(
        f"[bold]{escape(report.app)}[/bold]: SuperNodes: {report.nodes}, rounds: {report.rounds}; "
        f"the app broadcasts {run.outgoing}"
    )
    out.print(_bill(report))
    out.print(
        f"Formula: (outgoing + incoming) x clients x rounds = ({run.outgoing:,} + "
        f"{run.incoming:,}) x {run.clients_per_round} x {run.rounds} B = [bold]{run.traffic}[/bold]"
    )
    if (again := report.evaluation) is not None:
        out.print(
            f"Evaluation moves the model down again: {again.outgoing:,} x "
            f"{again.clients_per_round} x {again.rounds} B = {again.traffic}"
        )
    out.print(_compared(report))
    if not len(report.result.wire):
        out.print(
            "What passed on the hops of a federation that was joined is out of sight from here."
        )
    for note in report.notes():
        out.print(f"Why they differ: {note}.")
    out.print(
        f"Flower itself counted {report.result.inbound} from the SuperNodes "
        f"and {report.result.outbound} to them."
    )
    for failure in report.failures:
        hop, when = hop_of(failure.node, report.result), f"round {failure.round}"
        words = f"{hop} {failure.outcome} in {when}, {failure.message_type}: {failure.reason}"
        out.print(words, style="red", markup=False, highlight=False)
    out.print(f"The run took {report.result.seconds:.1f} s.", style="dim")


def _bill(report: MeasureReport) -> Table:
    table = Table("round", "hop", "", title="bytes, hop by hop; up is towards the SuperLink")
    rows = [*report.rows(), *report.totals()]
    known = [n for n in _COLUMNS if any(getattr(row, n) is not None for row in rows)]
    for name in known:
        table.add_column(name, justify="right")
    numbered = any(row.round for row in rows)
    labels = {None: "all", 0: "before" if numbered else ""}
    for above, row in zip([None, *rows], rows, strict=False):
        label = ""
        if above is None or row.round != above.round:
            table.add_section()
            label = labels.get(row.round, str(row.round))
        table.add_row(label, row.hop, row.direction, *(_number(getattr(row, n)) for n in known))
    return table


def _compared(report: MeasureReport) -> Table:
    *lines, total = report.compared()
    table = Table("bytes", title="the formula beside what the nodes sent and got")
    for name in ("formula", "payload", "", *(("wire", "") if total.wire is not None else ())):
        table.add_column(name, justify="right")
    for line in (*lines, total):
        if line is total:
            table.add_section()
        cells = [_number(line.predicted)]
        for measured in (line.payload, line.wire):
            if measured is not None:
                cells += [_number(measured), _percent(measured, line.predicted)]
        table.add_row(line.what, *cells)
    return table


def _number(size: int | None) -> str:
    return "" if size is None else f"{size:,}"


def _percent(measured: int, predicted: int) -> str:
    """By how much it is more, in % of what was predicted.

    >>> _percent(100, 100), _percent(103, 100), _percent(5, 0)
    ('equal', '+3.00 %', '')
    """
    if measured == predicted:
        return "equal"
    return f"{100 * (measured - predicted) / predicted:+.2f} %" if predicted else ""
