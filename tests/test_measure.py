"""The bill of any Flower app, made up from what a run left."""

import json

import pytest
from app_directories import app_directory
from hypothesis import given
from hypothesis import strategies as st
from measured import CODE, HEAD, HTTP, MODEL, report_of, result_of, transfer

from fedlab.engines import DeploymentError
from fedlab.engines.deployment.apps import config_of
from fedlab.keeper import Keeper
from fedlab.measure import MeasureReport, measure, setting
from fedlab.measure.settings import with_rounds


def lines_of(report):
    return {c.what: (c.predicted, c.payload, c.wire) for c in report.compared()}


def test_the_formula_is_fed_with_what_the_app_broadcasts_first():
    report = report_of(nodes=3, rounds=4)
    assert report.formula.traffic == 2 * MODEL * 3 * 4
    assert report.evaluation.traffic == report.evaluation.downlink == MODEL * 3 * 4
    assert report_of(evaluates=False).evaluation is None


def test_training_and_evaluation_stand_beside_the_formula_in_lines_of_their_own():
    assert lines_of(report_of()) == {
        "training, down": (4 * MODEL, 4 * MODEL, 4 * (MODEL + HEAD)),
        "training, up": (4 * MODEL, 4 * MODEL, 4 * (MODEL + 2 * HTTP)),
        "evaluation, down": (4 * MODEL, 4 * MODEL, 4 * (MODEL + HEAD)),
        "evaluation, up": (0, 0, 4 * 2 * HTTP),
        "all else": (0, 0, 4 + 5),
        "in all": (12 * MODEL, 12 * MODEL, 12 * MODEL + 8 * HEAD + 16 * HTTP + 9),
    }
    assert report_of().notes() == []


def test_an_app_that_does_not_evaluate_has_no_line_for_it():
    uses = ["training, down", "training, up", "all else", "in all"]
    assert list(lines_of(report_of(evaluates=False))) == uses


def test_the_bill_has_each_round_hop_and_direction_in_order():
    rows = report_of().rows()
    hops = ["server", "node 0", "node 1"]
    assert [(r.round, r.hop, r.direction) for r in rows] == [
        (number, hop, way) for number in (0, 1, 2) for hop in hops for way in ("down", "up")
    ]
    down = next(r for r in rows if (r.round, r.hop, r.direction) == (1, "node 1", "down"))
    carried = (2 * MODEL, 2 * MODEL + 4 * HEAD, 2 * (MODEL + HEAD))
    assert (down.requests, down.payload, down.message, down.wire) == (4, *carried)
    server = next(r for r in rows if (r.round, r.hop, r.direction) == (2, "server", "up"))
    assert (server.requests, server.payload, server.message, server.wire) == (2, None, None, 2000)


def test_a_tenth_node_stands_after_the_ninth():
    hops = [row.hop for row in report_of(nodes=11, rounds=1).rows() if row.round == 1]
    assert hops[::2] == ["server", *(f"node {k}" for k in range(11))]


def test_rounds_that_an_app_does_not_number_are_in_one_and_counted_once():
    report = report_of(numbered=False)
    assert {row.round for row in report.rows()} == {0}
    nodes = next(r for r in report.totals() if (r.hop, r.direction) == ("all nodes", "up"))
    assert nodes.payload == 4 * MODEL
    assert lines_of(report)["in all"] == lines_of(report_of())["in all"]


@given(
    nodes=st.integers(1, 12),
    rounds=st.integers(1, 4),
    update=st.integers(0, 3 * MODEL),
    evaluates=st.booleans(),
    numbered=st.booleans(),
    extra=st.lists(st.tuples(st.sampled_from(["query", "train.x"]), st.integers(0, 5000))),
)
def test_the_totals_are_all_that_the_ledger_and_the_wire_hold(
    nodes, rounds, update, evaluates, numbered, extra
):
    about = {"update": update, "evaluates": evaluates, "numbered": numbered}
    report = report_of(nodes=nodes, rounds=rounds, **about)
    ledger, wire = report.result.ledger, report.result.wire
    for kind, payload in extra:
        ledger.add(transfer(0, int(numbered), kind, "up", payload))
    totals = {(row.hop, row.direction): row for row in report.totals()}
    everything = report.compared()[-1]
    for way in ("down", "up"):
        hops = wire.per_hop()
        assert totals["server", way].wire == hops[way]["server"]
        assert totals["all nodes", way].wire == hops[way].drop("server").sum()
        levels = ledger.levels(way)
        assert totals["all nodes", way].payload == levels.payload
        assert totals["all nodes", way].message == levels.message
    assert everything.payload == ledger.traffic
    assert everything.wire == wire.per_hop()[["up", "down"]].drop("server").to_numpy().sum()
    for name in ("predicted", "payload", "wire"):
        assert getattr(everything, name) == sum(getattr(c, name) for c in report.compared()[:-1])
    assert json.loads(json.dumps(report.as_json(), allow_nan=False)) == report.as_json()


