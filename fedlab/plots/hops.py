"""The figure of hops: who talks to whom in a deployed federation, with bytes on the arrows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fedlab.plots.figure import BLUE, GREY, ORANGE, Figure, canvas
from fedlab.units import DECIMAL, Bytes

Hop = tuple[int, int]  # bytes up, towards the SuperLink; bytes down, from it
Row = dict[str, int]  # a hop's bytes: "up", "down", "up, predicted", "down, predicted"

_DRAWN = 8  # nodes with a row of their own
_ROW = 0.76  # the height of a node's row; the drawing's unit is about an inch
_SERVER, _LINK, _NODE = (0.02, 0.97), (3.0, 3.95), (5.75, 6.98)  # the boxes' sides
_WIDEST, _THINNEST = 0.13, 0.008  # of arrows
_ABOVE, _BELOW = 0.12, -0.25  # where a hop's arrows to the right and to the left are


def hops(
    measured: Mapping[str, Hop],
    *,
    title: str,
    predicted: Mapping[str, Hop] | None = None,
    to: int = 1,
) -> Figure:
    """A deployed federation as boxes, and on each hop an arrow each way with its bytes.

    measured: {"server": (up, down), "node 0": (up, down), …} in bytes: up is towards the SuperLink,
    down comes from it, for the ServerApp as for the nodes. An arrow is as wide as its bytes are
    many. From the ninth node on, nodes are drawn as one, with the sum of their bytes; the table has
    each of them. predicted: of the same hops, to stand beside what was measured.

    to: what each number is rounded to before anything is drawn, such as Bytes(1_000_000). Bytes on
    a wire differ by some kB from run to run; the figure of rounded ones does not, unless one of
    them is that near to a half.

    Raises ValueError without the hop "server" or without a node, when other hops are predicted than
    measured, and for `to` below 1.

    >>> hops({"server": (100, 90), "node 0": (90, 100)}, title="A round").table.index.tolist()
    ['server', 'node 0']
    """
    import pandas as pd

    if to < 1:
        raise ValueError(f"to: expected a whole number of bytes, 1 or more, got {to!r}")
    if "server" not in measured or len(measured) < 2:
        raise ValueError(f"expected the hop 'server' and a node or more, got {list(measured)}")
    if predicted is not None and set(predicted) != set(measured):
        raise ValueError(f"predicted: expected the hops {list(measured)}, got {list(predicted)}")
    rows: dict[str, Row] = {}
    for name in ("server", *(name for name in measured if name != "server")):
        up, down = (_rounded(size, to) for size in measured[name])
        rows[name] = {"up": up, "down": down}
        if predicted is not None:
            up, down = (_rounded(size, to) for size in predicted[name])
            rows[name] |= {"up, predicted": up, "down, predicted": down}
    drawn = _grouped(rows)
    picture, axes = canvas(title, height=0.5 + _ROW * (len(drawn) - 1))
    _draw(axes, drawn, to)
    nearest = f", to the nearest {_readable(to, to)}" if to > 1 else ""
    table = pd.DataFrame.from_dict(rows, orient="index").map(lambda size: f"{size:,}")
    said = "; ".join(
        f"{_named(name)} to SuperLink {_label(row, 'up', to)}, back {_label(row, 'down', to)}"
        for name, row in drawn.items()
    )
    return Figure(
        picture,
        table.rename_axis(f"bytes{nearest}"),
        f"{title}. Arrows with bytes{nearest}: {said}.",
    )


def _rounded(size: int, to: int) -> int:
    """The nearest multiple; halves go up.

    >>> _rounded(1_499_999, 1_000_000), _rounded(1_500_000, 1_000_000), _rounded(7, 1)
    (1000000, 2000000, 7)
    """
    return (2 * int(size) + to) // (2 * to) * to


def _readable(size: int, to: int) -> str:
    """With two decimals at most, in a unit no smaller than that of `to`.

    >>> _readable(57_000_000, 1_000_000), _readable(0, 1_000_000), _readable(56_573_945, 1)
    ('57 MB', '0 MB', '56.57 MB')
    """
    power = max(Bytes(size).power, Bytes(to).power)
    return f"{size / 1000**power:,.2f}".rstrip("0").rstrip(".") + f" {DECIMAL[power]}"


def _label(row: Row, way: str, to: int) -> str:
    foreseen = row.get(f"{way}, predicted")
    beside = "" if foreseen is None else f", predicted {_readable(foreseen, to)}"
    return _readable(row[way], to) + beside


def _named(hop: str) -> str:
    return "ServerApp" if hop == "server" else hop.replace("node ", "SuperNode ", 1)


def _grouped(rows: Mapping[str, Row]) -> dict[str, Row]:
    """The server's row, the first nodes', and the sum of all others'."""
    drawn = dict(list(rows.items())[: 1 + _DRAWN])
    rest = list(rows.values())[1 + _DRAWN :]
    if rest:
        name = f"… and {len(rest):,} more node{'s' if len(rest) > 1 else ''}"
        drawn[name] = {way: sum(row[way] for row in rest) for way in rest[0]}
    return drawn


def _draw(axes: Any, rows: Mapping[str, Row], to: int) -> None:
    """The ServerApp and the SuperLink from the left, then a box a node, from the top down."""
    height = _ROW * (len(rows) - 1)
    axes.set_axis_off()
    axes.set_xlim(0, 7)
    axes.set_ylim(0, height)
    widest = max(max(row.values()) for row in rows.values()) or 1
    _box(axes, _SERVER, height / 2, "ServerApp")
    _box(axes, _LINK, height / 2, "SuperLink", height)
    for number, (name, row) in enumerate(rows.items()):
        server = number == 0
        middle = height / 2 if server else height - _ROW * (number - 0.5)
        if not server:
            many = name.startswith("…")
            text = name.replace(" more", "\nmore") if many else f"{_named(name)}\nClientApp"
            _box(axes, _NODE, middle, text)
        left, right = (_SERVER[1], _LINK[0]) if server else (_LINK[1], _NODE[0])
        outward, inward = ("up", "down") if server else ("down", "up")  # to the clients, and back
        for way, start, end, place, colour in (
            (outward, left + 0.04, right - 0.04, middle + _ABOVE, BLUE),
            (inward, right - 0.04, left + 0.04, middle + _BELOW, ORANGE),
        ):
            width = max(_WIDEST * row[way] / widest, _THINNEST)
            _arrow(axes, start, end, place, width, colour)
            above = place + width / 2 + 0.05
            axes.text((left + right) / 2, above, _label(row, way, to), ha="center", fontsize=8)


def _box(
    axes: Any, sides: tuple[float, float], middle: float, text: str, height: float = _ROW
) -> None:
    from matplotlib.patches import Rectangle

    left, right = sides
    corner, drawn = (left, middle - height / 2 + 0.06), height - 0.12
    axes.add_patch(Rectangle(corner, right - left, drawn, facecolor="#f4f4f4", edgecolor=GREY))
    axes.text((left + right) / 2, middle, text, ha="center", va="center", fontsize=8.5)


def _arrow(axes: Any, start: float, end: float, height: float, width: float, colour: str) -> None:
    """With a black edge, so that on paper without colours it is no less an arrow."""
    from matplotlib.patches import FancyArrow

    axes.add_patch(
        FancyArrow(
            start,
            height,
            end - start,
            0,
            width=width,
            head_width=width + 0.08,
            head_length=0.12,
            length_includes_head=True,
            facecolor=colour,
            edgecolor="black",
            linewidth=0.4,
        )
    )
