"""Slides as a notebook in nbconvert's terms: cells, each with its slide type."""

from __future__ import annotations

from nbformat import NotebookNode, v4

from fedlab.slides.blocks import Block
from fedlab.slides.outline import Slide


def as_notebook(slides: list[Slide]) -> NotebookNode:
    """A notebook of the slides: each begins with a cell that holds its title."""
    cells = []
    section = None
    for slide in slides:
        is_new, section = slide.titles[:2] != section, slide.titles[:2]
        cells += [_title(slide, "slide" if is_new else "subslide"), *map(_cell, slide.blocks)]
    for number, cell in enumerate(cells):  # in place of random ids: the same bytes each time
        cell.id = str(number)
    notebook: NotebookNode = v4.new_notebook(cells=cells)  # type: ignore[no-untyped-call]
    return notebook


def _title(slide: Slide, slide_type: str) -> NotebookNode:
    level, above = len(slide.titles), slide.titles[-2] if len(slide.titles) > 1 else ""
    return _made(
        "markdown",
        source=f"{'#' * level} {slide.titles[-1]}",
        metadata={"slideshow": {"slide_type": slide_type}, "px": slide.px, "above": above},
    )


def _cell(block: Block) -> NotebookNode:
    if block.kind == "text":
        return _made("markdown", source=block.source)
    if block.kind == "code":
        return _made("code", source=block.source)
    if block.kind == "printed":
        output = v4.new_output("stream", text=block.source)  # type: ignore[no-untyped-call]
    else:
        html = {"text/html": block.source}
        output = v4.new_output("display_data", html)  # type: ignore[no-untyped-call]
    return _made("code", outputs=[output], metadata={"transient": {"remove_source": True}})


def _made(kind: str, **content: object) -> NotebookNode:
    make = v4.new_markdown_cell if kind == "markdown" else v4.new_code_cell
    cell: NotebookNode = make(**content)  # type: ignore[no-untyped-call]
    return cell
