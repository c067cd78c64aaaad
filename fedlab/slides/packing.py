"""Which blocks share a slide, and in what size of type."""

from __future__ import annotations

from collections.abc import Sequence

from fedlab.slides.blocks import Block
from fedlab.slides.canvas import READABLE, ROOM, SIZES, TEXT_SIZES

Page = tuple[Block, ...]

# What parting two neighbours costs, in slides.
_LEAD = 0.4  # words from what they lead to
_RESULT = 0.6  # code from what it shows
_FIGURE = 0.2  # a figure from its code, or from its numbers
_EMPTY = 0.3  # and an empty page: two that are half full are better than a full one and a line


def packed(blocks: Sequence[Block]) -> list[Page]:
    """The blocks on pages, in their order: few pages, and together what belongs together."""
    best: list[tuple[float, list[Page]]] = [(0.0, [])]  # for each number of blocks, from the first
    for end in range(1, len(blocks) + 1):
        ways = []
        for start in range(end):
            page = tuple(blocks[start:end])
            if len(page) == 1 or _fits(page):
                cost, pages = best[start]
                parted = _parting(blocks[start - 1], page[0]) if start else 0.0
                ways.append((cost + parted + _price(page), [*pages, page]))
        best.append(min(ways, key=lambda way: way[0]))
    return best[-1][1]


def type_size(page: Page) -> int:
    """The largest type in which a page fits on a slide with no line broken; else the smallest."""
    sizes = TEXT_SIZES if all(block.kind == "text" for block in page) else SIZES
    for px in sizes:
        if all(px in block.heights for block in page) and _height(page, px) <= ROOM:
            return px
    return sizes[-1]


def _fits(page: Page) -> bool:
    """Whether blocks fit together, in a type that is readable, or no smaller than one alone has."""
    px = type_size(page)
    return _height(page, px) <= ROOM and px >= min(READABLE, *(type_size((b,)) for b in page))


def _price(page: Page) -> float:
    empty = max(0.0, 1 - _height(page, type_size(page)) / ROOM)
    return 1 + _EMPTY * empty**2


def _parting(before: Block, after: Block) -> float:
    if after.kind == "code" or (before.kind == "text" and before.source.rstrip().endswith(":")):
        return _LEAD
    if "figure" in (before.kind, after.kind):
        return _FIGURE
    return _RESULT if before.kind == "code" else 0.0


def _height(page: Page, px: int) -> float:
    return sum(block.heights[px] for block in page)
