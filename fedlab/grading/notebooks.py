"""Notebooks, read without trust: a student's file, and the lessons that it may be."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fedlab.units import Bytes

LARGEST = Bytes(50 * 10**6)  # a lesson with its outputs is 0.3 MB at most
_TITLE = re.compile(r"^#\s+(.+?)\s*$", re.MULTILINE)


class RefusedError(Exception):
    """A file that cannot be graded; the message says why in a few words."""


@dataclass(frozen=True)
class Notebook:
    """The text of a notebook's cells, in order. kernel: the name of the one that it asks for."""

    prose: tuple[str, ...]
    code: tuple[str, ...]
    kernel: str

    @property
    def titles(self) -> list[str]:
        """Its headings of the first level, white space evened out."""
        return [" ".join(title.split()) for text in self.prose for title in _TITLE.findall(text)]


@dataclass(frozen=True)
class Lesson:
    """A lesson as it was given out."""

    number: str
    title: str
    given: Notebook


def read(path: Path) -> Notebook:
    """A notebook's cells. Raises RefusedError for what is none, is torn, empty or very large."""
    try:
        if not path.is_file():
            raise RefusedError("it is no file")
        size = Bytes(path.stat().st_size)
        if not size:
            raise RefusedError("it is empty")
        if size > LARGEST:
            raise RefusedError(
                f"it is {size}, and no more than {LARGEST} are read: clear its outputs"
            )
        whole = json.loads(path.read_bytes())
    except OSError as error:
        raise RefusedError(f"it cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise RefusedError("it is no notebook: it holds no JSON, or a torn one") from None
    try:
        cells = [(str(cell["cell_type"]), _text(cell["source"])) for cell in whole["cells"]]
    except (TypeError, LookupError):
        raise RefusedError("it is no notebook: its JSON is that of something else") from None
    match whole:
        case {"metadata": {"kernelspec": {"name": str(name)}}}:
            kernel = name
        case _:
            kernel = ""
    prose, code = (tuple(text for kind, text in cells if kind == k) for k in ("markdown", "code"))
    return Notebook(prose, code, kernel)


def known(folder: Path) -> list[Lesson]:
    """The lessons of a folder, in order. Raises ValueError for a damaged one."""
    lessons = []
    for path in sorted(folder.glob("[0-9][0-9]_*.ipynb")):
        try:
            given = read(path)
        except RefusedError as error:
            raise ValueError(f"{path} is to be a lesson, and {error}") from None
        lessons.append(Lesson(path.name[:2], given.titles[0], given))
    return lessons


def lesson_of(notebook: Notebook, lessons: Sequence[Lesson]) -> Lesson:
    """The lesson that has the same title. Raises RefusedError where there is none."""
    by_title = {lesson.title: lesson for lesson in lessons}
    for title in notebook.titles:
        if title in by_title:
            return by_title[title]
    raise RefusedError("it is no lesson: none of its headings is a lesson's title")


def _text(source: Any) -> str:
    """A cell's source, one string or a list of lines; what is no Unicode becomes a "?"."""
    text = source if isinstance(source, str) else "".join(source)
    return text.encode("utf-8", "replace").decode("utf-8")
