"""The Pythia lab: predicted equals measured, to the byte, at every level."""

import json

import pytest

from fedlab.lab import LabReport, predict_run, run_lab, seed_figure
from fedlab.ledger import Ledger
from fedlab.sizes import TensorSpec, size_of, tensors_of
from fedlab.units import LEVELS, Bytes, Levels

MODEL = 56_270_848
RECORD = 56_283_760  # Flower's count_bytes() of the model: 76 headers, 3,184 letters of names
CONFIG, METRICS = len("server-round") + 8, len("num-examples") + 8


@pytest.fixture(scope="module")
def report():
    return run_lab()


@pytest.fixture(scope="module")
def three_rounds():
    return run_lab(rounds=3)


def test_the_formula_the_prediction_and_the_measurement_are_225083392_bytes(report):
    assert report.formula.traffic == report.predicted.payload == report.measured.payload
    assert report.measured.payload == 225_083_392
    assert str(report.measured.payload) == "225.08 MB (214.66 MiB)"


def test_predicted_equals_measured_at_every_level(report):
    assert report.predicted == report.measured
    assert report.measured.record == 2 * (2 * RECORD + CONFIG + METRICS)
    assert [(row[0], row[3]) for row in report.rows()] == [(level, 0) for level in LEVELS]
    assert report.measured.message > report.measured.record > report.measured.payload


def test_the_lab_sends_the_model_twice_and_gets_it_back_twice(report):
    rows = [(t.direction, t.payload, t.outcome) for t in report.ledger.transfers]
    assert rows == [("down", MODEL, "ok")] * 2 + [("up", MODEL, "ok")] * 2
    assert len(report.tensors) == 76


def test_three_rounds_weigh_three_times_one_and_are_all_equal(report, three_rounds):
    assert three_rounds.predicted == three_rounds.measured == report.measured * 3
    rounds = three_rounds.ledger.per_round()
    assert rounds["traffic"].tolist() == [225_083_392] * 3
    for number in (1, 2, 3):
        ledger = Ledger(t for t in three_rounds.ledger.transfers if t.round == number)
        assert ledger.levels() == report.measured


def test_a_prediction_reads_no_message_and_a_measurement_no_configuration(report):
    grown = [*report.tensors, TensorSpec("extra", (1,))]
    assert predict_run(grown, clients=2).payload == 225_083_392 + 4 * 4
    assert report.measured.payload == 225_083_392


def test_the_prediction_needs_only_the_description():
    specs = [TensorSpec("w", (3,)), TensorSpec("b", ())]
    one = predict_run(specs, clients=1)
    assert one.payload == 2 * 16
    assert one.record == 2 * (16 + 2 * 128 + 2) + CONFIG + METRICS
    assert predict_run(specs, clients=7, rounds=2).payload == 14 * one.payload


def test_a_larger_weight_takes_more_bytes_in_a_message_and_as_many_in_a_record():
    specs = tensors_of("pythia-14m")
    small, large = (predict_run(specs, clients=2, num_examples=n) for n in (1, 10_000))
    assert large.payload == small.payload
    assert large.record == small.record
    assert large.message - small.message == 2 * 2


def test_the_seeds_own_figure_cuts_before_it_adds():
    assert seed_figure(size_of("pythia-14m"), clients=2) == 212
    assert seed_figure(Bytes(2**20 - 1), clients=10) == 0


def test_the_report_is_plain_json(report):
    said = json.loads(json.dumps(report.as_json()))
    assert said["model"] == "pythia-14m"
    assert (said["parameters"], said["tensors"]) == (14_067_712, 76)
    assert (said["clients"], said["rounds"]) == (2, 1)
    assert said["formula_bytes"] == 225_083_392
    assert said["levels"]["payload"] == {
        **{"predicted": 225_083_392, "measured": 225_083_392, "difference": 0}
    }
    assert said["seed_megabytes"] == 212
    assert said["failures"] == []


def test_a_difference_is_measured_minus_predicted(report):
    short = LabReport(report.tensors, report.formula, report.predicted, Ledger(), 0.0)
    assert [row[3] for row in short.rows()] == [-n for n in vars(report.predicted).values()]
    assert short.measured == Levels()


def test_other_cohorts_are_predicted_too():
    report = run_lab(clients=3)
    assert report.measured == report.predicted
    assert report.measured.payload == 6 * MODEL


def test_long_steps_are_told_before_they_begin():
    lines = []
    with pytest.raises(ValueError, match="engine"):
        run_lab(engine="warp", tell=lines.append)
    assert lines[0] == "predicting from the configuration"
    assert lines[-1] == "running on the warp engine (clients: 2, rounds: 1)"


@pytest.mark.parametrize("settings", [{"clients": 0}, {"clients": -1}, {"rounds": 0}])
def test_a_lab_without_clients_or_rounds_is_refused_before_anything_is_loaded(settings):
    lines = []
    with pytest.raises(ValueError, match="expected a whole number, 1 or more"):
        run_lab(**settings, tell=lines.append)
    assert lines == ["predicting from the configuration"]
