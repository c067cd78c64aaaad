"""A folder of students' notebooks: each is run by a worker, and what came of it is its grade."""

from __future__ import annotations

import json
import shutil
import sys
import threading
import time
from collections.abc import Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import asdict
from pathlib import Path

from fedlab import tff_environment
from fedlab.exercises import record
from fedlab.exercises.overview import exercise_names
from fedlab.grading.edits import edits
from fedlab.grading.grades import Grade, Status, brief
from fedlab.grading.job import JOB, LESSON, REPORT, Job, Report
from fedlab.grading.notebooks import Lesson, Notebook, RefusedError, known, lesson_of, read
from fedlab.keeper import Keeper, KeeperError
from fedlab.paths import shipped

_LOOK_SECONDS = 0.2  # between two looks at a worker
_GRACE_SECONDS = 60.0  # that a worker may take beyond its limit, to start and to end
_ONLY_LESSONS = shutil.ignore_patterns("*.ipynb", ".ipynb_checkpoints", "__pycache__")


class _StoppedError(Exception):
    """Grading was given up."""


def found(folder: Path) -> list[Path]:
    """The notebooks anywhere below a folder, in order of their paths.

    What is hidden is left out: Jupyter's checkpoints, and what macOS packs beside a file.
    Raises ValueError when it is no folder, or holds no notebook.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder}: expected a folder of notebooks")
    paths = [
        path
        for path in sorted(folder.rglob("*.ipynb"))
        if not path.is_dir()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    if not paths:
        raise ValueError(f"{folder}: expected notebooks (.ipynb) in it, or in folders below it")
    return paths


def grade(
    folder: Path, *, lessons: Path | None = None, limit_seconds: float = 600.0, jobs: int = 1
) -> Generator[Grade]:
    """Run every notebook below a folder as its student left it; its grade as soon as it has one.

    Nothing is written below the folder. lessons: the folder of the lessons as they were given out;
    fedlab's own if None. limit_seconds: for each notebook, its kernel's start included. jobs: how
    many run at the same time. Closing the generator ends all that run.
    Raises ValueError as `found` does.
    """
    paths, home, stop = found(folder), lessons or shipped("lessons"), threading.Event()
    shelf = known(home)

    def graded(path: Path) -> Grade:
        name = path.relative_to(folder).as_posix()
        try:
            return _graded(path, name, shelf, home, limit_seconds, stop)
        except RefusedError as error:
            return Grade(name, status="refused", note=str(error))
        except Exception as error:  # whatever one student's files do, the others' are graded
            return Grade(name, status="crashed", note=f"its run failed: {brief(str(error), 200)}")

    with ThreadPoolExecutor(jobs) as pool:
        waiting = {pool.submit(graded, path) for path in paths}
        try:
            while waiting:
                # not without a timeout: on Windows no interrupt would come through
                done, waiting = wait(waiting, _LOOK_SECONDS, FIRST_COMPLETED)
                yield from (one.result() for one in done)
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)


def _graded(
    path: Path,
    name: str,
    shelf: Sequence[Lesson],
    home: Path,
    limit_seconds: float,
    stop: threading.Event,
) -> Grade:
    notebook = read(path)
    lesson = lesson_of(notebook, shelf)
    kernel = lesson.given.kernel if lesson.given.kernel == tff_environment.KERNEL else ""
    names = exercise_names(lesson.number)
    note = edits(lesson.given.code, notebook.code)

    def result(status: Status, *words: str, states: dict[str, str] | None = None) -> Grade:
        last = tuple((states or {}).get(name, "NotAttempted") for name in names)
        return Grade(name, lesson.number, status, last, "; ".join([*words, *note]))

    if kernel and (why := _unavailable()):
        return result("left out", why)
    try:
        report = _run(Job(list(notebook.code), kernel, limit_seconds), home, stop)
    except _StoppedError:
        return result("not run")
    except KeeperError as error:
        return result("crashed", f"its run failed: {brief(str(error), 200)}")
    return result(report.status, *_words(report, notebook, limit_seconds), states=report.states)


def _unavailable() -> str:
    """Why TensorFlow Federated's kernel cannot be used; empty where it can."""
    if obstacle := tff_environment.obstacle():
        return obstacle
    fault = tff_environment.fault()
    return f"{fault}: `make tff` mends it" if fault else ""


def _run(job: Job, home: Path, stop: threading.Event) -> Report:
    """In a keeper's folder, which is deleted with all that runs in it, whatever happens to us."""
    with Keeper() as keeper:
        folder = keeper.folder
        shutil.copytree(home, folder / LESSON, ignore=_ONLY_LESSONS)
        (folder / JOB).write_text(json.dumps(asdict(job)), "utf-8")
        own = {
            record.VARIABLE: str(folder / "progress.jsonl"),
            "IPYTHONDIR": str(folder / "ipython"),  # no history of yours, no start-up files either
        }
        keeper.start("worker", [sys.executable, "-m", "fedlab.grading"], own)
        ends = time.monotonic() + job.limit_seconds + _GRACE_SECONDS
        while keeper.statuses()["worker"] is None:
            if stop.wait(_LOOK_SECONDS):
                keeper.stop("worker")
                raise _StoppedError
            if time.monotonic() > ends:
                keeper.stop("worker")
                raise KeeperError("its worker did not end in time")
        try:
            return Report(**json.loads((folder / REPORT).read_text("utf-8")))
        except (OSError, ValueError, TypeError):  # a student's code has ended it, perhaps
            said = keeper.log("worker").strip().splitlines()
            raise KeeperError(said[-1] if said else "its worker was ended") from None


def _words(report: Report, notebook: Notebook, limit_seconds: float) -> list[str]:
    """What there is to say about a run, cells named by their first lines."""
    words = []
    if report.status != "graded":
        how = (
            f"not at its end after {limit_seconds:g} s"
            if report.status == "time limit"
            else "the kernel ended"
        )
        where = f", in: {brief(notebook.code[report.at])}" if report.at is not None else ""
        words.append(how + where)
    if report.raised:
        place, error = report.raised[0]
        cells = "1 cell" if len(report.raised) == 1 else f"{len(report.raised)} cells"
        first = "" if len(report.raised) == 1 else "first "
        words.append(f"{cells} raised, {first}{brief(error)} in: {brief(notebook.code[place])}")
    return words
