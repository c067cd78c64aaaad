"""Figures carry their numbers, say them in words, and are the same bytes each time."""

from itertools import combinations

import numpy as np
import pytest
from matplotlib.text import Text

from fedlab import Bytes, plots
from fedlab.plots.figure import COLOURS, cycle

MEMORY = {
    "list": {10: 52_428_800, 1_000: 5_242_880_000},
    "list, predicted": {10: 52_428_800, 1_000: 5_242_880_000},
    "running": {10: 10_485_760, 1_000: 10_485_760},
    "tree": {10: 10_485_760, 1_000: 10_485_761},
}


def test_a_figure_has_its_numbers_as_a_table_and_in_words() -> None:
    groups = {"payload": {"predicted": 2_000_000, "measured": 2_000_001}}
    figure = plots.beside(groups, title="A round")
    assert figure.table.loc["payload", "measured"] == "2,000,001 B"
    assert figure.alt.startswith("A round. Bars of payload: predicted 2.00 MB")


def test_shares_add_up_to_the_whole() -> None:
    figure = plots.shares({"a": 25, "b": 75}, title="Parts")
    assert list(figure.table["share"]) == ["25.0%", "75.0%"]
    assert "Shares of 100 B: a 25.0%; b 75.0%" in figure.alt


def test_bills_show_bytes_and_what_stands_beside_them() -> None:
    figure = plots.bills(
        {"x": 10**9, "y": 10**12}, title="T", beside_it={"time": {"x": "1 h", "y": "9 h"}}
    )
    assert list(figure.table["time"]) == ["1 h", "9 h"]
    assert figure.table.loc["y", "readable"] == "1.00 TB (0.91 TiB)"


def test_the_same_numbers_draw_the_same_bytes(tmp_path) -> None:
    for draw in (
        lambda: plots.beside({"a": {"p": 1, "m": 2}}, title="t"),
        lambda: plots.bills({"a": 1, "b": 10**12}, title="t"),
        lambda: plots.shares({"a": 1, "b": 3}, title="t"),
        lambda: plots.compositions({"g": {"a": 1, "b": 3}}, title="t"),
        lambda: plots.curves(MEMORY, title="t", x="n", dashed=["list, predicted"]),
        lambda: plots.accuracies({"a": {0: 0.1, 1: 0.9}}, title="t", x="n"),
        lambda: plots.numbers({"a": {0: 0.1, 1: 9}}, title="t", x="n", y="m"),
        lambda: plots.partition(np.arange(20).reshape(2, 10), title="t"),
        lambda: plots.tradeoff({"a": (1_000, 0.9), "b": (10, 0.8)}, title="t", x="uplink"),
        lambda: plots.magnitudes(np.array([0, 1e-9, 0.1]), title="t"),
    ):
        first, second = draw(), draw()
        assert first.png() == second.png()
        assert first.png().startswith(b"\x89PNG")
        first.save(tmp_path / "figure.png")
        assert (tmp_path / "figure.png").read_bytes() == second.png()


def test_a_notebook_gets_the_picture_with_its_text_alternative_and_the_table(monkeypatch) -> None:
    shown: list[tuple[object, dict]] = []
    monkeypatch.setattr("IPython.display.display", lambda *a, **k: shown.append((a[0], k)))
    figure = plots.shares({"a": 1, "b": 3}, title="t")
    figure._ipython_display_()
    (bundle, settings), (table, _) = shown
    assert bundle == {"image/png": figure.png(), "text/plain": figure.alt}
    assert settings["metadata"] == {"image/png": {"alt": figure.alt}}
    assert table is figure.table


def test_the_axis_is_in_the_unit_of_its_numbers_for_bytes_and_for_plain_integers() -> None:
    for size in (225_083_392, Bytes(225_083_392)):
        (axes,) = plots.beside({"a": {"p": size}}, title="t").picture.axes
        assert axes.get_ylabel() == "MB (10⁶ bytes)"
        assert [text.get_text() for text in axes.texts] == ["225.08"]
    (axes,) = plots.bills({"a": Bytes(10**12), "b": Bytes(10**15)}, title="t").picture.axes
    assert axes.get_xlabel() == "TB (10¹² bytes), logarithmic scale"


def texts(figure: plots.Figure) -> list[str]:
    (axes,) = figure.picture.axes
    return [text.get_text() for text in axes.texts]