def test_a_query_is_neither_training_nor_evaluation():
    report = report_of()
    report.result.ledger.add(transfer(0, 1, "query", "up", 77))
    assert lines_of(report)["all else"] == (0, 77, 9)


def test_a_message_of_a_named_function_is_training_too():
    report = report_of(evaluates=False)
    report.result.ledger.add(transfer(0, 1, "train.head", "up", 77))
    assert lines_of(report)["training, up"][:2] == (4 * MODEL, 4 * MODEL + 77)


def test_smaller_updates_are_said_to_be_the_difference():
    report = report_of(update=300)
    assert lines_of(report)["training, up"][:2] == (4 * MODEL, 4 * 300)
    assert report.notes() == [
        "updates carry 300 B, the broadcast 1,000 B: they are compressed, or hold other tensors"
    ]


def test_fewer_messages_and_failures_are_said_to_be_the_difference():
    result = result_of(rounds=1, evaluates=False)
    broken = transfer(1, 1, "train", "up", 0, outcome="failed", reason="it broke")
    result.ledger.add(broken)
    report = MeasureReport("tiny", 2, 3, result)
    assert report.notes() == [
        "messages for training: 2 were sent, 2 nodes x 3 rounds are 6",
        "replies that failed and brought nothing: 1 of 3",
    ]
    assert report.as_json()["failures"] == [
        {
            "hop": "node 1",
            "round": 1,
            "message_type": "train",
            "outcome": "failed",
            "reason": "it broke",
        }
    ]


def test_an_app_that_never_trains_has_nothing_to_predict():
    report = MeasureReport("tiny", 2, 1, result_of(rounds=0))
    assert report.formula.traffic == 0
    assert "nothing to start from" in report.notes()[0]


def test_of_a_federation_that_was_joined_the_messages_alone_are_told():
    report = report_of(wire=False)
    assert {(row.hop, row.requests, row.wire) for row in report.rows()} == {
        ("node 0", None, None),
        ("node 1", None, None),
    }
    assert lines_of(report)["in all"] == (12 * MODEL, 12 * MODEL, None)
    assert {line["wire_difference"] for line in report.as_json()["formula"]} == {None}


def test_the_report_in_json_is_texts_whole_numbers_and_nothing():
    def kinds(thing):
        if isinstance(thing, dict):
            return set().union(*(kinds(value) for value in thing.values()))
        return set().union(*map(kinds, thing)) if isinstance(thing, list) else {type(thing)}

    said = report_of().as_json()
    assert kinds(said) == {str, int, float, type(None)}
    assert said["seconds"] == 1.5
    assert (said["app"], said["nodes"], said["rounds"], said["model_bytes"]) == ("tiny", 2, 2, 1000)
    assert (said["flower_inbound_bytes"], said["flower_outbound_bytes"]) == (11, 12)
    assert said["formula"][0] == {
        "what": "training, down",
        "predicted": 4000,
        "payload": 4000,
        "wire": 4200,
        "payload_difference": 0,
        "wire_difference": 200,
    }
    assert said["bill"][-1]["round"] is None


@pytest.fixture
def app(tmp_path):
    """An app whose config has its rounds, a text, and a nested key."""
    config = {"num-server-rounds": 1, "codec": "", "opt": {"lr": 0.1}}
    return app_directory(tmp_path / "tiny", CODE, config=config)


def test_an_apps_config_is_read_as_flower_flattens_it(app):
    assert config_of(app) == {"num-server-rounds": 1, "codec": "", "opt.lr": 0.1}


