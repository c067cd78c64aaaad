"""The round in motion: `FederatedRun`'s numbers, a ledger's at each step, in JavaScript too."""

import math
from itertools import pairwise

import ipywidgets
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from states import largest, put, smallest, state_of, states

from fedlab.bandwidth import FederatedRun
from fedlab.ledger import Ledger, Transfer
from fedlab.sizes import size_of
from fedlab.units import Bytes
from fedlab.widgets import RoundDemo
from fedlab.widgets.round_moment import moment

PYTHIA = 56_270_848
RUNS = st.builds(
    FederatedRun,
    st.integers(0, 10**12),
    st.integers(0, 10**12),
    cohort=st.integers(1, 12),
    min_clients=st.just(1),
    fraction=st.integers(1, 100).map(lambda n: n / 100),
    rounds=st.integers(1, 10),
)


@pytest.fixture
def demo():
    return RoundDemo("pythia-14m", clients=2)


@pytest.fixture(scope="module")
def node(start_node):
    return start_node(RoundDemo)


def at_each_step(run, failing):
    last = moment(run, 0).last
    return [moment(run, step, failing) for step in range(last + 1)]


def messages(run, failing):
    """What passes in each step of a run, written down one after the other; None where nothing."""
    selected, order = run.clients_per_round, 0
    for number in range(run.rounds):
        clients = [(order + turn) % run.cohort for turn in range(selected)]
        order += selected
        yield from (("down", number + 1, client, run.outgoing) for client in clients)
        yield None
        for turn, client in enumerate(clients):
            answers = turn < selected - failing
            yield ("up", number + 1, client, run.incoming if answers else None)
        yield None


# --- the model


def test_two_clients_and_pythia_end_at_the_labs_total(demo):
    assert demo.last == 6
    demo.step = demo.last
    assert demo.readout().headline == (
        "Step 6 of 6: the server averaged 2 updates into model 1; "
        "all 225.08 MB (214.66 MiB) have travelled."
    )
    assert dict(demo.readout().rows)["Both ways so far"].endswith("225,083,392 B")


def test_each_step_has_its_sentence(demo):
    demo.failing, said = 1, []
    for step in range(demo.last + 1):
        demo.step = step
        said.append(demo.readout().headline.split("; ")[0])
    assert said == [
        "Step 0 of 6: the server holds model 0 and has selected 2 of 2 clients",
        "Step 1 of 6: client 1 has its model",
        "Step 2 of 6: client 2 has its model",
        "Step 3 of 6: 2 clients trained, each on data of its own",
        "Step 4 of 6: the update of client 1 is back",
        "Step 5 of 6: client 2 never answers, though 56.27 MB went to it",
        "Step 6 of 6: the server averaged 1 update into model 1",
    ]
    demo.rounds = 3
    assert demo.readout().headline.startswith("Round 1 of 3, step 6 of 18: the server averaged")


@given(RUNS)
def test_the_last_step_has_moved_what_the_formula_says(run):
    end = moment(run, 10**6)
    assert end.step == end.last == (2 * run.clients_per_round + 2) * run.rounds
    assert (end.down, end.up) == (run.downlink, run.uplink)
    assert (end.event, end.model, end.round) == ("averaged", run.rounds, run.rounds)


@settings(max_examples=50)
@given(RUNS, st.integers(0, 12))
def test_each_step_has_moved_what_a_ledger_of_its_messages_says(run, failing):
    ledger = Ledger()
    start, *later = at_each_step(run, failing)
    assert (start.event, start.down, start.up) == ("start", 0, 0)
    for now, message in zip(later, messages(run, failing), strict=True):
        if message is None:
            assert now.event in ("trained", "averaged")
            assert now.client == 0
        else:
            direction, number, client, size = message
            sizes = [Bytes(size or 0)] * 3
            outcome = "failed" if size is None else "ok"
            ledger.add(Transfer("", client, number, "train", direction, *sizes, outcome))
            event = "sent" if direction == "down" else "silent" if size is None else "answered"
            assert (now.event, now.client, now.round) == (event, client + 1, number)
        assert (now.down, now.up) == (ledger.downlink, ledger.uplink)
    silent = min(failing, run.clients_per_round)
    assert len(ledger.failures) == silent * run.rounds
    assert ledger.traffic == run.traffic - run.incoming * silent * run.rounds


@settings(max_examples=50)
@given(RUNS, st.integers(0, 12))
def test_the_picture_has_each_client_where_its_messages_left_it(run, failing):
    after = {"sent": "model", "answered": "done", "silent": "failed"}
    for before, now in pairwise(at_each_step(run, failing)):
        selected = [status for status in now.clients if status != "idle"]
        assert len(now.clients) == run.cohort
        assert len(selected) == run.clients_per_round
        if now.event in after:
            assert now.clients[now.client - 1] == after[now.event]
        if now.event == "trained":
            assert set(selected) == {"update"}
        if now.event == "averaged":
            assert set(selected) <= {"done", "failed"}
        if now.round == before.round and now.event in after:
            pairs = zip(before.clients, now.clients, strict=True)
            assert [n for n, (was, is_) in enumerate(pairs, 1) if was != is_] == [now.client]


def test_clients_are_selected_in_turn():
    run = FederatedRun(1, cohort=5, fraction=0.4, rounds=3)
    sent = [now.client for now in at_each_step(run, 0) if now.event == "sent"]
    assert sent == [1, 2, 3, 4, 5, 1]


