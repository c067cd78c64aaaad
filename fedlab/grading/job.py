"""What a worker is asked to run, and what it reports: two files in a folder of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

JOB, REPORT, LESSON = "job.json", "report.json", "lesson"  # LESSON: the cells' working folder


@dataclass(frozen=True)
class Job:
    """Code cells to run one after the other. kernel: its name, or "" for this Python's own."""

    cells: list[str]
    kernel: str
    limit_seconds: float


@dataclass
class Report:
    """What came of it. at: the cell at which a run stopped before its end.

    raised: a cell's place and what it raised, for each that did. states: of the exercises that were
    checked, by name.
    """

    status: Literal["graded", "time limit", "crashed"] = "graded"
    at: int | None = None
    raised: list[tuple[int, str]] = field(default_factory=list)
    states: dict[str, str] = field(default_factory=dict)
