"""fedlab grade: a class's notebooks, run and scored."""

from __future__ import annotations

import json
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from fedlab.cli.console import Json, err, examples, out

if TYPE_CHECKING:
    from fedlab.grading import Grade

EXAMPLES = examples(
    "fedlab grade hand-ins --csv grades.csv",
    "fedlab grade hand-ins --csv grades.csv --limit 300 --jobs 2",
    "fedlab grade hand-ins --csv grades.csv --json",
)


def grade(
    folder: Annotated[Path, typer.Argument()],
    csv: Annotated[
        Path, typer.Option(metavar="FILE", help="The table, a row a notebook; it is overwritten.")
    ],
    limit: Annotated[float, typer.Option(min=1, help="Seconds for each notebook.")] = 600.0,
    jobs: Annotated[
        int,
        typer.Option(
            min=1,
            help="Notebooks at a time. A lesson uses every core and up to 2 GB, so more than one "
            "pays on large machines only.",
        ),
    ] = 1,
    as_json: Json = False,
) -> None:
    """Run a class's notebooks and write down which exercises each has solved.

    Every notebook below FOLDER, at any depth and under any name, is run from
    top to bottom as its student left it, in a process and a folder of its
    own; nothing below FOLDER is written to. A lesson is known by its title.
    What hangs, crashes, is no lesson or was edited is noted for that student
    alone.

    This runs students' code with your rights, and a score is what that code
    wrote down: grade only whom you would let use this account, and take no
    score for proof against one who forges.

    FILE is written after each notebook; Ctrl-C ends what runs and leaves the
    rest as "not run". Exit status 1 when some could not be run to their end.
    """
    from fedlab.grading import Grade, found
    from fedlab.grading import grade as grades_of

    names = [path.relative_to(folder).as_posix() for path in found(folder)]
    grades = {name: Grade(name) for name in names}
    _save(grades, csv)  # what cannot be written is said before an hour of work, not after
    with _bar() as bar, closing(grades_of(folder, limit_seconds=limit, jobs=jobs)) as results:
        task = bar.add_task("notebooks", total=len(grades))
        try:
            for one in results:
                grades[one.notebook] = one
                bar.advance(task)
                with suppress(ValueError):  # a spreadsheet has it open, perhaps; the last counts
                    _save(grades, csv)
        except KeyboardInterrupt:
            err.print(f"stopped; what was graded is in {csv}", markup=False, highlight=False)
            raise
    if as_json:
        done = [one.as_json() for one in grades.values()]
        print(json.dumps({"file": str(csv), "notebooks": done}))
    else:
        _show(list(grades.values()), csv)
    _save(grades, csv)  # after it was shown: then nothing is lost where it cannot be written
    if any(one.status != "graded" for one in grades.values()):
        raise typer.Exit(1)


def _save(grades: dict[str, Grade], file: Path) -> None:
    from fedlab.grading.grades import save

    if file.suffix == ".ipynb":
        raise ValueError(f"{file}: expected a file for a table, not a notebook's name")
    try:
        save(grades.values(), file)
    except OSError as error:
        raise ValueError(f"{file} cannot be written: {error.strerror}") from None


def _bar() -> Progress:
    shown = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    on = err.is_terminal  # elsewhere it would leave an empty line
    return Progress(*shown, TimeElapsedColumn(), console=err, transient=True, disable=not on)


def _show(grades: list[Grade], file: Path) -> None:
    from fedlab.grading.grades import printable

    table = Table(title="what the checks found")
    table.add_column("notebook", overflow="fold")
    for name in ("lesson", "status"):
        table.add_column(name)
    table.add_column("solved", justify="right")
    table.add_column("note")
    for one in grades:
        solved = f"{one.solved} of {len(one.states)}" if one.states else ""
        words = (printable(one.notebook), one.lesson, one.status, solved, one.note)
        table.add_row(*(Text(word) for word in words))  # as it stands: no markup of a student's
    out.print(table)
    ran = sum(one.status == "graded" for one in grades)
    said = f"{ran} of {len(grades)} were run to their end; the table is in {file}"
    out.print(said, markup=False, highlight=False, soft_wrap=True)
