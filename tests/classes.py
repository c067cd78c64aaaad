"""A tiny lesson in place of the course's, and what students make of it."""

import json
import sys
from contextlib import suppress
from pathlib import Path

import psutil

# Its exercises have the names of lesson 05's first two, so that five are listed.
SETUP = """\
from types import SimpleNamespace

from fedlab.exercises.framework import Exercise


def is_(right):
    return lambda answer: None if answer == right else "no"


ex = SimpleNamespace(
    sum=Exercise("05.1", "2 + 2", is_(4), praise="", hints=["count"]),
    product=Exercise("05.2", "2 x 3", is_(6), praise="", hints=["count"]),
)"""
GIVEN = "total = 2 + 2\nprint(total)"
SUM = "answer = {}\nex.sum.check(answer)"
PRODUCT = "answer = {}\nex.product.check(answer)"
SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


def write(path, *code, title="A tiny lesson"):
    """A notebook of these code cells, after a cell with the title."""
    cells = [{"cell_type": "markdown", "metadata": {}, "source": [f"# {title}\n", "\n", "Text."]}]
    cells += [
        {"cell_type": "code", "metadata": {}, "source": source, "outputs": []} for source in code
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4}), "utf-8")


def tiny_lessons(folder):
    """A folder of one lesson, with a file beside it."""
    write(folder / "05_tiny.ipynb", SETUP, GIVEN, SUM.format("..."), PRODUCT.format("..."))
    (folder / "apps").mkdir()
    (folder / "apps" / "number.txt").write_text("4", "utf-8")
    return folder


def answered(path, first, second, *more):
    """The tiny lesson with these answers, and with cells that its student added at the end."""
    write(path, SETUP, GIVEN, SUM.format(first), PRODUCT.format(second), *more)


def starts(pids: Path, then="time.sleep(600)"):
    """A cell that starts a process, and one of its own session whose parent ends; then sleeps."""
    fork = (
        "import subprocess as s; "
        f"print(s.Popen({SLEEP!r}, stdout=s.DEVNULL, start_new_session=True).pid)"
    )
    return (
        "import subprocess, sys, time\n"
        f"one = subprocess.Popen({SLEEP!r}).pid\n"
        f"other = subprocess.check_output([sys.executable, '-c', {fork!r}]).decode()\n"
        f"open({str(pids)!r}, 'w').write(f'{{one}} {{other}}')\n"
        f"{then}"
    )


def running(pids: Path):
    """Which of the processes in such a file run."""
    found = []
    for pid in pids.read_text().split():
        with suppress(psutil.NoSuchProcess):
            if psutil.Process(int(pid)).status() != psutil.STATUS_ZOMBIE:
                found.append(pid)
    return found
