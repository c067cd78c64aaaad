"""The Pythia lab as a Flower app: the same ledger as lesson 06's cells, and as predicted."""

import json
import os
import subprocess
import sys
import tomllib
import zipfile
from functools import cache
from pathlib import Path
from shutil import copytree

import pytest
from apps import federation, instructions
from flwr.app import Context
from flwr.clientapp import ClientApp
from flwr.serverapp import ServerApp

from fedlab.codecs import CodecError, parse
from fedlab.engines import simulate
from fedlab.engines.deployment.submitting import flower_environment, program
from fedlab.framing import predict_levels
from fedlab.records import objects_of
from fedlab.sizes import tensors_of

LESSONS = Path(__file__).parents[2] / "lessons"
APP = LESSONS / "apps" / "pythia"
sys.path.insert(0, str(APP))

from pythia_lab import client_app, server_app  # noqa: E402
from pythia_lab.settings import DEFAULTS  # noqa: E402

TENSORS = tensors_of("pythia-14m")
NODES = 2


class Asked(ClientApp):
    """The app's client in a run with this run_config, which `simulate` leaves empty."""

    def __init__(self, config):
        super().__init__()
        self.config = config

    def __call__(self, message, context):
        context.run_config = self.config
        return client_app.app(message, context)


def ledger(**config):
    """Of the app's run with these settings, `_` for `-`."""
    config = {name.replace("_", "-"): value for name, value in config.items()}
    server = ServerApp()

    @server.main()
    def main(grid, context):
        server_app.app(grid, Context(1, 0, {}, context.state, config))

    return simulate(server, Asked(config), nodes=NODES).ledger


def rows(ledger):
    return [(t.round, t.node, t.message_type, t.direction, t.levels, t.outcome) for t in ledger]


@cache
def from_the_lesson(rounds):
    """The ledger of lesson 06's library strategy and client, from its own cells."""
    cells = json.loads((LESSONS / "06_pythia_lab.ipynb").read_text("utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    names: dict = {}
    exec("from flwr.app import ArrayRecord\nfrom flwr.serverapp import ServerApp", names)
    for start in ("model = pythia_14m(", "client_app = ClientApp(", "def lab("):
        (cell,) = [c for c in code if f"\n{start}" in c]
        exec(cell, names)
    return simulate(names["lab"](rounds=rounds), names["client_app"], nodes=NODES).ledger


def predicted(tensors=TENSORS, codec=None, left_out=None):
    """Levels of a round, down and up."""
    said = None if left_out is None else {"left-out": left_out}
    down = predict_levels(TENSORS, config={"server-round": 1})
    up = predict_levels(tensors, config=said, metrics={"num-examples": 1}, codec=codec)
    return down * NODES, up * NODES


def test_the_settings_that_simulate_leaves_out_are_those_of_the_apps_own_file():
    config = tomllib.loads((APP / "pyproject.toml").read_text("utf-8"))
    assert config["tool"]["flwr"]["app"]["config"] == DEFAULTS
    table = (APP / "README.md").read_text("utf-8")
    for name, value in DEFAULTS.items():
        assert f"| `{name}` | `{json.dumps(value)}` |" in table


@pytest.mark.parametrize("distinct", [False, True])
def test_the_app_and_the_lessons_cells_have_equal_ledgers_round_by_round(distinct):
    cells, app = from_the_lesson(2), ledger(num_server_rounds=2, distinct=distinct)
    assert len(app.transfers) == 2 * 2 * NODES
    assert rows(app) == rows(cells)
    assert app.per_round().equals(cells.per_round())


def test_without_settings_it_is_the_labs_round_to_the_byte():
    measured = simulate(server_app.app, client_app.app, nodes=NODES).ledger
    assert (measured.levels("down"), measured.levels("up")) == predicted()
    assert measured.traffic == 225_083_392


def test_a_codec_weighs_what_it_says():
    measured = ledger(codec="int8")
    assert measured.failures == []
    assert (measured.levels("down"), measured.levels("up")) == predicted(codec=parse("int8"))


@pytest.mark.parametrize("codec", ["", "int8"])
def test_a_part_that_travels_weighs_what_its_tensors_do(codec):
    chosen = [t for t in TENSORS if ".layers.5." in t.name or t.name.endswith("norm.bias")]
    measured = ledger(travel="*.layers.5.*, *norm.bias", codec=codec)
    down, up = predicted(chosen, parse(codec) if codec else None, len(TENSORS) - len(chosen))
    assert 0 < len(chosen) < len(TENSORS)
    assert measured.failures == []
    assert measured.levels("down") == down
    assert (measured.levels("up").payload, measured.levels("up").record) == (up.payload, up.record)
    name = len("fedlab.send-only") - len("config")  # the record that says what was left out
    assert measured.levels("up").message == up.message + NODES * name


@pytest.mark.parametrize("window", [0, 1])
def test_streaming_moves_the_same_bytes(window):
    measured = ledger(streaming=True, window=window, num_server_rounds=2)
    down, up = predicted()
    assert (measured.levels("down"), measured.levels("up")) == (down * 2, up * 2)


def objects(distinct):
    """The ids of what Flower transmits: of the broadcast, then of each reply of two rounds."""
    found = []

    def main(grid):
        found.append(instructions(grid)[0])
        for number in (1, 2):
            found.extend(grid.send_and_receive(instructions(grid, number=number)))

    federation(main, Asked({"distinct": distinct}), nodes=NODES)
    return [set(objects_of(message.content["arrays"])) for message in found]


def test_no_tensor_of_a_distinct_reply_is_in_the_broadcast_or_in_another_reply():
    apart = objects(distinct=True)
    assert len(apart) == 1 + 2 * NODES
    assert len(set.union(*apart)) == sum(map(len, apart))


def test_replies_that_are_not_distinct_are_the_broadcast():
    broadcast, *replies = objects(distinct=False)
    assert all(reply == broadcast for reply in replies)


def test_a_mistake_in_the_settings_ends_the_run_before_anything_is_sent():
    with pytest.raises(CodecError, match="unknown codec 'zip'"):
        ledger(codec="zip")
    with pytest.raises(ValueError, match=r"^travel: expected patterns .* 'head\.\*' fits none"):
        ledger(travel="lm_head.*,head.*")


def test_the_servers_log_ends_with_the_ledgers_totals(capsys):
    simulate(server_app.app, client_app.app, nodes=NODES, verbose=True)
    down, up = predicted()
    assert capsys.readouterr().out.splitlines()[-2:] == [
        f"INFO    : ledger, {way}: payload {levels.payload:,} B, record {levels.record:,} B, "
        f"message {levels.message:,} B"
        for way, levels in (("down", down), ("up", up))
    ]


def test_a_clients_process_starts_without_torch():
    code = "import sys, pythia_lab.client_app; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=APP, capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr


def test_flower_builds_it_and_the_bundle_holds_the_apps_files_alone(tmp_path):
    app, out = tmp_path / "pythia", tmp_path / "out"
    copytree(APP, app)
    out.mkdir()
    done = subprocess.run(
        [program("flwr"), "build", "--app", str(app)],
        cwd=out,
        env=os.environ | flower_environment(tmp_path),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (bundle,) = out.iterdir()
    assert bundle.name.startswith("fedlab.pythia-lab.1-0-0.")
    with zipfile.ZipFile(bundle) as opened:
        assert sorted(opened.namelist()) == [
            ".info/CONTENT",
            "README.md",
            "pyproject.toml",
            "pythia_lab/__init__.py",
            "pythia_lab/client_app.py",
            "pythia_lab/server_app.py",
            "pythia_lab/settings.py",
        ]
