"""The command line: fedlab lab | estimate | doctor | lessons."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from fedlab.units import duration, parse_bps

if TYPE_CHECKING:
    from fedlab.codecs import Codec
    from fedlab.lab import LabReport

app = typer.Typer(
    name="fedlab",
    help="What federated learning costs in memory and bandwidth: predict it, measure it, cut it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
out = Console()
err = Console(stderr=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


@app.command(
    epilog="Examples:\n\nfedlab lab\n\nfedlab lab --rounds 3 --engine ray\n\n"
    "fedlab lab --figure round.png --json"
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


@app.command(
    epilog="Examples:\n\n"
    "fedlab estimate pythia-14m --clients 2\n\n"
    "fedlab estimate llama-3.2-1b --clients 100 --fraction 0.5 --rounds 10 --link 20Mbps\n\n"
    "fedlab estimate ./model.safetensors --clients 8 --incoming 0.25 --json\n\n"
    "fedlab estimate pythia-14m --clients 100 --codec 'topk:0.01|int8'"
)
def estimate(
    model: Annotated[
        str,
        typer.Argument(
            help="A bundled name, a config.json, a .safetensors file, a model directory or a "
            "Hugging Face id."
        ),
    ],
    clients: Annotated[int, typer.Option(min=1, help="Clients in the cohort.")] = 2,
    fraction: Annotated[float, typer.Option(help="Share of them selected each round.")] = 1.0,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds.")] = 1,
    incoming: Annotated[
        float | None, typer.Option(help="An update's size as a share of the model's: 0.25, or 1.")
    ] = None,
    codec: Annotated[
        str | None,
        typer.Option(help="What updates are encoded with: int8, topk:0.01, 'topk:0.01|int8'."),
    ] = None,
    min_clients: Annotated[
        int | None, typer.Option(min=1, help="At least so many are selected, as Flower does.")
    ] = None,
    dtype: Annotated[
        str, typer.Option(help="Of a configuration's parameters; a weights file says its own.")
    ] = "float32",
    link: Annotated[str, typer.Option(help="A link's rate, for the times.")] = "20Mbps",
    as_json: Json = False,
) -> None:
    """Say what a federated run will move, from sizes alone. No weights are loaded."""
    from fedlab.bandwidth import FederatedRun
    from fedlab.framing import predict_levels
    from fedlab.sizes import size_of, tensors_of

    if incoming is not None and not 0 <= incoming < float("inf"):
        raise ValueError(f"--incoming: expected a share of the model, 0 or more, got {incoming}")
    if incoming is not None and codec is not None:
        raise ValueError("expected --incoming or --codec, got both: each says an update's size")
    encoder = _codec(codec)
    rate = parse_bps(link)
    with err.status(f"sizing {model} …"):
        specs = tensors_of(model, dtype=dtype)
    own = [spec for spec in specs if spec.tied_to is None]
    size = size_of(specs)
    update = round(size * (1.0 if incoming is None else incoming))
    if encoder is not None:
        update = predict_levels(own, codec=encoder).payload
    run = FederatedRun(
        size,
        update,
        cohort=clients,
        fraction=fraction,
        rounds=rounds,
        min_clients=min_clients,
    )
    tied = size_of(specs, tied="each") - size
    facts: dict[str, Any] = {
        "model": model,
        "parameters": sum(spec.elements for spec in own),
        "tensors": len(specs),
        "model_bytes": int(size),
        "tied_bytes": int(tied),
        "outgoing_bytes": int(run.outgoing),
        "incoming_bytes": int(run.incoming),
        "incoming_exact": encoder is None or encoder.fixed,
        "codec": None if encoder is None else str(encoder),
        "clients_per_round": run.clients_per_round,
        "rounds": run.rounds,
        "downlink_bytes": int(run.downlink),
        "uplink_bytes": int(run.uplink),
        "per_round_bytes": int(run.per_round),
        "traffic_bytes": int(run.traffic),
        "link_bps": rate,
        "upload_seconds": run.upload_seconds(rate),
        "traffic_seconds": run.seconds(rate),
    }
    if as_json:
        print(json.dumps(facts, indent=2))
        return
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(justify="left")
    table.add_column(justify="right")
    table.add_row("parameters", f"{facts['parameters']:,} in {len(specs)} tensors")
    table.add_row("model", str(size))
    if tied:
        table.add_row("tied weights", f"counted once; a state dict sends {tied} more")
    table.add_row("selected each round", f"{run.clients_per_round} of {clients}")
    if encoder is not None:
        most = "" if encoder.fixed else "at most "
        table.add_row(f"an update as {encoder}", f"{most}{run.incoming}")
    table.add_row("downlink", str(run.downlink))
    table.add_row("uplink", str(run.uplink))
    table.add_row("each round", str(run.per_round))
    table.add_row("traffic, all rounds", f"[bold]{run.traffic}[/bold]")
    table.add_row(f"one client's upload at {link}", f"{duration(run.upload_seconds(rate))} a round")
    table.add_row(f"all traffic through {link}", duration(run.seconds(rate)))
    out.print(f"[bold]{model}[/bold]")
    out.print(table)


def _codec(text: str | None) -> Codec | None:
    if text is None:
        return None
    from fedlab.codecs import parse

    return parse(text)


@app.command(epilog="Examples:\n\nfedlab doctor\n\nfedlab doctor --json")
def doctor(as_json: Json = False) -> None:
    """Say whether this machine can run the course, and what mends it. Exit status 1 if not."""
    from fedlab.doctor import examine

    checks = examine()
    if as_json:
        print(json.dumps([vars(check) for check in checks], indent=2))
    else:
        table = Table("", "check", "found", "what mends it")
        marks = {"ok": "[green]ok[/green]", "warning": "[yellow]warning[/yellow]"}
        for check in checks:
            mark = marks.get(check.status, "[red]missing[/red]")
            table.add_row(mark, check.name, check.found, check.mend)
        out.print(table)
    if any(check.status == "missing" for check in checks):
        raise typer.Exit(1)


@app.command(epilog="Examples:\n\nfedlab lessons\n\nfedlab lessons my-course --no-browser")
def lessons(
    folder: Annotated[
        Path, typer.Argument(help="Where your copy goes when fedlab is installed from a wheel.")
    ] = Path("fedlab-lessons"),
    browser: Annotated[bool, typer.Option(help="Open a browser window.")] = True,
) -> None:
    """Open JupyterLab at lesson 00."""
    from fedlab.paths import copied_lessons

    home = copied_lessons(folder)
    command = [sys.executable, "-m", "jupyter", "lab", "-y", f"--ServerApp.root_dir={home}"]
    command.append("--LabApp.default_url=/lab/tree/00_check_your_setup.ipynb")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # in a container one is root, and Jupyter would refuse
    if not browser:
        command.append("--no-browser")
    out.print(f"lessons in {home}; Ctrl-C stops JupyterLab")
    with subprocess.Popen(command) as jupyter:
        while True:
            try:
                raise typer.Exit(jupyter.wait())
            except KeyboardInterrupt:
                continue  # JupyterLab got it too, and is stopping its kernels


def main() -> None:
    """The entry point: what a user got wrong is one sentence and exit status 2, no traceback."""
    try:
        app()
    except (ValueError, FileExistsError) as error:
        err.print(f"fedlab: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
