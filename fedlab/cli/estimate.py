"""fedlab estimate: the bandwidth formula for any model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from fedlab.cli.console import Json, err, examples, out
from fedlab.units import duration, parse_bps

if TYPE_CHECKING:
    from fedlab.codecs import Codec

EXAMPLES = examples(
    "fedlab estimate pythia-14m --clients 2",
    "fedlab estimate llama-3.2-1b --clients 100 --fraction 0.5 --rounds 10 --link 20Mbps",
    "fedlab estimate ./model.safetensors --clients 8 --incoming 0.25 --json",
    "fedlab estimate pythia-14m --clients 100 --codec 'topk:0.01|int8'",
)


def estimate(
    model: Annotated[str, typer.Argument()],
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
    """Say what a federated run will move, from sizes alone. No weights are loaded.

    MODEL is a bundled name, a config.json, a .safetensors file, a model
    directory or a Hugging Face id.
    """
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
