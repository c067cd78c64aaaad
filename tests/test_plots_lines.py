"""Lines: their numbers in a table, their names beside them, what no scale can show in words."""

import pytest
from drawn import MEMORY, places_apart, texts

from fedlab import Bytes, plots
from fedlab.plots.figure import COLOURS


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
    canvas = figure.picture.bbox
    assert all(canvas.x0 <= box.x0 and box.x1 <= canvas.x1 for box in places_apart(figure))


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
