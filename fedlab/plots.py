"""The course's figures. Each comes with its numbers as a table and a text alternative.

Colours are Okabe and Ito's, told apart by colour-blind readers too; every bar carries its number.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fedlab.units import Bytes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure as MatplotlibFigure

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#E69F00", "#009E73", "#666666"


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
    picture, axes = _canvas(title)
    width = 0.8 / len(series)
    for index, (name, colour) in enumerate(zip(series, (BLUE, ORANGE, GREEN, GREY), strict=False)):
        heights = [groups[group][name] / 10**6 for group in groups]
        places = np.arange(len(groups)) + (index - (len(series) - 1) / 2) * width
        bars = axes.bar(places, heights, width * 0.94, label=name, color=colour)
        axes.bar_label(bars, [f"{h:,.2f}" for h in heights], padding=2, fontsize=9)
    axes.set_xticks(np.arange(len(groups)), list(groups))
    axes.set_ylabel("MB (10⁶ bytes)")
    axes.margins(y=0.15)
    picture.legend(loc="outside lower center", ncols=len(series), frameon=False)
    table = pd.DataFrame(groups).T.map(lambda n: f"{n:,} B")
    said = "; ".join(
        f"{group}: " + ", ".join(f"{name} {Bytes(groups[group][name])}" for name in series)
        for group in groups
    )
    return Figure(picture, table, f"{title}. Bars of {said}.")


def bills(
    totals: Mapping[str, int], *, title: str, other: Mapping[str, str] | None = None
) -> Figure:
    """Horizontal bars on a logarithmic scale, for sizes that differ by orders of magnitude.

    totals: {"label": bytes}; other: a second column of the table, such as the hours it takes.
    """
    import pandas as pd

    picture, axes = _canvas(title, height=0.9 + 0.42 * len(totals))
    names = list(totals)[::-1]
    bars = axes.barh(names, [totals[name] / 10**9 for name in names], color=BLUE)
    axes.bar_label(bars, [_short(totals[name]) for name in names], padding=3, fontsize=9)
    axes.set_xscale("log")
    axes.set_xlabel("GB (10⁹ bytes), logarithmic scale")
    axes.margins(x=0.2)
    table = pd.DataFrame({"bytes": {name: f"{n:,}" for name, n in totals.items()}})
    table["readable"] = [str(Bytes(n)) for n in totals.values()]
    if other:
        table["time"] = [other[name] for name in totals]
    said = "; ".join(f"{name} {Bytes(n)}" for name, n in totals.items())
    return Figure(picture, table, f"{title}. Bars, smallest to largest as listed: {said}.")


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
                color="white",
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
    colours = (BLUE, ORANGE, GREEN, GREY, "#CC79A7", "#56B4E9")
    return [colours[index % len(colours)] for index in range(count)]


def _short(size: int) -> str:
    return str(Bytes(size)).partition(" (")[0]
