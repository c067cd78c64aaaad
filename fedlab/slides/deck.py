"""One notebook to one deck of slides on disk."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import nbformat
from nbconvert.exporters import SlidesExporter
from nbformat import NotebookNode

from fedlab.slides.canvas import CANVAS
from fedlab.slides.cells import as_notebook
from fedlab.slides.errors import SlidesError
from fedlab.slides.outline import slides_of


@dataclass(frozen=True)
class Deck:
    """A deck that was written. about: its first paragraph, in Markdown."""

    path: Path
    title: str
    about: str
    slides: int


def write_deck(notebook: Path, folder: Path) -> Deck:
    """Write a notebook's slides to `folder`, as one HTML file of the notebook's name.

    Raises SlidesError when `notebook` is no notebook, or has no title.
    """
    slides = slides_of(_read(notebook))
    if not slides:
        raise SlidesError(f"expected a cell that begins '# Title' in {notebook} and found none")
    title, blocks = slides[0].titles[0], slides[0].blocks
    resources = {"title": title, "canvas": CANVAS}
    page, _ = _exporter().from_notebook_node(as_notebook(slides), resources)
    path = folder / f"{notebook.stem}.html"
    path.write_text(page, "utf-8")
    return Deck(path, title, blocks[0].source if blocks[0].kind == "text" else "", len(slides))


def _read(path: Path) -> NotebookNode:
    if not path.is_file():
        raise SlidesError(f"expected a notebook, and {path} is no file; give the path of one")
    try:
        notebook: NotebookNode = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    except (ValueError, nbformat.ValidationError) as error:
        raise SlidesError(f"expected a notebook, and {path} is none: {error}") from None
    return notebook


@cache
def _exporter() -> SlidesExporter:
    return SlidesExporter(  # type: ignore[no-untyped-call]
        template_name="lesson",
        extra_template_basedirs=[str(Path(__file__).parent / "templates")],
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        exclude_anchor_links=True,
    )