def test_compositions_show_shares_of_each_whole_and_its_total() -> None:
    groups = {"MLP": {"weights": 200_000, "data": 600_000}, "CNN": {"data": 10, "update": 30}}
    figure = plots.compositions(groups, title="Memory")
    assert list(figure.table.columns) == ["weights", "data", "update", "total"]
    assert list(figure.table.loc["MLP"]) == ["200,000", "600,000", "0", "800,000"]
    assert list(figure.table.loc["CNN"]) == ["0", "10", "30", "40"]
    assert texts(figure) == ["25%", "75%", "25%", "75%", "800.00 kB", "40 B"]
    assert figure.alt == (
        "Memory. Shares of MLP, 800.00 kB (781.25 KiB): weights 25.0%, data 75.0%; "
        "CNN, 40 B: data 25.0%, update 75.0%."
    )


def test_a_part_has_the_same_colour_in_every_group() -> None:
    figure = plots.compositions({"x": {"a": 1, "b": 3}, "y": {"b": 2}}, title="t")
    (axes,) = figure.picture.axes
    for bars in axes.containers:
        assert len({bar.get_facecolor() for bar in bars}) == 1
    assert len({bars[0].get_facecolor() for bars in axes.containers}) == 2


def test_a_group_of_nothing_is_an_empty_bar() -> None:
    figure = plots.compositions({"some": {"a": 1}, "none": {}}, title="t")
    assert list(figure.table["total"]) == ["1", "0"]
    assert figure.png()


def test_more_parts_than_colours_are_refused() -> None:
    assert len(set(cycle(8))) == 8
    for draw in (plots.shares, lambda parts, title: plots.compositions({"g": parts}, title=title)):
        with pytest.raises(ValueError, match=r"expected up to 8 things .* got 9; add up the small"):
            draw(dict.fromkeys("abcdefghi", 1), title="t")


def test_curves_carry_their_bytes_as_a_table_and_in_words() -> None:
    figure = plots.curves(MEMORY, title="Memory", x="participants", dashed=["list, predicted"])
    assert list(figure.table["list"]) == ["52,428,800", "5,242,880,000"]
    assert list(figure.table.index) == ["10", "1,000"]
    assert figure.table.index.name == "participants"
    assert "list from 52.43 MB at 10 to 5.24 GB at 1,000; list, predicted from" in figure.alt
    (axes,) = figure.picture.axes
    assert axes.get_ylabel() == "MB (10⁶ bytes), logarithmic scale"
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["10", "1,000"]


def test_labels_of_lines_that_coincide_do_not() -> None:
    figure = plots.curves(MEMORY, title="Memory", x="participants", dashed=["list, predicted"])
    assert sorted(texts(figure)) == sorted(MEMORY)
    figure.picture.draw_without_rendering()
    (axes,) = figure.picture.axes
    boxes = [text.get_window_extent() for text in axes.texts]
    assert not [pair for pair in combinations(boxes, 2) if pair[0].overlaps(pair[1])]
    canvas = figure.picture.bbox
    assert all(canvas.x0 <= box.x0 and box.x1 <= canvas.x1 for box in boxes)


def test_a_prediction_is_dashed_in_the_colour_of_what_it_predicts() -> None:
    figure = plots.curves(MEMORY, title="t", x="n", dashed=["list, predicted"])
    lines = {line.get_label(): line for line in figure.picture.axes[0].lines}
    assert lines["list"].get_color() == lines["list, predicted"].get_color() == COLOURS[0]
    assert lines["list"].get_marker() == lines["list, predicted"].get_marker()
    assert [lines[name].get_linestyle() for name in MEMORY] == ["-", "--", "-", "-"]
    assert lines["running"].get_color() != lines["tree"].get_color()


def test_lines_of_different_numbers_have_gaps_in_the_table_and_a_legend() -> None:
    series = {"a": {10: 1_000, 100: 2_000}, "b": {50: 5, 1_000: 7}}
    figure = plots.curves(series, title="t", x="n")
    assert list(figure.table["a"]) == ["1,000", "", "2,000", ""]
    assert list(figure.table["b"]) == ["", "5", "", "7"]
    (legend,) = figure.picture.legends
    assert [text.get_text() for text in legend.get_texts()] == ["a", "b"]
    assert texts(figure) == []


@pytest.mark.parametrize(
    "series",
    [
        {"a": {10: 0, 100: 5}},
        {"a": {0: 5, 10: 0}},
        {"a": {10: 0}, "b": {}},
        {"a": {10: Bytes(7)}},
    ],
)
def test_what_a_logarithmic_scale_cannot_show_stands_in_the_table(series) -> None:
    figure = plots.curves(series, title="t", x="n")
    assert figure.png().startswith(b"\x89PNG")
    assert list(figure.table["a"]) == [f"{size:,}" for size in series["a"].values()]


