"""Figures carry their numbers, say them in words, and are the same bytes each time."""

import numpy as np
import pytest
from drawn import MEMORY, texts

from fedlab import Bytes, plots
from fedlab.plots.figure import cycle


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
