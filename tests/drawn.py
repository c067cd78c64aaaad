"""For the tests of the figures: numbers of four lines, and the words in a picture."""

from itertools import combinations

from matplotlib.text import Text
from matplotlib.transforms import Bbox

from fedlab import plots

MEMORY = {
    "list": {10: 52_428_800, 1_000: 5_242_880_000},
    "list, predicted": {10: 52_428_800, 1_000: 5_242_880_000},
    "running": {10: 10_485_760, 1_000: 10_485_760},
    "tree": {10: 10_485_760, 1_000: 10_485_761},
}


def texts(figure: plots.Figure) -> list[str]:
    (axes,) = figure.picture.axes
    return [text.get_text() for text in axes.texts]


def places_apart(figure: plots.Figure) -> list[Bbox]:
    """Where each text lies once the picture is drawn; none may lie on another."""
    figure.picture.draw_without_rendering()
    (axes,) = figure.picture.axes
    places = [Text.get_window_extent(text) for text in axes.texts]  # without an annotation's arrow
    assert not [pair for pair in combinations(places, 2) if pair[0].overlaps(pair[1])]
    return places
