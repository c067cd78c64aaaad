"""fedlab progress: what has been predicted and solved on this computer."""

from __future__ import annotations

import json

from rich.table import Table

from fedlab.cli.console import Json, err, examples, out

EXAMPLES = examples("fedlab progress", "fedlab progress --json")


def progress(as_json: Json = False) -> None:
    """Show what you have predicted and solved, lesson by lesson.

    It is read from a small file of your own, which the lessons write. Delete it to start over.
    """
    from fedlab.exercises import overview, record

    done, file = record.read(), record.place()
    found = overview.standings(done)
    if done.problem:
        err.print(done.problem, markup=False, highlight=False, soft_wrap=True)
    if as_json:
        lessons = [one.as_json() for one in found]
        print(json.dumps({"file": None if file is None else str(file), "lessons": lessons}))
        return
    table = Table("lesson", "question", title="what you have done")
    for name in ("predicted", "solved"):
        table.add_column(name, justify="right")
    for one in found:
        table.add_row(
            one.lesson,
            one.question,
            f"{len(one.predicted)} of {len(one.predictions)}",
            f"{len(one.solved)} of {len(one.exercises)}",
        )
    out.print(table)
    where = f"kept in {file}; delete it to start over" if file else "FEDLAB_PROGRESS is empty"
    out.print(where, markup=False, highlight=False, soft_wrap=True)
