"""Figures of lines: something against a number."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from fedlab.plots.figure import GREY, Figure, canvas, cycle, plain, scale
from fedlab.units import Bytes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure as MatplotlibFigure

_MARKERS = "osD^vPX*"
_LABEL = 0.065  # of the axes' height: what a label at the end of a line needs
_TICK = 0.018  # of an axis' length: what a character of a tick's number needs


def curves(
    series: Mapping[str, Mapping[int, int]],
    *,
    title: str,
    x: str,
    dashed: Collection[str] = (),
) -> Figure:
    """Bytes against a whole number, both on logarithmic scales.

    series: {"label": {10: bytes, 100: bytes}}; each may have numbers of its own. x: what the number
    counts. dashed: labels of predictions; one that stands right after a line that is not dashed is
    its prediction and has its colour. Zero has no place on such a scale and stands in the table.

    Raises ValueError for more than eight colours.

    >>> curves({"list": {10: 1_000, 100: 10_000}}, title="Server", x="clients").alt
    'Server. Lines over clients, logarithmic scales: list from 1.00 kB at 10 to 10.00 kB at 100.'
    """
    drawn = {
        name: {at: size for at, size in line.items() if at > 0 and size > 0}
        for name, line in series.items()
    }
    sizes = [size for line in drawn.values() for size in line.values()] or [1]
    factor, unit = scale(round(math.sqrt(min(sizes) * max(sizes))))
    scaled = {name: {at: n / factor for at, n in line.items()} for name, line in drawn.items()}
    picture, axes = canvas(title, height=4.2)
    axes.set_xscale("log")
    axes.set_yscale("log")
    ratio = max(sizes) / min(sizes)
    room = max(ratio**0.07, 2 / math.sqrt(ratio))  # so that the axis spans a factor 4 at least
    axes.set_ylim(min(sizes) / factor / room, max(sizes) / factor * room)
    _label_sizes(axes.yaxis, fine=ratio < 100)
    _label_numbers(axes.xaxis, drawn)
    _draw(picture, axes, scaled, dashed)
    axes.set_xlabel(f"{x}, logarithmic scale")
    axes.set_ylabel(f"{unit}, logarithmic scale")
    said = _ends(series, lambda size: Bytes(size).short)
    table = _table(series, x, lambda size: f"{size:,}")
    return Figure(picture, table, f"{title}. Lines over {x}, logarithmic scales: {said}.")


def accuracies(
    series: Mapping[str, Mapping[float, float]],
    *,
    title: str,
    x: str,
    log: bool = False,
    limits: tuple[float, float] | None = None,
) -> Figure:
    """Accuracy against a number.

    series: {"label": {number: accuracy from 0 to 1}}. x: what the number is. log: whether its scale
    is logarithmic; 0 then stands in the table alone. limits: the most of the number and the least
    accuracy that are allowed, as dotted lines.

    Raises ValueError for more than eight lines.

    >>> accuracies({"FedAvg": {0: 0.1, 1: 0.67}}, title="Digits", x="rounds").alt
    'Digits. Accuracy over rounds: FedAvg from 10.0% at 0 to 67.0% at 1.'
    """
    from matplotlib.ticker import PercentFormatter

    drawn = {
        name: {at: share for at, share in line.items() if at > 0 or not log}
        for name, line in series.items()
    }
    values = [share for line in drawn.values() for share in line.values()] or [0, 1]
    picture, axes = canvas(title, height=3.9)
    room = max(0.02, 0.07 * (max(values) - min(values)))
    axes.set_ylim(max(min(values) - room, 0), min(max(values) + room, 1))
    axes.yaxis.set_major_formatter(PercentFormatter(xmax=1))
    if log:
        axes.set_xscale("log")
        _label_numbers(axes.xaxis, drawn)
    else:
        _label_whole(axes.xaxis, drawn)
    _draw(picture, axes, drawn, ())
    axes.set_xlabel(f"{x}, logarithmic scale" if log else x)
    axes.set_ylabel("accuracy")
    said = _ends(series, lambda share: f"{share:.1%}")
    if limits is not None:
        _draw_limits(axes, *limits)
        said += f". Allowed: {plain(limits[0])} at most, {limits[1]:.1%} at least"
    table = _table(series, x, lambda share: f"{share:.1%}")
    return Figure(picture, table, f"{title}. Accuracy over {x}: {said}.")


def numbers(series: Mapping[str, Mapping[float, float]], *, title: str, x: str, y: str) -> Figure:
    """Plain numbers from 0 up against a number.

    series: {"label": {at: number}}. x, y: what the two are, with their units. The table has the
    numbers as they are given: round them first.

    Raises ValueError for more than eight lines.

    >>> numbers({"IID": {1: 0.3, 5: 1.2}}, title="Drift", x="epochs", y="distance").alt
    'Drift. distance over epochs: IID from 0.3 at 1 to 1.2 at 5.'
    """
    picture, axes = canvas(title, height=3.9)
    axes.set_ylim(0, 1.07 * max(max(line.values()) for line in series.values()))
    _label_whole(axes.xaxis, series)
    _draw(picture, axes, series, ())
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    table = _table(series, x, plain)
    return Figure(picture, table, f"{title}. {y} over {x}: {_ends(series, plain)}.")


def _draw_limits(axes: Any, most: float, least: float) -> None:
    """A dotted line for each, with its number beside it."""
    look = {"color": GREY, "linestyle": ":", "linewidth": 1.5, "zorder": 0}
    axes.axvline(most, **look)
    axes.axhline(least, **look)
    where = {"textcoords": "offset points", "fontsize": 9, "color": GREY, "va": "bottom"}
    across, up = ("data", "axes fraction"), ("axes fraction", "data")
    axes.annotate(f"at most {plain(most)}", (most, 0), (4, 2), xycoords=across, **where)
    axes.annotate(f"at least {100 * least:.10g}%", (0, least), (4, 2), xycoords=up, **where)


def _draw(
    picture: MatplotlibFigure,
    axes: Any,
    series: Mapping[str, Mapping[Any, float]],
    dashed: Collection[str],
) -> None:
    """The lines. They are named where they end, or in a legend if they end at different numbers.

    The scales and the limits of y are set before.
    """
    looks = _looks(list(series), dashed)
    named_at: dict[str, float] = {}  # heights, in the axes' own measure
    for name, line in series.items():
        if line:
            numbers = sorted(line)
            axes.plot(numbers, [line[n] for n in numbers], label=name, clip_on=False, **looks[name])
            end = axes.transData.transform((numbers[-1], line[numbers[-1]]))
            named_at[name] = axes.transAxes.inverted().transform(end)[1]
    if len({max(line) for line in series.values() if line}) > 1:
        picture.legend(loc="outside lower center", ncols=min(len(series), 2), frameon=False)
        return
    for name, height in _spread(named_at).items():
        look = looks[name] | {"linestyle": "none", "clip_on": False}
        axes.plot([1.04], [height], transform=axes.transAxes, **look)
        where = {"xycoords": "axes fraction", "textcoords": "offset points"}
        axes.annotate(name, (1.04, height), (10, 0), va="center", fontsize=9, **where)


def _looks(names: list[str], dashed: Collection[str]) -> dict[str, dict[str, Any]]:
    """How each line is drawn: of two that coincide, both are to be seen."""
    predicted = {
        name: before for before, name in pairwise(names) if name in dashed and before not in dashed
    }
    own = [name for name in names if name not in predicted]
    colours = dict(zip(own, cycle(len(own)), strict=True))
    markers = dict(zip(own, _MARKERS, strict=False))
    looks: dict[str, dict[str, Any]] = {}
    for name in names:
        like = predicted.get(name, name)
        looks[name] = {"color": colours[like], "marker": markers[like]}
        if name in dashed:  # hollow, around the marks of what it predicts
            looks[name] |= {"linestyle": "--", "linewidth": 1.2, "markersize": 13}
            looks[name] |= {"markerfacecolor": "none"}
        else:  # each thinner than the one before, which shows on both sides of it
            place = own.index(name)
            looks[name] |= {"linewidth": max(1.5, 3.5 - place), "markersize": max(5, 8 - place)}
    return looks


def _spread(wanted: Mapping[str, float]) -> dict[str, float]:
    """Heights for labels, from 0 to 1, as near to the wanted ones as room for each allows.

    >>> heights = _spread({"a": 0.5, "b": 0.5, "c": 0.0, "d": 0.0})
    >>> {name: round(height, 3) for name, height in heights.items()}
    {'a': 0.5, 'b': 0.435, 'c': 0.065, 'd': 0.0}
    """
    heights: dict[str, float] = {}
    ceiling, floor = 1.0, 0.0
    for name in sorted(wanted, key=wanted.__getitem__, reverse=True):
        heights[name] = min(wanted[name], ceiling)
        ceiling = heights[name] - _LABEL
    for name in reversed(heights):
        heights[name] = max(heights[name], floor)
        floor = heights[name] + _LABEL
    return heights


def _ends(series: Mapping[str, Mapping[Any, Any]], said: Callable[[Any], str]) -> str:
    """The first and the last number of each line, in words."""
    ends = {name: (min(line), max(line)) for name, line in series.items() if line}
    return "; ".join(
        f"{name} from {said(series[name][first])} at {plain(first)} "
        f"to {said(series[name][last])} at {plain(last)}"
        for name, (first, last) in ends.items()
    )


def _table(
    series: Mapping[str, Mapping[Any, Any]], x: str, said: Callable[[Any], str]
) -> pd.DataFrame:
    """One column a line, one row a number, a gap where a line has none."""
    import pandas as pd

    numbers = sorted({at for line in series.values() for at in line})
    columns = {
        name: [said(line[at]) if at in line else "" for at in numbers]
        for name, line in series.items()
    }
    return pd.DataFrame(columns, pd.Index([plain(at) for at in numbers], name=x))


def _label_sizes(axis: Any, *, fine: bool) -> None:
    """Plain numbers on a logarithmic axis; fine: 2 and 5 between 1 and 10 too."""
    from matplotlib.ticker import LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if fine else (1,)))
    axis.set_major_formatter(plain)
    axis.set_minor_formatter(NullFormatter())


def _label_whole(axis: Any, series: Mapping[str, Mapping[float, Any]]) -> None:
    """Whole ticks where lines have whole numbers alone: there is no half a round."""
    if all(at == int(at) for line in series.values() for at in line):
        axis.get_major_locator().set_params(integer=True)


def _label_numbers(axis: Any, series: Mapping[str, Mapping[Any, Any]]) -> None:
    """On a logarithmic axis, ticks at the numbers that lines have, as many as have room."""
    numbers = sorted({at for line in series.values() for at in line})
    kept: list[float] = []
    for number in numbers:
        room = _TICK * len(plain(number))
        if not kept or number / kept[-1] > (numbers[-1] / numbers[0]) ** room:
            kept.append(number)
    axis.set_ticks(kept, [plain(number) for number in kept])
    axis.set_ticks([], minor=True)
