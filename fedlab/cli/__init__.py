"""The command line: fedlab lab, estimate, measure, … (see `app`), a file for each command.

A command's docstring says what its positional arguments are: beside click 8.5, typer 0.20 shows no
`help` of theirs.
"""

from __future__ import annotations

import sys

import typer

from fedlab.cli import demo, doctor, estimate, grade, lab, lessons, measure, progress
from fedlab.cli.console import err
from fedlab.streams import print_any_text

app = typer.Typer(
    name="fedlab",
    help="What federated learning costs in memory and bandwidth: predict it, measure it, cut it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.command(epilog=lab.EXAMPLES)(lab.lab)
app.command(epilog=estimate.EXAMPLES)(estimate.estimate)
app.command(epilog=measure.EXAMPLES)(measure.measure)
app.command(epilog=demo.EXAMPLES)(demo.demo)
app.command(epilog=doctor.EXAMPLES)(doctor.doctor)
app.command(epilog=lessons.EXAMPLES)(lessons.lessons)
app.command(epilog=progress.EXAMPLES)(progress.progress)
app.command(epilog=grade.EXAMPLES)(grade.grade)


def main() -> None:
    """The entry point: what a user got wrong is one sentence and exit status 2, no traceback."""
    print_any_text()
    try:
        app()
    except (ValueError, FileExistsError) as error:
        _refuse(error)
    except RuntimeError as error:
        from fedlab.engines import DeploymentError, NotEnoughNodesError
        from fedlab.keeper import KeeperError

        if not isinstance(error, DeploymentError | NotEnoughNodesError | KeeperError):
            raise
        _refuse(error)
    except KeyboardInterrupt:
        sys.exit(130)


def _refuse(error: Exception) -> None:
    err.print(f"fedlab: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
    sys.exit(2)
