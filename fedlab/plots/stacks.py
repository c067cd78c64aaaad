"""Figures of stacked bars: what a whole is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from fedlab.plots.figure import COLOURS, Figure, canvas, cycle, ink
from fedlab.units import Bytes

_LETTERED = 0.06  # of the axis: a narrower segment has no room for a percentage
_ROW, _MOST_ROWS = 0.3, 20  # inches a bar; with more bars than this they get thinner


def shares(parts: Mapping[str, int], *, title: str) -> Figure:
    """One stacked bar: which share of the whole each part is.

    parts: {"label": bytes}, not all 0.

    Raises ValueError for more than eight parts.

    >>> shares({"embedding": 900, "layers": 100}, title="A model").alt
    'A model. Shares of 1.00 kB (0.98 KiB): embedding 90.0%; layers 10.0%.'
    """
    import pandas as pd

    total = sum(parts.values())
    picture, axes = canvas(title, height=2.3)
    _stack(axes, _shares([list(parts.values())]), list(parts), cycle(len(parts)), _percentage)
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


def compositions(groups: Mapping[str, Mapping[str, int]], *, title: str) -> Figure:
    """Stacked bars, one a group: which share of its own whole each part is.

    groups: {"model": {"parameters": bytes, …}, …}; a part that a group does not name is 0 there.
    The total of a group stands at the end of its bar.

    Raises ValueError for more than eight parts.

    >>> compositions({"step": {"model": 75, "batch": 25}}, title="Memory").alt
    'Memory. Shares of step, 100 B: model 75.0%, batch 25.0%.'
    """
    import pandas as pd

    names = list(dict.fromkeys(name for parts in groups.values() for name in parts))
    sizes = {group: [int(parts.get(name, 0)) for name in names] for group, parts in groups.items()}
    totals = {group: Bytes(sum(row)) for group, row in sizes.items()}
    legend_rows = -(-len(names) // 3)
    picture, axes = canvas(title, height=0.9 + 0.45 * len(groups) + 0.25 * legend_rows)
    _stack(axes, _shares(list(sizes.values())), names, cycle(len(names)), _percentage)
    for place, total in enumerate(totals.values()):
        _at_the_end(axes, 1, place, total.short)
    axes.set_yticks(range(len(groups)), list(groups))
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    picture.legend(loc="outside lower center", ncols=min(len(names), 3), frameon=False)
    table = pd.DataFrame.from_dict(sizes, orient="index", columns=names)
    table["total"] = list(totals.values())
    said = "; ".join(
        f"{group}, {total}: "
        + ", ".join(f"{name} {size / total:.1%}" for name, size in groups[group].items() if size)
        for group, total in totals.items()
    )
    return Figure(picture, table.map(lambda n: f"{n:,}"), f"{title}. Shares of {said}.")


def partition(counts: np.ndarray[Any, Any], *, title: str) -> Figure:
    """Stacked bars, one a client: how many examples of each class it holds.

    counts: (clients, classes) whole numbers, as `fedlab.data.label_counts` gives them. A class's
    number is written on a segment with room for it; from the ninth class on, colours are hatched.

    >>> partition(np.array([[3, 1], [0, 4]]), title="Two clients").table.shape
    (2, 2)
    """
    import pandas as pd

    clients, classes = counts.shape
    totals = counts.sum(axis=1)
    roomy = 0.025 * totals.max() if clients <= _MOST_ROWS else np.inf
    picture, axes = canvas(title, height=1.5 + _ROW * min(clients, _MOST_ROWS))
    names = [str(label) for label in range(classes)]
    _stack(
        axes,
        counts,
        names,
        [COLOURS[label % len(COLOURS)] for label in range(classes)],
        lambda label, examples: names[label] if examples > roomy else "",
    )
    if clients <= _MOST_ROWS:
        axes.set_yticks(range(clients))
        for client, total in enumerate(totals):
            _at_the_end(axes, total, client, f"{total:,}")
    axes.set_ylabel("client")
    axes.set_xlabel("examples")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    picture.legend(
        title="class",
        loc="outside lower center",
        ncols=min(classes, 10),
        frameon=False,
        handlelength=1.2,
        columnspacing=1.2,
    )
    largest = counts.max(axis=1) / np.maximum(totals, 1)
    said = (
        f"{clients} clients hold {totals.min():,} to {totals.max():,} examples each; a client's "
        f"most frequent class is {largest.min():.0%} to {largest.max():.0%} of what it holds"
    )
    table = pd.DataFrame(counts, pd.RangeIndex(clients, name="client"), names)
    return Figure(picture, table.rename_axis(columns="class"), f"{title}. {said}.")


def _stack(
    axes: Any,
    widths: np.ndarray[Any, Any],
    names: Sequence[str],
    colours: Sequence[str],
    lettering: Callable[[int, float], str],
) -> None:
    """Bars from the top down. widths: (bars, parts); lettering(part, width): "" for none."""
    places = range(len(widths))
    left = np.zeros(len(widths))
    for part, (name, colour) in enumerate(zip(names, colours, strict=True)):
        width = widths[:, part]
        hatch = "///" * (part // len(COLOURS))  # where colours come again
        axes.barh(
            places, width, left=left, color=colour, edgecolor="white", hatch=hatch, label=name
        )
        look: dict[str, Any] = {"ha": "center", "va": "center", "fontweight": "bold"}
        if hatch:  # lettered on a plain ground
            look["bbox"] = {"facecolor": colour, "edgecolor": "none", "pad": 1}
        for place in places:
            if text := lettering(part, width[place]):
                axes.text(left[place] + width[place] / 2, place, text, color=ink(colour), **look)
        left = left + width
    if len(widths) > 1:
        axes.set_ylim(len(widths) - 0.5, -0.5)


def _shares(sizes: Sequence[Sequence[int]]) -> np.ndarray[Any, Any]:
    """Each row as shares of its own total; of nothing, nothing."""
    return np.array([[size / (sum(row) or 1) for size in row] for row in sizes])


def _percentage(_: int, share: float) -> str:
    return f"{share:.0%}" if share > _LETTERED else ""


def _at_the_end(axes: Any, end: float, place: int, text: str) -> None:
    axes.annotate(text, (end, place), (5, 0), textcoords="offset points", va="center", fontsize=9)
