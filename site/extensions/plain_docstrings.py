"""Docstrings are plain text with `code`, lists and examples: this says them as reStructuredText.

What is in backticks becomes code; parameters, which a docstring introduces as "name: what it is",
become bold; an indented block is left as it stands.
"""

import inspect
import re
from collections.abc import Sequence
from typing import Any

from sphinx.application import Sphinx

_SPANS = re.compile(r"(`[^`]+`)")
_SPECIAL = re.compile(r"([\\*_|`])")
_ARXIV = re.compile(r"arXiv:(\d{4}\.\d{4,5})")


def setup(app: Sphinx) -> dict[str, Any]:
    """What Sphinx calls."""
    app.connect("autodoc-process-docstring", _rewrite)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _rewrite(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    lines[:] = as_rst(lines, _parameters(thing))


def _parameters(thing: Any) -> list[str]:
    try:
        return list(inspect.signature(thing).parameters)
    except (TypeError, ValueError):
        return []


def as_rst(lines: Sequence[str], parameters: Sequence[str] = ()) -> list[str]:
    """The lines of a docstring in reStructuredText.

    >>> as_rst(["Sizes of `x_y`, x_y.", "", "size: in bytes."], ["size"])
    ['Sizes of ``x_y``, x\\\\_y.', '', '**size**: in bytes.']
    """
    written: list[str] = []
    for paragraph in _paragraphs(lines):
        if paragraph[0].startswith(">>>"):
            written += paragraph
        elif all(line.startswith("    ") for line in paragraph):
            said = any(line.endswith("::") for line in written[-2:])
            written += paragraph if said else ["::", "", *paragraph]
        else:
            written += _inline("\n".join(paragraph), parameters).split("\n")
        written.append("")
    return written[:-1]


def _paragraphs(lines: Sequence[str]) -> list[list[str]]:
    text = "\n".join(lines).strip("\n")
    return [part.split("\n") for part in re.split(r"\n[ \t]*\n+", text)] if text else []


def _inline(text: str, parameters: Sequence[str]) -> str:
    pieces = _SPANS.split(text)
    for place, piece in enumerate(pieces):
        if place % 2:
            pieces[place] = f"``{' '.join(piece[1:-1].split())}``"
            continue
        said = _SPECIAL.sub(r"\\\1", piece)
        if parameters:
            either = "|".join(map(re.escape, parameters))
            introduced = rf"(?:(?<=^)|(?<=\n)|(?<=[.;]\s))(?:(?:{either}), )*(?:{either})(?=:\s)"
            said = re.sub(introduced, lambda found: f"**{found[0].replace(', ', '**, **')}**", said)
        pieces[place] = _ARXIV.sub(r"`arXiv:\1 <https://arxiv.org/abs/\1>`__", said)
    return "".join(pieces)
