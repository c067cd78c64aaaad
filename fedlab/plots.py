"""The course's figures. Each comes with its numbers as a table and a text alternative.

Colours are Okabe and Ito's, told apart by colour-blind readers too; every bar carries its number.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fedlab.units import DECIMAL, Bytes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure as MatplotlibFigure

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#E69F00", "#009E73", "#666666"
PURPLE, SKY = "#CC79A7", "#56B4E9"
_SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Figure:
    """A picture, its numbers, and a sentence that says what it shows."""

    picture: MatplotlibFigure
    table: pd.DataFrame
    alt: str

    def png(self) -> bytes:
        """The picture as PNG, the same bytes for the same numbers."""
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


def beside(groups: Mapping[str, Mapping[str, int]], *, title: str) -> Figure:
    """Bars side by side, one group a key: predicted beside measured.

    groups: {"payload": {"predicted": bytes, "measured": bytes}, …}, bytes as whole numbers.
    """
    import numpy as np
    import pandas as pd

    series = list(next(iter(groups.values())))
    factor, unit = _scale(max(size for group in groups.values() for size in group.values()))
    picture, axes = _canvas(title)
    width = 0.8 / len(series)
    for index, (name, colour) in enumerate(zip(series, (BLUE, ORANGE, GREEN, GREY), strict=False)):
        heights = [groups[group][name] / factor for group in groups]
        places = np.arange(len(groups)) + (index - (len(series) - 1) / 2) * width
        bars = axes.bar(places, heights, width * 0.94, label=name, color=colour)
        axes.bar_label(bars, [f"{h:,.2f}" for h in heights], padding=2, fontsize=9)
    axes.set_xticks(np.arange(len(groups)), list(groups))
    axes.set_ylabel(unit)
    axes.margins(y=0.15)
    if len(series) > 1:
        picture.legend(loc="outside lower center", ncols=len(series), frameon=False)
    table = pd.DataFrame(groups).T.map(lambda n: f"{n:,} B")
    said = "; ".join(
        f"{group}: " + ", ".join(f"{name} {Bytes(groups[group][name])}" for name in series)
        for group in groups
    )
    return Figure(picture, table, f"{title}. Bars of {said}.")


def bills(
    totals: Mapping[str, int],
    *,
    title: str,
    beside_it: Mapping[str, Mapping[str, str]] | None = None,
) -> Figure:
    """Points on a logarithmic scale, for sizes that differ by orders of magnitude.

    totals: {"label": bytes}; beside_it: more columns of the table, {"hours": {"label": "3 h"}}.
    """
    import pandas as pd

    picture, axes = _canvas(title, height=0.9 + 0.42 * len(totals))
    factor, unit = _scale(min(totals.values()))
    names = list(totals)[::-1]
    axes.plot([totals[name] / factor for name in names], names, "o", color=BLUE, markersize=9)
    for name in names:
        place, label = (totals[name] / factor, name), Bytes(totals[name]).short
        axes.annotate(label, place, (9, -3), textcoords="offset points", fontsize=9)
    axes.set_xscale("log")
    axes.set_xlabel(f"{unit}, logarithmic scale")
    axes.grid(axis="x", color="#dddddd")
    axes.margins(x=0.18, y=0.12)
    table = pd.DataFrame({"bytes": {name: f"{n:,}" for name, n in totals.items()}})
    table["readable"] = [str(Bytes(n)) for n in totals.values()]
    for column, values in (beside_it or {}).items():
        table[column] = [values[name] for name in totals]
    said = "; ".join(f"{name} {Bytes(n)}" for name, n in totals.items())
    return Figure(picture, table, f"{title}. Points on a logarithmic scale: {said}.")


def shares(parts: Mapping[str, int], *, title: str) -> Figure:
    """One stacked bar: which share of the whole each part is. parts: {"label": bytes}."""
    import pandas as pd

    total = sum(parts.values())
    picture, axes = _canvas(title, height=2.3)
    left = 0.0
    for (name, size), colour in zip(parts.items(), _cycle(len(parts)), strict=True):
        axes.barh([0], [size / total], left=left, color=colour, label=name, edgecolor="white")
        if size / total > 0.06:
            axes.text(
                left + size / total / 2,
                0,
                f"{size / total:.0%}",
                ha="center",
                va="center",
                color="black" if colour in (ORANGE, SKY) else "white",
                fontweight="bold",
            )
        left += size / total
    axes.set_yticks([])
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    picture.legend(loc="outside lower center", ncols=min(len(parts), 3), frameon=False)
    table = pd.DataFrame(
        {
            "bytes": {name: f"{size:,}" for name, size in parts.items()},
            "share": {name: f"{size / total:.1%}" for name, size in parts.items()},
        }
    )
    said = "; ".join(f"{name} {size / total:.1%}" for name, size in parts.items())
    return Figure(picture, table, f"{title}. Shares of {Bytes(total)}: {said}.")


def _canvas(title: str, height: float = 3.6) -> tuple[MatplotlibFigure, Any]:
    """An empty figure without pyplot's global state, so that nothing is drawn twice."""
    from matplotlib.figure import Figure as Canvas

    picture = Canvas(figsize=(7.2, height), layout="constrained")
    axes = picture.add_subplot()
    axes.set_title(title, loc="left", fontweight="bold")
    axes.spines[["top", "right"]].set_visible(False)
    return picture, axes


def _cycle(count: int) -> Sequence[str]:
    colours = (BLUE, ORANGE, GREEN, GREY, PURPLE, SKY)
    return [colours[index % len(colours)] for index in range(count)]


def _scale(size: int) -> tuple[int, str]:
    """The factor and the axis label of the decimal unit in which this size reads well."""
    power = Bytes(size).power
    exponent = str(3 * power).translate(_SUPERSCRIPT)
    return 1000**power, f"{DECIMAL[power]} (10{exponent} bytes)" if power else "bytes"
