"""What a demo draws, as a picture with its numbers, for pages where nothing runs.

An <img> of an SVG in a data: address is all that JupyterLab leaves of a notebook that it does not
trust, beside text and tables. It brings its own light ground, and looks the same on every page.
"""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

# Okabe and Ito's blue and orange, told apart by colour-blind readers too; panel.js has them as well
COLOURS = ("#0072b2", "#e69f00")
_BEHIND, _TRACK, _LINE, _TEXT = "#b0b0b0", "#eeeeee", "#c8c8c8", "#222222"

# where things stand, in the SVG's own units
_WIDTH, _MARGIN, _ROW = 720, 12, 22
_VALUES, _BARS = 204, 504  # left edges, of the labels' right neighbours
_PLOT_LEFT, _PLOT_HEIGHT, _PLOT_BELOW = 96, 140, 52


@dataclass(frozen=True)
class Look:
    """How a row is drawn beside its label and value, as panel.js draws it too.

    share: the length of a bar, from 0 to 1; None for no bar. colour: of the bar, an index of
    `COLOURS`. apart: below a rule.
    """

    share: float | None = None
    colour: int = 0
    apart: bool = False


@dataclass(frozen=True)
class Picture:
    """Elements of SVG, drawn downwards from 0; how high they are; what they show, in words."""

    svg: str
    height: int
    about: str


def bars(rows: Sequence[tuple[str, str]], looks: Mapping[str, Look]) -> Picture:
    """The rows that have a bar, each with its label and value."""
    drawn = [(row, look) for row in rows if (look := looks.get(row[0])) and look.share is not None]
    svg, about = [], []
    for place, ((label, value), look) in enumerate(drawn):
        middle, share = _ROW * place + _ROW // 2, look.share or 0.0
        whole = _WIDTH - _MARGIN - _BARS
        svg += [
            *([_rule(middle - _ROW // 2)] if look.apart else []),
            _text(_MARGIN, middle, label),
            _text(_VALUES, middle, value),
            _box(_BARS, middle - 5, whole, 10, _TRACK),
            _box(_BARS, middle - 5, whole * share, 10, COLOURS[look.colour]),
        ]
        about.append(f"{label} {share:.0%}")
    return Picture("".join(svg), _ROW * len(drawn), f"Bars: {', '.join(about)}." if about else "")


def histogram(
    counts: Sequence[int],
    chosen: Sequence[int],
    ticks: Sequence[tuple[float, str]],
    legend: tuple[str, str],
) -> Picture:
    """Bins side by side on a logarithmic scale, and in front of each what is chosen of it.

    chosen: of each bin, or nothing. ticks: (share of the axis, label). As histogram.js draws it.
    """
    largest, whole = max(counts), _WIDTH - _MARGIN - _PLOT_LEFT
    top, bottom = 8, 8 + _PLOT_HEIGHT

    def height(count: int) -> float:
        # begins below one, so that a bin of one value has a height
        return _PLOT_HEIGHT * math.log(2 * count) / math.log(2 * largest) if count else 0.0

    svg = []
    for power in range(len(str(largest))):
        at = bottom - height(10**power)
        svg += [_rule(at, _PLOT_LEFT), _text(_PLOT_LEFT - 8, at, f"{10**power:,}", "end")]
    step = whole / len(counts)
    for some, colour in ((counts, _BEHIND), (chosen, COLOURS[0])):
        outline = "".join(
            f"M{_short(_PLOT_LEFT + place * step + 0.5)} {bottom}"
            f"v-{_short(height(count))}h{_short(step - 1)}V{bottom}z"
            for place, count in enumerate(some)
            if count
        )
        svg.append(f'<path fill="{colour}" d="{outline}"/>')
    svg += [_text(_PLOT_LEFT + share * whole, bottom + 14, text, "middle") for share, text in ticks]
    left = _PLOT_LEFT
    for colour, text in zip((_BEHIND, COLOURS[0]), legend, strict=True):
        svg += [_box(left, bottom + 31, 10, 10, colour), _text(left + 16, bottom + 36, text)]
        left += 200
    svg.append(_text(left, bottom + 36, "how many, on a logarithmic scale"))
    about = f"Histogram by value, on a logarithmic scale: {legend[0]}, and {legend[1]}."
    return Picture("".join(svg), top + _PLOT_HEIGHT + _PLOT_BELOW, about)


def image(pictures: Sequence[Picture]) -> str:
    """The pictures, one below the other, as an <img>; nothing where there is nothing to see."""
    svg, below = "", _MARGIN
    for picture in pictures:
        svg += f'<g transform="translate(0 {below})">{picture.svg}</g>'
        below += picture.height
    about = " ".join(filter(None, (picture.about for picture in pictures)))
    if not about:
        return ""
    height = below + _MARGIN
    whole = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        f'width="{_WIDTH}" height="{height}" font-family="sans-serif" font-size="12" '
        f'fill="{_TEXT}"><rect x=".5" y=".5" width="{_WIDTH - 1}" height="{height - 1}" rx="4" '
        f'fill="#fff" stroke="{_LINE}"/>{svg}</svg>'
    )
    data = b64encode(whole.encode("utf-8")).decode("ascii")
    source = f"data:image/svg+xml;base64,{data}"
    return f'<img alt="{escape(about)}" width="{_WIDTH}" src="{source}">\n'


def _text(x: float, middle: float, text: str, anchor: str = "start") -> str:
    place = f'x="{_short(x)}" y="{_short(middle + 4)}"'
    return f'<text {place} text-anchor="{anchor}">{escape(text)}</text>'


def _box(x: float, y: float, width: float, height: float, colour: str) -> str:
    return (
        f'<rect x="{_short(x)}" y="{_short(y)}" width="{_short(width)}" height="{_short(height)}" '
        f'fill="{colour}"/>'
    )


def _rule(y: float, left: float = _MARGIN) -> str:
    return f'<path stroke="{_LINE}" d="M{_short(left)} {_short(y)}H{_WIDTH - _MARGIN}"/>'


def _short(number: float) -> str:
    """To a hundredth: enough to look at, and the same on every machine."""
    return f"{number:.2f}".rstrip("0").rstrip(".")
