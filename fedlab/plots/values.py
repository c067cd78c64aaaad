"""Figures of an update's values: how large they are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedlab.plots.figure import BLUE, ORANGE, Figure, canvas

_LEAST = -5  # the power of ten below which all are small


def magnitudes(values: NDArray[Any], *, title: str) -> Figure:
    """A histogram of sizes, by powers of ten: how many of the values, how much of their square sum.

    values: an array of any shape, finite and not all zero. A codec that keeps values with a share
    s of the square sum decodes to a relative error of √(1 - s).

    >>> magnitudes(np.array([0.0, 0.5, -0.02, 3.0]), title="Values").table.loc["zero", "values"]
    '1'
    """
    import pandas as pd
    from matplotlib.ticker import PercentFormatter

    sizes = np.abs(values.reshape(-1).astype(np.float64))
    top = int(np.floor(np.log10(sizes.max()))) + 1
    edges = [0.0, *(float(f"1e{power}") for power in range(min(_LEAST, top - 1), top))]
    which = np.where(sizes > 0, np.searchsorted(edges, sizes, side="right"), 0)
    names = ["zero", f"below {edges[1]:g}", *(f"from {edge:g}" for edge in edges[1:])]
    counts = np.bincount(which, minlength=len(names))
    squares = np.bincount(which, sizes**2, minlength=len(names))
    series = {"of the values": counts / counts.sum(), "of the square sum": squares / squares.sum()}
    picture, axes = canvas(title)
    for offset, (name, shares), colour in zip(
        (-0.2, 0.2), series.items(), (BLUE, ORANGE), strict=True
    ):
        bars = axes.bar(np.arange(len(names)) + offset, shares, 0.38, label=name, color=colour)
        axes.bar_label(bars, [f"{share:.0%}" for share in shares], padding=2, fontsize=8)
    axes.set_xticks(np.arange(len(names)), names, fontsize=9)
    axes.set_xlabel("size of a value")
    axes.yaxis.set_major_formatter(PercentFormatter(xmax=1))
    axes.margins(y=0.15)
    picture.legend(loc="outside lower center", ncols=2, frameon=False)
    columns = {name: [f"{share:.1%}" for share in shares] for name, shares in series.items()}
    table = pd.DataFrame({"values": [f"{n:,}" for n in counts], **columns}, names)
    said = "; ".join(
        f"{name} {counts[i] / counts.sum():.1%} and {squares[i] / squares.sum():.1%}"
        for i, name in enumerate(names)
    )
    return Figure(picture, table, f"{title}. Shares of the values and of their square sum: {said}.")
