"""A prediction: a number and a unit, kept until the measurement; nothing that is written raises."""

import pytest

from fedlab.exercises import predict
from fedlab.units import Bytes


def test_a_prediction_keeps_number_and_unit_until_the_measurement() -> None:
    table = predict("06.total", "212 MB").reconcile(formula=225_083_392, measured=225_083_392)
    assert table.loc["your prediction", "bytes"] == "212,000,000"
    assert table.loc["your prediction", "minus measured"] == "-13,083,392"
    assert table.loc["formula", "minus measured"] == "0"


def test_a_prediction_in_plain_bytes_counts_as_bytes() -> None:
    assert predict("x", 1000).guess == Bytes(1000)


def test_an_untouched_or_unreadable_prediction_says_so_and_still_reconciles() -> None:
    assert predict("06.total", ...).guess is None
    assert "needs a unit" in repr(predict("06.total", "212"))
    assert predict("06.total", [1]).guess is None  # type: ignore[arg-type]
    table = predict("06.total", ...).reconcile(formula=1, measured=2)
    assert table.loc["your prediction", "bytes"] == "–"


@pytest.mark.parametrize(
    "guess", ["words", "-5 MB", -5, 10**400, "9" * 400 + " PB", float("nan"), 3.7, {}, None]
)
def test_whatever_is_predicted_nothing_later_raises(guess: object) -> None:
    prediction = predict("06.total", guess)  # type: ignore[arg-type]
    assert prediction.guess is None
    assert "no prediction yet" in repr(prediction)
    assert prediction.reconcile(formula=1, measured=2).loc["your prediction", "bytes"] == "–"
