"""Figures of runs: what each cost, against what it reached."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from fedlab.plots.figure import BLUE, GREY, Figure, canvas, plain, scale
from fedlab.units import Bytes

if TYPE_CHECKING:
    from matplotlib.text import Annotation
    from matplotlib.transforms import Bbox

_MARGIN = 5  # pixels that a label keeps from all others


def tradeoff(runs: Mapping[str, tuple[int, float]], *, title: str, x: str) -> Figure:
    """Accuracy against bytes on a logarithmic scale: a point a run, with its name beside it.

    runs: {"label": (bytes, accuracy from 0 to 1)}. x: what the bytes are. The table also says how
    many times fewer bytes than the dearest run each one took.

    >>> tradeoff({"int8": (2_500, 0.9), "full": (10_000, 0.91)}, title="Runs", x="uplink").alt
    'Runs. Points of accuracy over uplink: int8 90.0% in 2.50 kB; full 91.0% in 10.00 kB.'
    """
    import pandas as pd

    dearest = max(size for size, _ in runs.values())
    factor, unit = scale(dearest)
    places = [(size / factor, share) for size, share in runs.values()]
    picture, axes = canvas(title, height=4.2)
    axes.plot(*zip(*places, strict=True), "o", color=BLUE, markersize=8)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(plain)
    axes.set_xlabel(f"{x}, {unit}, logarithmic scale")
    axes.set_ylabel("accuracy")
    axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.10g}%")
    axes.grid(color="#eeeeee")
    axes.margins(x=0.14, y=0.12)
    _name(axes, dict(zip(runs, places, strict=True)))
    table = pd.DataFrame(
        {
            "bytes": [f"{size:,}" for size, _ in runs.values()],
            "times fewer": [f"{dearest / size:,.1f}" for size, _ in runs.values()],
            "accuracy": [f"{share:.1%}" for _, share in runs.values()],
        },
        list(runs),
    )
    said = "; ".join(
        f"{name} {share:.1%} in {Bytes(size).short}" for name, (size, share) in runs.items()
    )
    return Figure(picture, table, f"{title}. Points of accuracy over {x}: {said}.")


def _name(axes: Any, points: Mapping[str, tuple[float, float]]) -> None:
    """A label beside each point, on the first side where it covers nothing."""
    from matplotlib.transforms import Bbox

    axes.figure.draw_without_rendering()  # fixes where everything is
    taken = []
    for point in points.values():
        x, y = axes.transData.transform(point)
        taken.append(Bbox.from_extents(x - 5, y - 5, x + 5, y + 5))
    for name, point in points.items():
        for label in _labels(axes, name, point):
            box = _box(label)
            if not _covers(box, taken, axes.bbox):
                break
            label.remove()
        else:  # no room anywhere: better over another than not named
            label = next(_labels(axes, name, point))
        taken.append(box)


def _labels(axes: Any, name: str, point: tuple[float, float]) -> Iterator[Annotation]:
    """The label on each side of its point, near first."""
    for away in (9, 24, 39):
        for x, y, across in ((1, 0, "left"), (-1, 0, "right"), (0, 1, "center"), (0, -1, "center")):
            line = {"arrowstyle": "-", "color": GREY, "linewidth": 0.7} if away > 9 else None
            yield axes.annotate(
                name,
                point,
                (x * away, y * (away + 4)),  # its height counts there
                textcoords="offset points",
                ha=across,
                va="center",
                fontsize=9,
                arrowprops=line,
            )


def _box(label: Annotation) -> Bbox:
    """What a label's text covers, without its line."""
    from matplotlib.text import Text

    label.get_window_extent()  # puts it in its place
    return Text.get_window_extent(label)


def _covers(box: Bbox, taken: list[Bbox], within: Bbox) -> bool:
    outside = box.x0 < within.x0 or box.x1 > within.x1 or box.y0 < within.y0 or box.y1 > within.y1
    return outside or any(box.padded(_MARGIN).overlaps(other) for other in taken)
