"""Figures of sizes side by side: bars, or points where they differ by orders of magnitude."""

from __future__ import annotations

from collections.abc import Mapping

from fedlab.plots.figure import BLUE, Figure, canvas, cycle, scale
from fedlab.units import Bytes


def beside(groups: Mapping[str, Mapping[str, int]], *, title: str) -> Figure:
    """Bars side by side, one group a key: predicted beside measured.

    groups: {"payload": {"predicted": bytes, "measured": bytes}, …}, bytes as whole numbers.

    Raises ValueError for more than eight bars in a group.

    >>> beside({"payload": {"predicted": 160, "measured": 160}}, title="One round").alt
    'One round. Bars of payload: predicted 160 B, measured 160 B.'
    """
    import numpy as np
    import pandas as pd

    series = list(next(iter(groups.values())))
    factor, unit = scale(max(size for group in groups.values() for size in group.values()))
    picture, axes = canvas(title)
    width = 0.8 / len(series)
    for index, (name, colour) in enumerate(zip(series, cycle(len(series)), strict=True)):
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

    totals: {"label": bytes}. beside_it: more columns of the table, {"hours": {"label": "3 h"}}.

    >>> bills({"one round": 4_000, "ten": 40_000}, title="Traffic").table["bytes"].tolist()
    ['4,000', '40,000']
    """
    import pandas as pd

    picture, axes = canvas(title, height=0.9 + 0.42 * len(totals))
    factor, unit = scale(min(totals.values()))
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
