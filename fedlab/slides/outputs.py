"""A cell's stored outputs as blocks of a slide: what a static page shows of each."""

from __future__ import annotations

import re
import struct
from base64 import b64decode
from html import escape

from nbformat import NotebookNode

from fedlab.slides.blocks import Block, figure, printed, table, text
from fedlab.slides.canvas import WIDTH

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_IMAGE = re.compile(r'<img [^>]*src="data:image/(?:png|svg\+xml);base64,([^"]*)"[^>]*>\s*')
_SVG_SIZE = re.compile(rb' width="(\d+)" height="(\d+)"')
_PNG_SCALE, _SVG_SCALE = 1.25, 1.5  # at least: a figure's own type is 15 px high, a demo's 12


def blocks_of(output: NotebookNode) -> list[Block]:
    """What shows of an output: its picture, else its HTML, its Markdown, its text.

    >>> from nbformat.v4 import new_output
    >>> [block.source for block in blocks_of(new_output("stream", text="2,035,600 B\\n"))]
    ['2,035,600 B']
    """
    if output.output_type in ("stream", "error"):
        return _printed(output.text if "text" in output else "\n".join(output.traceback))
    if "image/png" in output.data:
        alt = escape(output.data.get("text/plain", ""))
        png = "".join(output.data["image/png"].split())
        return _html(f'<img alt="{alt}" src="data:image/png;base64,{png}">')
    if "text/html" in output.data:
        return _html(output.data["text/html"])
    if "text/markdown" in output.data:
        return [text(output.data["text/markdown"])]
    return _printed(output.data.get("text/plain", ""))


def _printed(lines: str) -> list[Block]:
    return printed(_ANSI.sub("", lines).strip("\n")) if lines.strip() else []


def _html(source: str) -> list[Block]:
    """Pictures, a demo's among them, and what stands below: a table."""
    pictures = [_figure(found[0], found[1]) for found in _IMAGE.finditer(source)]
    below = _IMAGE.sub("", source).strip()
    return [*pictures, *(table(below) if below else [])]


def _figure(image: str, encoded: str) -> Block:
    data = b64decode(encoded)
    if svg := _SVG_SIZE.search(data):
        (width, height), scale = map(int, svg.groups()), _SVG_SCALE
    else:
        (width, height), scale = struct.unpack(">II", data[16:24]), _PNG_SCALE
    most = round(WIDTH * height / width)  # px, where it is as wide as the page
    styled = image.strip().replace("<img ", f'<img style="max-height: {most}px" ', 1)
    return figure(styled, min(scale * height, most))
