"""A lesson as slides: each heading a title, each code cell with what leads to it a slide.

Nothing of this is stored in the notebook: its headings, and the order of its cells, are enough.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from nbformat import NotebookNode

from fedlab.slides.blocks import Block, code, text
from fedlab.slides.outputs import blocks_of
from fedlab.slides.packing import packed, type_size

_HEADING = re.compile(r"(#{1,3}) +(.+)")
_BLANK = re.compile(r"\n\s*\n")
_EXERCISES = "Exercises"

Titles = tuple[str, ...]  # of the lesson, of the section, of a part of the section


@dataclass(frozen=True)
class Slide:
    """What stands on a slide: the titles down to its own, the blocks, the size of their type."""

    titles: Titles
    blocks: tuple[Block, ...]

    @property
    def px(self) -> int:
        """The size of the type of code and outputs."""
        return type_size(self.blocks)


def slides_of(notebook: NotebookNode) -> list[Slide]:
    """The slides of a lesson, in order; what stands before its first heading is left out."""
    return [
        Slide(titles, page)
        for titles, blocks in _steps(notebook.cells)
        if titles
        for page in packed(blocks)
    ]


def _steps(cells: list[NotebookNode]) -> Iterator[tuple[Titles, list[Block]]]:
    """What belongs together, under its titles: code with its outputs and the text around it.

    Text between two code cells belongs to the second, text after the last to that.
    """
    titles: Titles = ()
    blocks: list[Block] = []
    words: list[Block] = []
    for cell in cells:
        if cell.cell_type == "markdown":
            for level, title, paragraph in _passages(cell.source):
                if title:
                    yield titles, [*blocks, *words]
                    titles, blocks, words = (*titles[: level - 1], title), [], []
                if paragraph:
                    words.append(text(paragraph))
        elif cell.cell_type == "code":
            outputs = [block for output in cell.outputs for block in blocks_of(output)]
            if _EXERCISES not in titles:
                yield titles, blocks
                blocks, words = [*words, code(cell.source), *outputs], []
            elif ".check(" not in cell.source:  # which is where the answer is to come
                yield titles, [*blocks, *words]
                blocks, words = outputs, []
    yield titles, [*blocks, *words]


def _passages(source: str) -> Iterator[tuple[int, str, str]]:
    """The level and the title of each heading, and each paragraph or list."""
    for part in _BLANK.split(source.strip()):
        first, _, rest = part.partition("\n")
        if heading := _HEADING.fullmatch(first.rstrip()):
            yield len(heading[1]), heading[2], rest
        else:
            yield 0, "", part
