"""What the capstone's reference reaches, and the record that students are scored against.

It was chosen on seeds 0 to 2, which are recorded. Two candidates before it were run on 3 to 5 as
well, so those are not quite unseen. A seed draws the split, the model's first numbers and the order
of the digits. A few minutes.
"""

from time import perf_counter

from rich import box
from rich.console import Console
from rich.table import Table
from tqdm.auto import tqdm

from fedlab.capstone import run
from fedlab.capstone.reached import keep
from fedlab.exercises.solutions.lesson_12 import own_plan

RECORDED, FRESH = (0, 1, 2), (3, 4, 5)


def main() -> None:
    table = Table(title=str(own_plan()), box=box.MARKDOWN, title_justify="left")
    for name in ("seed", "accuracy, %", "bytes up, largest client", "models", "limits", "seconds"):
        table.add_column(name, justify="right")
    attempts = {}
    for seed in tqdm(RECORDED + FRESH, "seeds", leave=False):
        started = perf_counter()
        attempts[seed] = attempt = run(own_plan(), seed)
        table.add_row(
            str(seed),
            f"{100 * attempt.accuracy:.2f}",
            f"{attempt.uplink:,}",
            f"{attempt.server:.2f}",
            "; ".join(attempt.broken()) or "kept",
            f"{perf_counter() - started:.0f}",
        )
    keep({seed: attempts[seed] for seed in RECORDED})
    Console(width=140).print(table, markup=False)


if __name__ == "__main__":
    main()
