"""fedlab lab: a federated round of Pythia-14m, predicted and run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from fedlab.cli.console import Json, err, examples, out

if TYPE_CHECKING:
    from fedlab.lab import LabReport

EXAMPLES = examples(
    "fedlab lab", "fedlab lab --rounds 3 --engine ray", "fedlab lab --figure round.png --json"
)


def lab(
    clients: Annotated[int, typer.Option(min=1, help="How many clients there are.")] = 2,
    rounds: Annotated[int, typer.Option(min=1, help="How many rounds to run.")] = 1,
    engine: Annotated[str, typer.Option(help="in-process, or ray.")] = "in-process",
    figure: Annotated[
        Path | None, typer.Option(help="Save predicted beside measured as a PNG here.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Predict a federated round of Pythia-14m, run it for real, compare to the byte."""
    from fedlab.lab import run_lab

    with err.status("starting") as status:
        report = run_lab(
            clients=clients,
            rounds=rounds,
            engine=engine,
            tell=lambda step: status.update(f"{step} …"),
        )
    if figure is not None:
        report.figure().save(figure)
    if as_json:
        print(json.dumps(report.as_json(), indent=2))
    else:
        _show_lab(report)
    if report.ledger.failures:
        raise typer.Exit(1)


def _show_lab(report: LabReport) -> None:
    from fedlab.lab import MODEL, seed_figure

    facts = report.as_json()
    run = report.formula
    out.print(
        f"[bold]{MODEL}[/bold]: {facts['parameters']:,} parameters in {facts['tensors']} tensors, "
        f"{run.outgoing} in float32"
    )
    out.print(
        f"Formula: (outgoing + incoming) x clients x rounds = "
        f"({run.outgoing:,} + {run.incoming:,}) x {run.clients_per_round} x {run.rounds} B "
        f"= [bold]{run.traffic}[/bold]"
    )
    table = Table("level", title="bytes, both ways")
    for name in ("predicted", "measured", "difference"):
        table.add_column(name, justify="right")
    for level, predicted, measured, difference in report.rows():
        table.add_row(level, f"{predicted:,}", f"{measured:,}", f"{difference:,}")
    out.print(table)
    whole, exact = int(run.outgoing.MiB), run.outgoing.MiB
    times = 2 * run.clients_per_round
    out.print(
        f"The bandwidth lesson says {seed_figure(run.outgoing, run.clients_per_round)} MB: "
        f"{times} x floor({exact:.2f} MiB) = {times} x {whole}. It takes MiB for MB and cuts each "
        f"term before the sum; the exact payload of one round is {run.per_round}."
    )
    out.print(
        "record = payload + .npy headers, tensor names and metrics; "
        "message = record as Flower deflates it, with hashes."
    )
    for failure in report.ledger.failures:
        out.print(f"[red]node {failure.node} {failure.outcome}: {failure.reason}[/red]")
    out.print(f"The run took {report.seconds:.1f} s. Next: fedlab lessons", style="dim")
