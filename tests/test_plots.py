"""Figures carry their numbers, say them in words, and are the same bytes each time."""

from fedlab import Bytes, plots


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
