"""fedlab doctor: can this machine run the course?"""

from __future__ import annotations

import json

import typer
from rich.table import Table

from fedlab.cli.console import Json, examples, out

EXAMPLES = examples("fedlab doctor", "fedlab doctor --json")


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
