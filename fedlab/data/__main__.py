"""The command `python -m fedlab.data`: fetch the data sets of the course, and list them."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer
from rich.console import Console

from fedlab.data.fetching import cached, fetch
from fedlab.data.registry import SOURCES, DataError, Source, find
from fedlab.streams import print_any_text
from fedlab.units import Bytes

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")
out = Console()
err = Console(stderr=True)


@app.command(
    epilog="Examples:\n\npython -m fedlab.data\n\npython -m fedlab.data mnist --json\n\n"
    "python -m fedlab.data --list\n\nFEDLAB_CACHE names another folder to keep them in."
)
def data(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Which; all if none is named.")
    ] = None,
    only_list: Annotated[
        bool, typer.Option("--list", help="Say what there is and fetch nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Fetch the data sets of the course with pip, verify them, and say where they are."""
    chosen = [find(name) for name in names or SOURCES]
    if not only_list:
        for source in chosen:
            fetch(source.name)
    facts = [_facts(source) for source in chosen]
    if as_json:
        print(json.dumps(facts, indent=2))
        return
    for fact in facts:
        where = fact["path"] or "not fetched yet"
        line = f"{fact['name']}: {fact['what']}; {Bytes(fact['bytes']).short}; {where}; "
        out.print(line + fact["licence"], markup=False, highlight=False, soft_wrap=True)


def _facts(source: Source) -> dict[str, Any]:
    path = cached(source.name)
    return {
        "name": source.name,
        "what": source.what,
        "bytes": source.size,
        "path": None if path is None else str(path),
        "sha256": {member.base: member.sha256 for member in source.members},
        "package": source.requirement,
        "licence": source.licence,
        "citation": source.citation,
    }


def main() -> None:
    """Run the command: what could not be had is one sentence and exit status 1."""
    print_any_text()
    try:
        app()
    except DataError as error:
        err.print(f"fedlab: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
