"""`fedlab measure`, called as a user calls it, on real federations."""

import contextlib
import json
import os
import signal
import subprocess
import sys

import psutil
import pytest
from app_directories import app_directory, assert_gone, kept_below, soon
from measured import CODE

SECONDS = 400  # for a whole run on a busy machine

HEEDED = "import signal as s; s.signal(s.SIGINT, s.default_int_handler)"  # also in a background
COMMAND = [sys.executable, "-c", f"{HEEDED}; import fedlab.cli as c; c.main()", "measure"]


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """What the command prints about two rounds of the tiny app on a real federation."""
    config = {"num-server-rounds": 1}
    app = app_directory(tmp_path_factory.mktemp("measured") / "tiny", CODE, config=config)
    command = [*COMMAND, str(app), "--rounds", "2", "--json", "--timeout", str(SECONDS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS + 200)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_the_payload_of_a_real_run_is_the_formulas_to_the_byte(said):
    model = 4 * 500 * 100
    assert (said["app"], said["nodes"], said["rounds"]) == ("tiny", 2, 2)
    assert (said["model_bytes"], said["failures"], said["notes"]) == (model, [], [])
    predicted = {line["what"]: line["predicted"] for line in said["formula"]}
    assert {line["what"]: line["payload"] for line in said["formula"]} == predicted
    assert predicted == {
        **dict.fromkeys(("training, down", "training, up", "evaluation, down"), 4 * model),
        **{"evaluation, up": 0, "all else": 0, "in all": 12 * model},
    }


def test_on_the_wire_of_a_real_run_is_more_than_in_its_messages(said):
    rows = {(row["round"], row["hop"], row["direction"]): row for row in said["bill"]}
    rounds, hops = (0, 1, 2), ("server", "node 0", "node 1")
    sums = [(None, hop, way) for hop in ("server", "all nodes") for way in ("down", "up")]
    assert list(rows) == [(n, h, w) for n in rounds for h in hops for w in ("down", "up")] + sums
    for (number, hop, way), row in rows.items():
        assert row["requests"] > 0
        if hop != "server" and number != 0:
            assert row["wire"] >= row["message"] > row["payload"] > 0, (number, hop, way)
    for direction, flower in (("up", "inbound"), ("down", "outbound")):
        nodes = rows[None, "all nodes", direction]
        assert nodes["message"] * 0.99 < said[f"flower_{flower}_bytes"] < nodes["wire"]


@pytest.mark.skipif(sys.platform == "win32", reason="an interrupt is sent as POSIX sends it")
def test_an_interrupted_command_leaves_nothing_running_and_no_folder(tmp_path):
    app = app_directory(tmp_path / "tiny", CODE, config={"num-server-rounds": 1})
    with subprocess.Popen([*COMMAND, str(app)], stdout=subprocess.PIPE, text=True) as command:
        try:
            assert soon(lambda: supernodes_of(command) or command.poll() is not None, SECONDS)
            (folder,) = kept_below(psutil.Process(command.pid))
            os.kill(command.pid, signal.SIGINT)
            out, _ = command.communicate(timeout=SECONDS)
        finally:
            command.kill()
    assert (command.returncode, out) == (130, "")
    assert_gone(folder)


def supernodes_of(command):
    """The SuperNodes that run below it."""
    with contextlib.suppress(psutil.Error):
        family = psutil.Process(command.pid).children(recursive=True)
        return [one for one in family if "supernode" in " ".join(one.cmdline())]
    return []
