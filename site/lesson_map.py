"""The lesson map, read from the lessons' own title cells."""

import re
from dataclasses import dataclass
from pathlib import Path

import nbformat
from errors import SiteError

_TITLE = re.compile(
    r"# (?P<question>.+)\n\n\*\*(?P<minutes>\d+) minutes · (?P<kind>core|elective|set-up)\*\* "
    r"(?:\([^)]*\) )?· (?P<about>(?:.+\n?)+)"
)


@dataclass(frozen=True)
class Lesson:
    """What a lesson's title cell says of it.

    kind: core, elective or set-up. about: what its second paragraph says after that, in Markdown.
    """

    path: Path
    question: str
    minutes: int
    kind: str
    about: str

    @property
    def number(self) -> str:
        """Its two digits."""
        return self.path.name[:2]

    @property
    def page(self) -> str:
        """Its page, from the site's root."""
        return f"lessons/{self.path.stem}"


def read_lessons(folder: Path) -> list[Lesson]:
    """Every lesson of a folder, in order. Raises SiteError where a title cell says too little."""
    return [_read(path) for path in sorted(folder.glob("[0-9][0-9]_*.ipynb"))]


def _read(path: Path) -> Lesson:
    title = _TITLE.match(nbformat.read(path, as_version=4).cells[0].source)
    if title is None:
        raise SiteError(
            f"{path.name}: expected a first cell with '# Question', an empty line and "
            "'**NN minutes · core** · what it is about'"
        )
    about = " ".join(title["about"].split())
    return Lesson(path, title["question"], int(title["minutes"]), title["kind"], about)


def lesson_table(lessons: list[Lesson]) -> str:
    """A row a lesson, in Markdown."""
    rows = [
        f"| {one.number} | [{one.question}](/{one.page}.ipynb): {one.about} "
        f"| {one.minutes} | {one.kind} |"
        for one in lessons
    ]
    return "\n".join(["| lesson | question | minutes | kind |", "|---|---|--:|---|", *rows, ""])


def lesson_toctree(lessons: list[Lesson]) -> str:
    """The lessons as the side bar lists them."""
    entries = [f"{one.number} · {one.question} </{one.page}>" for one in lessons]
    return "\n".join(["```{toctree}", ":hidden:", ":caption: Lessons", "", *entries, "```", ""])