@pytest.mark.parametrize("log", [False, True])
def test_accuracies_are_in_percent(log) -> None:
    series = {"wide": {0: 0.9, 0.5: 0.955}, "deep": {0: 0.1, 0.5: 1.0}}
    figure = plots.accuracies(series, title="Pruned", x="sparsity", log=log)
    assert list(figure.table["wide"]) == ["90.0%", "95.5%"]
    assert list(figure.table.index) == ["0", "0.5"]
    assert "wide from 90.0% at 0 to 95.5% at 0.5; deep from 10.0%" in figure.alt
    assert sorted(texts(figure)) == ["deep", "wide"]
    low, high = figure.picture.axes[0].get_ylim()
    assert 0 <= low < high <= 1
    assert figure.png()


@pytest.mark.parametrize("log", [False, True])
def test_limits_are_lines_with_their_numbers_drawn_and_said(log) -> None:
    series = {"dear": {2: 0.5, 400: 0.93}, "cheap": {1: 0.5, 100: 0.9}}
    limits = (300, 0.92)
    figure = plots.accuracies(series, title="Runs", x="kB", log=log, limits=limits)
    assert {"at most 300", "at least 92%"} <= set(texts(figure))
    assert figure.alt.endswith("to 90.0% at 100. Allowed: 300 at most, 92.0% at least.")
    assert figure.table.equals(plots.accuracies(series, title="Runs", x="kB").table)
    assert figure.png()


def test_plain_numbers_stand_on_a_scale_from_zero_and_in_the_table_as_given() -> None:
    series = {"alike": {1: 0.3, 20: 2.8}, "apart": {1: 1.2, 5: 2.0, 20: 2.8}}
    figure = plots.numbers(series, title="Drift", x="local epochs", y="L2 distance")
    assert list(figure.table["alike"]) == ["0.3", "", "2.8"]
    assert figure.alt == (
        "Drift. L2 distance over local epochs: alike from 0.3 at 1 to 2.8 at 20; "
        "apart from 1.2 at 1 to 2.8 at 20."
    )
    assert sorted(texts(figure)) == ["alike", "apart"]
    (axes,) = figure.picture.axes
    assert (axes.get_ylim()[0], axes.get_ylabel()) == (0, "L2 distance")


def test_what_is_counted_in_whole_numbers_has_whole_ticks() -> None:
    def ticks(*at: float) -> list[float]:
        line = {"a": dict.fromkeys(at, 0.5)}
        (axes,) = plots.accuracies(line, title="t", x="rounds").picture.axes
        return list(axes.get_xticks())

    assert all(tick == int(tick) for tick in ticks(0, 1, 2))
    assert not all(tick == int(tick) for tick in ticks(0, 0.5, 2))


def test_a_partition_has_a_bar_a_client_and_a_number_on_each_large_class() -> None:
    counts = np.array([[40, 0, 0, 1], [10, 20, 30, 40]])
    figure = plots.partition(counts, title="Digits")
    assert (figure.table.to_numpy() == counts).all()
    assert (figure.table.index.name, figure.table.columns.name) == ("client", "class")
    assert sorted(texts(figure)) == sorted(["0", "0", "1", "2", "3", "41", "100"])
    assert figure.alt == (
        "Digits. 2 clients hold 41 to 100 examples each; a client's most frequent class is "
        "40% to 98% of what it holds."
    )


def test_ten_classes_are_told_apart_by_colour_and_hatch() -> None:
    figure = plots.partition(np.ones((3, 10), int), title="t")
    looks = [
        (bars[0].get_facecolor(), bars[0].get_hatch()) for bars in figure.picture.axes[0].containers
    ]
    assert len(set(looks)) == 10


def test_a_partition_of_many_clients_is_no_taller_than_a_page() -> None:
    figure = plots.partition(np.ones((200, 10), int), title="t")
    assert figure.picture.get_figheight() < 8
    assert len(figure.table) == 200
    assert texts(figure) == []


def test_a_client_without_examples_is_a_bar_of_nothing() -> None:
    assert "hold 0 to 4 examples" in plots.partition(np.array([[0, 0], [3, 1]]), title="t").alt


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
    figure.picture.draw_without_rendering()
    (axes,) = figure.picture.axes
    boxes = [Text.get_window_extent(label) for label in axes.texts]
    assert not [pair for pair in combinations(boxes, 2) if pair[0].overlaps(pair[1])]
    assert all(axes.bbox.x0 <= box.x0 and box.x1 <= axes.bbox.x1 for box in boxes)


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
