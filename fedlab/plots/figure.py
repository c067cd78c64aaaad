"""What every figure is made of: the canvas, the colours, the unit of an axis, the result."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fedlab.units import DECIMAL, Bytes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure as MatplotlibFigure

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#E69F00", "#009E73", "#666666"
PURPLE, SKY, RED, YELLOW = "#CC79A7", "#56B4E9", "#D55E00", "#F0E442"
COLOURS = (BLUE, ORANGE, GREEN, GREY, PURPLE, SKY, RED, YELLOW)
_SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Figure:
    """A picture, its numbers as a table, and a sentence that says what it shows.

    As the last line of a notebook's cell it shows the picture, and the table below it.
    """

    picture: MatplotlibFigure
    table: pd.DataFrame
    alt: str

    def png(self) -> bytes:
        """The picture as PNG, the same bytes for the same numbers."""
        return self._drawn

    @cached_property
    def _drawn(self) -> bytes:
        # Once: matplotlib's layout goes on settling, by fractions of a pixel, when drawn again.
        buffer = io.BytesIO()
        self.picture.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
        return buffer.getvalue()

    def save(self, path: str | Path) -> None:
        """Write the picture as PNG."""
        Path(path).write_bytes(self.png())

    def _ipython_display_(self) -> None:
        from IPython.display import display

        bundle, about = {"image/png": self.png(), "text/plain": self.alt}, {"alt": self.alt}
        display(bundle, raw=True, metadata={"image/png": about})  # type: ignore[no-untyped-call]
        display(self.table)  # type: ignore[no-untyped-call]


def canvas(title: str, height: float = 3.6) -> tuple[MatplotlibFigure, Any]:
    """An empty figure without pyplot's global state, so that nothing is drawn twice."""
    from matplotlib.figure import Figure as Canvas

    picture = Canvas(figsize=(7.2, height), layout="constrained")
    axes = picture.add_subplot()
    axes.set_title(title, loc="left", fontweight="bold")
    axes.spines[["top", "right"]].set_visible(False)
    return picture, axes


def cycle(count: int) -> Sequence[str]:
    """A colour for each of up to eight things.

    Raises ValueError for more, which no reader tells apart.
    """
    if count > len(COLOURS):
        raise ValueError(
            f"expected up to {len(COLOURS)} things to tell apart by colour, got {count}; "
            "add up the small ones, or draw two figures"
        )
    return COLOURS[:count]


def ink(colour: str) -> str:
    """The colour of text that is legible on this one."""
    return "black" if colour in (ORANGE, SKY, YELLOW) else "white"


def plain(number: float, _: object = None) -> str:
    """A number without an exponent; matplotlib gives a formatter the tick's place too.

    >>> plain(0.05), plain(100_000.0)
    ('0.05', '100,000')
    """
    return f"{number:,.10g}"


def scale(size: int) -> tuple[int, str]:
    """The factor and the axis label of the decimal unit in which this size reads well.

    >>> scale(225_083_392)
    (1000000, 'MB (10⁶ bytes)')
    """
    power = Bytes(size).power
    exponent = str(3 * power).translate(_SUPERSCRIPT)
    return 1000**power, f"{DECIMAL[power]} (10{exponent} bytes)" if power else "bytes"