def test_a_client_that_never_answers_is_on_the_bill_with_its_model():
    demo = RoundDemo(outgoing=1000, incoming=10, clients=4, failing=1, rounds=2)
    demo.step = demo.last
    rows = dict(demo.readout().rows)
    assert rows["Downlink so far"] == "8.00 kB of 8.00 kB"
    assert rows["Uplink so far"] == "60 B of 60 B"
    assert rows["Both ways, the whole run"] == "8.06 kB (7.87 KiB), 8,060 B"
    assert rows["Updates that never come"] == "2 of 8; 2.00 kB went out for them"


def test_where_nobody_answers_the_server_keeps_its_model():
    demo = RoundDemo(clients=3, failing=12)
    demo.step = demo.last
    assert "no update came, so the server keeps its model 0" in demo.readout().headline
    assert demo.moment().model == 0
    assert dict(demo.readout().rows)["Updates that never come"].startswith("3 of 3")


def test_a_model_sets_both_directions_and_a_size_goes_before_it():
    assert RoundDemo().run().traffic == 4 * 2 * 53_000_000
    both, less = RoundDemo("pythia-14m"), RoundDemo("pythia-14m", incoming=1000)
    assert (both.outgoing, both.incoming) == (size_of("pythia-14m"), PYTHIA)
    assert (less.outgoing, less.incoming) == (PYTHIA, 1000)
    assert RoundDemo(outgoing=7).incoming == 7


# --- what an instructor's code does with it


def test_a_program_drives_and_hears_it(demo):
    heard, slider = [], ipywidgets.IntSlider(max=100)
    demo.observe(lambda change: heard.append((change.name, change.new)), ["step", "playing"])
    ipywidgets.link((slider, "value"), (demo, "step"))
    demo.step = 3
    slider.value = 5
    demo.set_state({"step": 6, "playing": True})  # as it comes from the browser
    assert heard == [("step", 3), ("step", 5), ("step", 6), ("playing", True)]
    assert slider.value == 6


@pytest.mark.parametrize(
    ("came", "step", "note"),
    [
        (7, 6, "7 is too large; the most is 6"),
        (10**400, 6, "Infinity is too large; the most is 6"),
        (-1, 0, "-1 is too small; the least is 0"),
        (math.nan, 2, "NaN is no number; it stays 2"),
        ("abc", 2, '"abc" is no number; it stays 2'),
        (None, 2, "that is no number; it stays 2"),
        (3.6, 4, "3.6 is rounded to 4"),
    ],
)
def test_a_step_that_the_run_has_not_is_clamped_and_said(demo, came, step, note):
    demo.step = 2
    demo.step = came
    assert (demo.step, demo.notes) == (step, {"step": note})
    assert note in repr(demo)
    assert note.replace('"', "&quot;") in demo._repr_mimebundle_()[0]["text/html"]
    demo.step = 1
    assert demo.notes == {}


def test_a_shorter_run_takes_its_step_along_and_says_nothing(demo):
    demo.rounds, demo.step = 10, 60
    assert demo.step == 60
    demo.clients = 1
    assert (demo.step, demo.last, demo.notes) == (40, 40, {})
    demo.rounds = 1
    assert (demo.step, demo.last) == (4, 4)


def test_a_fraction_that_selects_nobody_is_a_sentence_and_has_no_steps(demo):
    demo.step = 4
    demo.fraction = 0.4
    said = demo.readout()
    assert said.headline == (
        "Nobody is selected: int(2 × 0.4) is 0. Raise the fraction or the number of clients."
    )
    assert (said.rows, demo.step, demo.last) == ((), 0, 0)
    assert "Nobody" in repr(demo)
    assert "Nobody" in demo._repr_mimebundle_()[0]["text/html"]


def test_where_no_view_runs_there_is_a_table_with_the_numbers(demo):
    demo.step = 3
    html = demo._repr_mimebundle_()[0]["text/html"]
    assert f"<caption>{demo.readout().headline}</caption>" in html
    assert '<th scope="row">Step</th><td>3</td>' in html
    for label, value in demo.readout().rows:
        assert f'<th scope="row">{label}</th><td>{value}</td>' in html


# --- the same in the browser


def agree(node, demo):
    said, seen = demo.readout(), node.ask("readout", state_of(demo))
    assert seen["headline"] == said.headline
    assert tuple((label, value) for label, value, *_ in seen["rows"]) == said.rows
    looks = {label: look for label, _, *rest in seen["rows"] for look in rest}
    assert set(looks) == set(said.looks)
    for label, look in looks.items():
        assert look["share"] == said.looks[label].share
        assert look["colour"] == said.looks[label].colour
    if said.rows:
        now, drawn = demo.moment(), node.ask("moment", state_of(demo))
        assert drawn == vars(now) | {
            "clients": list(now.clients),
            "down": str(int(now.down)),
            "up": str(int(now.up)),
        }


@settings(max_examples=600)
@given(states(RoundDemo))
@example(largest(RoundDemo))
@example(smallest(RoundDemo))
@example(largest(RoundDemo) | {"fraction": 0.29, "failing": 0})  # int(0.29 x 12) is 3
@example(smallest(RoundDemo) | {"fraction": 1.0, "step": 4})
def test_the_view_computes_and_says_what_python_does(node, state):
    agree(node, put(RoundDemo(), state))


def test_so_it_does_at_each_step_of_a_run(node):
    demo = RoundDemo("pythia-14m", incoming=1_234_567, clients=5, fraction=0.7, rounds=3, failing=1)
    for step in range(demo.last + 1):
        demo.step = step
        agree(node, demo)


def test_the_view_knows_each_speed(node):
    paces = [node.ask("pace", speed) for speed in RoundDemo.speed.options]
    assert paces == sorted(set(paces), reverse=True)
