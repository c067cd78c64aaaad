"""Points of bytes and accuracy that are told apart, and the magnitudes of an update's values."""

import numpy as np
from drawn import places_apart, texts

from fedlab import plots

RUNS = {"float32": (24_000_000, 0.9), "int2": (2_000_000, 0.895), "topk:0.01": (240_000, 0.88)}


def test_a_tradeoff_says_bytes_accuracy_and_how_many_times_fewer() -> None:
    figure = plots.tradeoff(RUNS, title="Runs", x="uplink")
    assert list(figure.table["times fewer"]) == ["1.0", "12.0", "100.0"]
    assert list(figure.table.loc["topk:0.01"]) == ["240,000", "100.0", "88.0%"]
    assert figure.alt == (
        "Runs. Points of accuracy over uplink: float32 90.0% in 24.00 MB; int2 89.5% in 2.00 MB; "
        "topk:0.01 88.0% in 240.00 kB."
    )
    (axes,) = figure.picture.axes
    assert axes.get_xlabel() == "uplink, MB (10⁶ bytes), logarithmic scale"


def test_points_near_each_other_have_labels_apart() -> None:
    near = {f"topk:0.01, run {i}": (700_000 + i, 0.89 + i / 10_000) for i in range(3)}
    figure = plots.tradeoff(RUNS | near, title="Runs", x="uplink")
    assert sorted(texts(figure)) == sorted(RUNS | near)
    (axes,) = figure.picture.axes
    assert all(axes.bbox.x0 <= box.x0 and box.x1 <= axes.bbox.x1 for box in places_apart(figure))


def test_points_at_one_place_are_all_named() -> None:
    figure = plots.tradeoff(dict.fromkeys("abcdefghijklmnopq", (1, 0.5)), title="t", x="uplink")
    assert texts(figure) == list("abcdefghijklmnopq")


def test_magnitudes_add_up_and_tell_zeros_from_small_values() -> None:
    values = np.array([[0, 0, 1e-9, 0.002], [-0.03, 0.04, 0, 0]], np.float32)
    figure = plots.magnitudes(values, title="Update")
    counts = {"zero": "4", "below 1e-05": "1", "from 0.001": "1", "from 0.01": "2"}
    assert {name: n for name, n in figure.table["values"].items() if n != "0"} == counts
    assert figure.table.loc["from 0.01", "of the square sum"] == "99.8%"
    assert "zero 50.0% and 0.0%; below 1e-05 12.5% and 0.0%" in figure.alt


def test_a_magnitude_at_a_power_of_ten_is_in_the_bin_that_starts_there() -> None:
    for values, name in (([0.01], "0.01"), ([-1, 0.99], "1"), ([1e-7], "1e-07"), ([1e4], "10000")):
        figure = plots.magnitudes(np.array(values), title="t")
        assert figure.table.index[-1] == f"from {name}"
        assert figure.table["values"].iloc[-1] == "1"
