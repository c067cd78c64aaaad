"""Our in-process engine beside Flower's under Ray, and what `import fedlab` costs: ratios.

The Pythia lab's round (two clients, 56 MB each way) on each; the first in-process run also pays for
imports that both need, so the best of three is compared with one Ray run, which cannot be warmed.
"""

import subprocess
import sys
import time

from rich.console import Console
from rich.table import Table

from fedlab.lab import run_lab


def seconds_of_import(module: str) -> float:
    code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    runs = [subprocess.check_output([sys.executable, "-c", code], text=True) for _ in range(5)]
    return min(map(float, runs))


def main() -> None:
    console = Console(width=100)
    with console.status("in-process …"):
        run_lab()
        ours = min(run_lab().seconds for _ in range(3))
    with console.status("Ray …"):
        started = time.perf_counter()
        theirs = run_lab(engine="ray").seconds
        whole = time.perf_counter() - started
    table = Table("what", "seconds", "ratio", title="The Pythia round, 225.08 MB of payload")
    table.add_row("fedlab in-process", f"{ours:.2f}", "1")
    table.add_row("Flower under Ray", f"{theirs:.2f}", f"{theirs / ours:.0f} times as long")
    console.print(table)
    console.print(f"(the whole Ray run with its model: {whole:.1f} s)")
    table = Table("import", "seconds", "ratio", title="Importing, best of five fresh processes")
    fedlab, numpy = seconds_of_import("fedlab"), seconds_of_import("numpy")
    table.add_row("fedlab", f"{fedlab:.4f}", "1")
    table.add_row("numpy", f"{numpy:.4f}", f"{numpy / fedlab:.0f} times as long")
    console.print(table)


if __name__ == "__main__":
    main()