def test_a_value_is_toml_or_else_text():
    config = {"codec": "", "lr": 0.1}
    for text, value in {
        "lr=0.5": 0.5,
        "lr=1e-3": 1e-3,
        "lr = 7": 7,
        "lr=true": True,
        "lr=fast": "fast",
        "lr='0.5'": "0.5",
        "lr=": "",
        "lr=[1, 2]": "[1, 2]",
        "lr=2024-01-31": "2024-01-31",
        "lr=1\nx=2": "1\nx=2",
        "codec=8": "8",
        "codec=topk:0.01|int8": "topk:0.01|int8",
        'codec="int8"': "int8",
        "codec=a=b": "a=b",
    }.items():
        key, read = setting(text, config)
        assert (key, read, type(read)) == (text.partition("=")[0].strip(), value, type(value))


@given(st.text(), st.text(min_size=1).filter(lambda key: key.strip() and "=" not in key))
def test_any_text_is_a_value(value, key):
    read = setting(f"{key}={value}", {})[1]
    assert isinstance(read, str | int | float)


@pytest.mark.parametrize("text", ["", "codec", "=8", "  =8"])
def test_a_setting_without_a_key_or_a_value_is_refused(text):
    with pytest.raises(ValueError, match="expected KEY=VALUE"):
        setting(text, {})


def test_rounds_go_where_flowers_apps_have_them():
    config = {"num-server-rounds": 1, "lr": 1}
    assert with_rounds({"lr": 2}, 5, config) == {"lr": 2, "num-server-rounds": 5}
    assert with_rounds({"lr": 2}, None, config) == {"lr": 2}


@pytest.mark.parametrize(
    ("config", "wanted", "rounds", "said"),
    [
        ({"epochs": 3, "a": 1}, {}, 2, "an app with num-server-rounds.*keys are epochs, a; if"),
        ({}, {}, 2, "keys are none"),
        ({"num-server-rounds": 3}, {"num-server-rounds": 3}, 2, "got both"),
        ({"num-server-rounds": 3}, {}, 0, "1 or more, got 0"),
        ({"num-server-rounds": 3}, {}, True, "1 or more, got True"),
    ],
)
def test_rounds_that_cannot_be_set_are_refused(config, wanted, rounds, said):
    with pytest.raises(ValueError, match=said):
        with_rounds(wanted, rounds, config)


def test_nothing_is_started_for_what_cannot_be_measured(app, monkeypatch):
    monkeypatch.setattr(Keeper, "__enter__", lambda keeper: pytest.fail("it was started"))
    with pytest.raises(DeploymentError, match="no such directory"):
        measure(app / "elsewhere")
    with pytest.raises(ValueError, match=r"num-server-rounds, codec, opt\.lr; got lr"):
        measure(app, run_config={"lr": 1})
    with pytest.raises(ValueError, match="got both"):
        measure(app, nodes=2, superlink="127.0.0.1:1")


def deployed_with(monkeypatch, result):
    """Let `deploy` answer at once; what it was called with."""
    called = {}

    def deploy(app, **about):
        called.update(about, app=app)
        return result

    monkeypatch.setattr("fedlab.engines.deploy", deploy)
    return called


def test_the_app_runs_as_it_is_without_the_checking_layer(app, monkeypatch):
    called = deployed_with(monkeypatch, result_of(rounds=3))
    report = measure(app, rounds=3, run_config={"codec": "int8"}, timeout=9)
    assert called["run_config"] == {"codec": "int8", "num-server-rounds": 3}
    assert (called["nodes"], called["check"], called["timeout"]) == (2, False, 9)
    assert (report.app, report.nodes, report.rounds) == ("tiny", 2, 3)


def test_the_formula_takes_the_rounds_that_the_app_was_to_run(app, monkeypatch):
    deployed_with(monkeypatch, result_of(rounds=3))
    assert measure(app).rounds == 1


@pytest.mark.parametrize("numbered", [True, False])
def test_rounds_that_the_config_does_not_say_are_counted(tmp_path, monkeypatch, numbered):
    deployed_with(monkeypatch, result_of(rounds=3, numbered=numbered))
    assert measure(app_directory(tmp_path / "tiny", CODE)).rounds == 3


def test_a_federation_that_is_joined_has_the_nodes_that_were_spoken_with(app, monkeypatch):
    called = deployed_with(monkeypatch, result_of(nodes=5, wire=False))
    report = measure(app, superlink="fed.example.org:8000", tls=True)
    assert (called["superlink"], called["tls"]) == ("fed.example.org:8000", True)
    assert report.nodes == 5
