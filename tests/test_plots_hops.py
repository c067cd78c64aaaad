"""The figure of hops has every box, every arrow and its bytes, and is the same for the same run."""

from itertools import combinations

import pytest
from matplotlib.patches import FancyArrow, Rectangle

from fedlab import Bytes, plots

MB = Bytes(1_000_000)


def federation(nodes, noise=0):
    each = {f"node {k}": (56_558_156 + noise, 56_316_484 + noise) for k in range(nodes)}
    return {"server": (56_573_945 + noise, nodes * 56_560_000 - noise)} | each


def texts(figure):
    (axes,) = figure.picture.axes
    return [text.get_text() for text in axes.texts]


def arrows(figure):
    """Whether each arrow points right and how wide it is, in the order in which they are drawn."""
    (axes,) = figure.picture.axes
    found = [patch for patch in axes.patches if isinstance(patch, FancyArrow)]
    return [(arrow._dx > 0, arrow._width) for arrow in found]


def test_hops_have_their_bytes_in_words_on_arrows_and_in_a_table() -> None:
    figure = plots.hops(
        {"server": (5_000, 9_000), "node 0": (4_000, 6_000), "node 1": (5_500, 6_000)}, title="A"
    )
    assert texts(figure) == [
        *("ServerApp", "SuperLink", "5 kB", "9 kB"),
        *("SuperNode 0\nClientApp", "6 kB", "4 kB", "SuperNode 1\nClientApp", "6 kB", "5.5 kB"),
    ]
    assert list(figure.table.loc["node 1"]) == ["5,500", "6,000"]
    assert list(figure.table.columns) == ["up", "down"]
    assert figure.alt == (
        "A. Arrows with bytes: ServerApp to SuperLink 5 kB, back 9 kB; SuperNode 0 to SuperLink "
        "4 kB, back 6 kB; SuperNode 1 to SuperLink 5.5 kB, back 6 kB."
    )


def test_what_goes_to_the_clients_points_right_and_an_arrow_is_as_wide_as_its_bytes() -> None:
    figure = plots.hops({"server": (10, 40), "node 0": (20, 30)}, title="t")
    (right, up), (left, down), *node = arrows(figure)
    assert (right, left) == (True, False)
    assert down == pytest.approx(4 * up)
    assert node == [(True, pytest.approx(3 * up)), (False, pytest.approx(2 * up))]


def test_a_prediction_stands_beside_what_was_measured() -> None:
    measured = {"server": (1_000, 2_000), "node 0": (3_000, 4_000)}
    predicted = {"node 0": (3_100, 4_100), "server": (1_100, 2_100)}
    figure = plots.hops(measured, predicted=predicted, title="t")
    assert "1 kB, predicted 1.1 kB" in texts(figure)
    assert list(figure.table.loc["node 0"]) == ["3,000", "4,000", "3,100", "4,100"]
    assert "SuperNode 0 to SuperLink 3 kB, predicted 3.1 kB, back 4 kB, pre" in figure.alt


def test_rounded_bytes_that_differ_by_some_kilobytes_are_one_figure() -> None:
    one, other = (plots.hops(federation(2, noise), title="t", to=MB) for noise in (0, 9_000))
    assert one.png() == other.png()
    assert one.alt == other.alt
    assert one.table.equals(other.table)
    assert one.table.index.name == "bytes, to the nearest 1 MB"
    assert list(one.table.loc["server"]) == ["57,000,000", "113,000,000"]
    assert plots.hops(federation(2), title="t").png() != one.png()


def test_the_same_numbers_draw_the_same_bytes() -> None:
    assert (plots.hops(federation(3), title="t").png()) == plots.hops(
        federation(3), title="t"
    ).png()


def test_a_hop_of_nothing_has_its_arrows_and_says_so_in_the_unit_of_the_rounding() -> None:
    figure = plots.hops({"server": (0, 0), "node 0": (9_000, 0)}, title="t", to=MB)
    assert texts(figure).count("0 MB") == len(arrows(figure)) == 4
    assert figure.png()


@pytest.mark.parametrize("nodes", [1, 2, 8])
def test_up_to_eight_nodes_have_a_row_each(nodes) -> None:
    figure = plots.hops(federation(nodes), title="t", to=MB)
    assert sum("ClientApp" in text for text in texts(figure)) == nodes
    assert len(arrows(figure)) == 2 + 2 * nodes


def test_more_nodes_are_drawn_as_one_with_their_sum_and_the_table_has_each() -> None:
    figure = plots.hops(federation(100), title="t", to=MB)
    assert texts(figure)[-3:] == ["… and 92\nmore nodes", "5.15 GB", "5.24 GB"]
    assert figure.alt.endswith("… and 92 more nodes to SuperLink 5.24 GB, back 5.15 GB.")
    assert len(figure.table) == 101
    assert figure.picture.get_figheight() < 8
    assert "… and 1\nmore node" in texts(plots.hops(federation(9), title="t"))


def test_the_server_may_stand_anywhere_among_the_hops() -> None:
    hops = federation(9)
    last = {name: hops[name] for name in reversed(hops)}
    figure = plots.hops(last, title="t")
    assert texts(figure)[:2] == ["ServerApp", "SuperLink"]
    assert list(figure.table.index) == list(last)[-1:] + list(last)[:-1]


@pytest.mark.parametrize("nodes", [1, 2, 5, 100])
def test_no_text_covers_another_or_leaves_its_box_or_the_picture(nodes) -> None:
    hops = federation(nodes)
    figure = plots.hops(hops, predicted=hops, title="t")
    figure.picture.draw_without_rendering()
    (axes,) = figure.picture.axes
    places = [text.get_window_extent() for text in axes.texts]
    assert not [pair for pair in combinations(places, 2) if pair[0].overlaps(pair[1])]
    page = figure.picture.bbox
    assert all(page.x0 <= box.x0 and box.x1 <= page.x1 for box in places)
    boxes = [patch.get_window_extent() for patch in axes.patches if isinstance(patch, Rectangle)]
    crossed = [
        (t, b) for t in places for b in boxes if t.overlaps(b) and not b.contains(t.x0, t.y0)
    ]
    assert not crossed


@pytest.mark.parametrize(
    ("hops", "more", "said"),
    [
        ({"node 0": (1, 1), "node 1": (1, 1)}, {}, r"the hop 'server' and a node or more, got \["),
        ({"server": (1, 1)}, {}, r"the hop 'server' and a node or more, got \['server'\]"),
        (federation(1), {"predicted": {"server": (1, 1)}}, r"\['server', 'node 0'\], got \['ser"),
        (federation(1), {"to": 0}, "to: expected a whole number of bytes, 1 or more, got 0"),
    ],
)
def test_what_is_no_federation_is_refused_in_a_sentence(hops, more, said) -> None:
    with pytest.raises(ValueError, match=said):
        plots.hops(hops, title="t", **more)
