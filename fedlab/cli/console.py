"""What the commands share: where they print, and how they say what they can do."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

out = Console()
err = Console(stderr=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


def examples(*commands: str) -> str:
    """The end of a command's help: commands to copy, a paragraph each."""
    return "\n\n".join(("Examples:", *commands))
