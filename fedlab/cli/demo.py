"""fedlab demo: a demo on a page of its own, for a room to see."""

from __future__ import annotations

import signal
import webbrowser
from typing import Annotated

import typer

from fedlab.cli.console import err, examples, out

EXAMPLES = examples(
    "fedlab demo",
    "fedlab demo bandwidth",
    "fedlab demo server-memory --model llama-3.2-1b",
    "fedlab demo round --port 9000 --no-browser",
)
_MODEL = "pythia-14m"


def demo(
    name: Annotated[str | None, typer.Argument()] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="A bundled name, a config.json, a .safetensors file, a model directory or a "
            f"Hugging Face id; {_MODEL} if not given."
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=1, max=65535, help="Where to serve; the first free port from 8866 on if not given."
        ),
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open a browser window.")] = True,
) -> None:
    """Show a live demo full-screen, in large type, until Ctrl-C.

    NAME is bandwidth, device-memory, server-memory, compression or round; without it, a page links
    to all of them. No other machine can open the pages.
    """
    from fedlab.demos import DemoError, find
    from fedlab.demos.serving import serving

    if name is not None:
        chosen = find(name)
        if model is not None and not chosen.takes_model:
            raise DemoError(f"the demo {name} is not made from a model: leave out --model")
        with err.status("preparing …"):
            chosen.prepare()
    # asked to end is as good as interrupted; Windows ends a process without asking it, and then the
    # keeper sees that its owner is gone
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with err.status("starting …") as status, serving(model or _MODEL, port) as server:
            status.stop()
            address = server.address(name)
            out.print(f"{address} (Ctrl-C stops it)", highlight=False, soft_wrap=True)
            if browser:
                webbrowser.open(address)
            server.wait()
    except KeyboardInterrupt:
        err.print("stopped")
