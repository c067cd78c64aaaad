"""What stands on a slide: text, code, printed lines, a table, a figure; how high each is."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from math import ceil

from fedlab.slides.canvas import (
    GAP,
    READABLE,
    ROOM,
    SIZES,
    TEXT_SIZES,
    WIDTH,
    fixed_width,
    text_height,
    wrapped,
)

_CAPTION = 1000  # px: a table's least width, where it has a caption
_LETTER = 0.52  # the width of a table's letters, as a share of their size: most are digits

_MARKS = re.compile(r"\]\([^)]*\)|[*`\[]")  # a link's address, and what only sets type
_ITEM = re.compile(r"\n(?=- |\d+\. )")
_UNSEEN = re.compile(r"<style.*?</style>|<[^>]*>", re.DOTALL)
_ROW = re.compile(r"<tr.*?</tr>\s*", re.DOTALL)
_CELL = re.compile(r"<t[hd].*?</t[hd]>", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A piece of a slide.

    kind: "text" in Markdown, "code", "printed" text, "table" or "figure" in HTML. heights: in px of
    the canvas, for each size of type in which no line of it has to be broken, and for the smallest.
    """

    kind: str
    source: str
    heights: Mapping[int, float]


def text(source: str) -> Block:
    """A paragraph or a list. Beside code it is no smaller for that.

    >>> text("short").heights[24]
    53
    """
    items = [_MARKS.sub("", item) for item in _ITEM.split(source)]
    heights = {px: GAP + sum(text_height(item, px) for item in items) for px in TEXT_SIZES}
    return Block("text", source, heights | dict.fromkeys(SIZES, heights[TEXT_SIZES[-1]]))


def code(source: str) -> Block:
    """The source of a code cell. It is short enough to be read aloud, and so never split."""
    heights = {px: height + 24 for px, height in _fixed_heights(source).items()}
    return Block("code", source, heights)


def printed(lines: str) -> list[Block]:
    """Lines as a cell printed them, on as many slides as they take."""

    def block(part: list[str]) -> Block:
        joined = "\n".join(part)
        return Block("printed", joined, _fixed_heights(joined))

    return _parts(lines.splitlines(), block)


def table(source: str) -> list[Block]:
    """A table with its caption; on several slides, each part of it has the head."""

    def block(part: list[str]) -> Block:
        whole = before + "".join(part) + after
        return Block("table", whole, _table_heights(whole))

    rows = list(_ROW.finditer(source, source.find("<tbody") + 1))
    if not rows or "rowspan" in source:
        return [Block("table", source, _table_heights(source))]
    before, after = source[: rows[0].start()], source[rows[-1].end() :]
    return _parts([row[0] for row in rows], block)


def figure(image: str, least: float) -> Block:
    """An <img>, at least so many px high; it grows into what is left of its slide."""
    return Block("figure", image, dict.fromkeys(SIZES, least + GAP))


def _fixed_heights(lines: str) -> dict[int, float]:
    longest = max(map(len, lines.splitlines()), default=0)
    return {
        px: wrapped(lines, fixed_width(px)) * px * 1.35 + GAP
        for px in SIZES
        if longest <= fixed_width(px) or px == SIZES[-1]
    }


def _table_heights(source: str) -> dict[int, float]:
    rows = _ROW.findall(source)
    cells = [[_seen(cell) for cell in _CELL.findall(row)] for row in rows]
    columns = [max(map(len, column)) for column in zip_longest(*cells, fillvalue="")]
    caption = _seen(source[: source.find("</caption>") + 1])

    def height(px: int) -> float:
        above = wrapped(caption, int(_CAPTION / (_LETTER * px)))
        return (len(rows) + above) * px * 1.3 + len(rows) * 9 + 8 + GAP

    def width(px: int) -> float:
        return sum(_LETTER * px * letters + px for letters in columns)

    return {px: height(px) for px in SIZES if width(px) <= WIDTH or px == SIZES[-1]}


def _seen(source: str) -> str:
    return html.unescape(_UNSEEN.sub("", source)).strip()


def _parts(lines: list[str], block: Callable[[list[str]], Block]) -> list[Block]:
    """A block of the lines, or as few of equal length as fit on slides in a readable type."""
    parts = [block(lines)]
    if parts[0].heights[SIZES[-1]] <= ROOM:
        return parts
    px = READABLE if READABLE in parts[0].heights else SIZES[-1]
    for number in range(2, len(lines) + 1):
        size = ceil(len(lines) / number)
        parts = [block(lines[start : start + size]) for start in range(0, len(lines), size)]
        if all(part.heights[px] <= ROOM for part in parts):
            break
    return parts
