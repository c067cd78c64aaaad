"""Lays the pages out for Sphinx: files of the repository in their places, and what is made of it.

A page keeps the words of its file. Its links, which lead from file to file so that they work in a
clone too, are made to lead from page to page.
"""

import posixpath
import re
import shutil
from pathlib import Path

import nbformat
from api_pages import write_api
from demo_sections import demo_sections
from errors import SiteError
from lesson_map import lesson_table, lesson_toctree, read_lessons

ROOT = Path(__file__).resolve().parent.parent
_PLACES = {  # files whose pages have another name or place than they have
    "README.md": "index.md",
    "lessons/apps/README.md": "past_one_machine.md",
    "lessons/apps/pythia/README.md": "pythia_app.md",
    "benchmarks/README.md": "benchmarks.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
}
_LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)\s#]+)(#[^)\s]*)?(?=\))")
_CODE = re.compile(r"(^```.*?^```|`+[^`]+`+)", re.MULTILINE | re.DOTALL)


def gather(folder: Path) -> None:
    """Fill a folder with everything that Sphinx needs. Raises SiteError for a link to nothing."""
    lessons = read_lessons(ROOT / "lessons")
    for lesson in lessons:
        _place_notebook(lesson.path, folder)
    for path in [*sorted(ROOT.glob("site/*.md")), ROOT / "lessons/instructor.md"]:
        _place(path.relative_to(ROOT).as_posix(), folder)
    for name in _PLACES:
        if name != "README.md":
            _place(name, folder)
    made = folder / "generated"
    made.mkdir()
    opening = relinked(_opening(), "README.md", "index.md", folder)
    _write(made / "opening.md", opening)
    _write(made / "lesson_table.md", lesson_table(lessons))
    _write(made / "lesson_toctree.md", lesson_toctree(lessons))
    _write(made / "demos.md", demo_sections())
    write_api(folder / "api", made / "api_rooms.md")


def place_of(file: str) -> str | None:
    """Where the page of a file of the repository is; None when it is no page.

    >>> place_of("site/demos.md"), place_of("benchmarks/README.md"), place_of("Makefile")
    ('demos.md', 'benchmarks.md', None)
    """
    if file in _PLACES:
        return _PLACES[file]
    if re.fullmatch(r"site/\w+\.md", file):
        return file.removeprefix("site/")
    return file if re.fullmatch(r"lessons/(\d\d_\w+\.ipynb|instructor\.md)", file) else None


def relinked(text: str, file: str, place: str, folder: Path) -> str:
    """The text of a file with its links as its page needs them.

    A linked file that is no page is copied into the folder, and read or downloaded from there.
    """

    def link(found: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(file), found[1]))
        if not (ROOT / target).is_file():
            raise SiteError(f"{file} links to {found[1]}, and there is no file {target}; mend it")
        to = place_of(target)
        if to is None:
            to = target
            (folder / to).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / target, folder / to)
        return posixpath.relpath(to, posixpath.dirname(place) or ".") + (found[2] or "")

    pieces = _CODE.split(text)
    return "".join(piece if n % 2 else _LINK.sub(link, piece) for n, piece in enumerate(pieces))


def _place(file: str, folder: Path) -> None:
    place = place_of(file) or file
    _write(folder / place, relinked((ROOT / file).read_text("utf-8"), file, place, folder))


def _place_notebook(path: Path, folder: Path) -> None:
    file = path.relative_to(ROOT).as_posix()
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = relinked(cell.source, file, file, folder)
        for output in cell.get("outputs", []):
            # a figure keeps its text alternative where Jupyter has it; MyST-NB looks in its cell
            if alt := output.get("metadata", {}).get("image/png", {}).get("alt"):
                cell.metadata["mystnb"] = {"image": {"alt": alt}}
    _write(folder / file, nbformat.writes(notebook))


def _opening() -> str:
    """What the README says before its first table, which is that of the lessons."""
    return (ROOT / "README.md").read_text("utf-8").partition("\n|")[0] + "\n"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
