"""The command line, called as a user calls it."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest
from app_directories import app_directory
from measured import CODE, report_of, result_of, transfer

from fedlab import cli
from fedlab.codecs import parse
from fedlab.engines import DeploymentError, NotEnoughNodesError
from fedlab.keeper import KeeperError
from fedlab.sizes import tensors_of


@pytest.fixture
def fedlab(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run `fedlab …` and return (exit status, stdout, stderr)."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["fedlab", *arguments])
        monkeypatch.setenv("COLUMNS", "120")
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    return run


def test_estimate_prints_the_bill(fedlab) -> None:
    status, out, _ = fedlab("estimate", "pythia-14m")
    assert status == 0
    assert "14,067,712 in 76 tensors" in out
    assert "225.08 MB (214.66 MiB)" in out


def test_estimate_in_json_holds_exact_bytes(fedlab) -> None:
    status, out, err = fedlab(
        "estimate", "llama-3.2-1b", "--clients", "100", "--fraction", "0.5", "--rounds", "10",
        "--incoming", "0.25", "--link", "20Mbps", "--json",
    )  # fmt: skip
    facts = json.loads(out)
    assert (status, err) == (0, "")
    assert facts["model_bytes"] == 4_943_257_600
    assert facts["incoming_bytes"] == 1_235_814_400
    assert facts["clients_per_round"] == 50
    assert facts["traffic_bytes"] == (4_943_257_600 + 1_235_814_400) * 50 * 10
    assert facts["tied_bytes"] == 1_050_673_152
    assert facts["upload_seconds"] == 1_235_814_400 * 8 / 20e6


def test_estimate_says_when_tied_weights_are_counted_once(fedlab) -> None:
    assert "a state dict sends 154.39 MB" in fedlab("estimate", "gpt2")[1]
    assert "tied" not in fedlab("estimate", "pythia-14m")[1]


def test_estimate_counts_a_configuration_in_the_dtype_asked_for(fedlab) -> None:
    half = json.loads(fedlab("estimate", "pythia-14m", "--dtype", "bfloat16", "--json")[1])
    assert half["model_bytes"] == 28_135_424


def test_estimate_takes_a_codec_and_says_whether_its_size_is_exact(fedlab) -> None:
    facts = json.loads(fedlab("estimate", "pythia-14m", "--codec", "int8", "--json")[1])
    assert (facts["codec"], facts["incoming_exact"]) == ("int8", True)
    assert facts["outgoing_bytes"] == 56_270_848
    assert facts["incoming_bytes"] == sum(
        parse("int8").size(spec.shape) for spec in tensors_of("pythia-14m")
    )
    facts = json.loads(fedlab("estimate", "pythia-14m", "--codec", "topk:0.01|int8", "--json")[1])
    assert not facts["incoming_exact"]
    assert "at most" in fedlab("estimate", "pythia-14m", "--codec", "topk:0.01|int8")[1]


def test_estimate_reads_a_weights_file_in_its_own_dtype(fedlab, tmp_path: Path) -> None:
    import numpy as np
    from safetensors.numpy import save_file

    path = tmp_path / "model.safetensors"
    save_file({"w": np.zeros((100, 10), np.float16)}, path)
    for name in (path, tmp_path):
        facts = json.loads(fedlab("estimate", str(name), "--json")[1])
        assert facts["model_bytes"] == 2000


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["pythia-15m"], "did you mean pythia-"),
        (["gpt2", "--clients", "0"], "range"),
        (["gpt2", "--clients", "-3"], "range"),
        (["gpt2", "--rounds", "0"], "range"),
        (["gpt2", "--clients", "3", "--fraction", "0.1"], "selects no client of 3"),
        (["gpt2", "--fraction", "1.5"], "share in (0, 1], got 1.5"),
        (["gpt2", "--fraction", "nan"], "share in (0, 1], got nan"),
        (["gpt2", "--incoming", "-1"], "0 or more, got -1.0"),
        (["gpt2", "--incoming", "nan"], "got nan"),
        (["gpt2", "--codec", "zip"], "unknown codec 'zip'; there are"),
        (["gpt2", "--codec", "topk:2"], "above 0 and up to 1, got 2.0"),
        (["gpt2", "--codec", "int8", "--incoming", "1"], "got both"),
        (["gpt2", "--link", "20"], "expected a form like '20Mbps', got '20'"),
        (["gpt2", "--dtype", "float13"], "expected one of float64"),
        (["gpt2", "--min-clients", "9"], "at most the cohort of 2, got 9"),
        (["no-such-owner/no-such-model"], "hub cannot be reached"),
        (["missing.safetensors"], "safetensors"),
        (["missing/config.json"], "unknown model"),
    ],
)
def test_what_a_user_gets_wrong_is_one_sentence_and_status_2(
    fedlab, arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # a hub that nobody serves
    status, out, err = fedlab("estimate", *arguments)
    assert status == 2
    assert out == ""
    assert said in err
    assert "Traceback" not in err


def test_a_truncated_weights_file_is_status_2(fedlab, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"\xff\xff\x00\x00\x00\x00\x00\x00{")
    status, _, err = fedlab("estimate", str(path))
    assert status == 2
    assert "expected a whole safetensors file" in err


def test_a_config_of_an_unknown_architecture_is_status_2(fedlab, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text('{"model_type": "perceptron-9000"}', "utf-8")
    status, _, err = fedlab("estimate", str(path))
    assert status == 2
    assert "unknown architecture" in err
    assert "perceptron-9000" in err


def test_the_lab_predicts_measures_and_explains(fedlab, tmp_path: Path) -> None:
    picture = tmp_path / "round.png"
    status, out, _ = fedlab("lab", "--figure", str(picture))
    assert status == 0
    for fact in ("14,067,712 parameters in 76 tensors", "225,083,392", "225,135,120", "212 MB"):
        assert fact in out
    assert "4 x floor(53.66 MiB)" in out
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_the_lab_in_json_agrees_at_every_level(fedlab) -> None:
    status, out, _ = fedlab("lab", "--rounds", "2", "--clients", "3", "--json")
    facts = json.loads(out)
    assert status == 0
    assert facts["formula_bytes"] == 2 * 56_270_848 * 3 * 2
    assert {level["difference"] for level in facts["levels"].values()} == {0}


def test_an_unknown_engine_is_status_2(fedlab) -> None:
    status, _, err = fedlab("lab", "--engine", "steam")
    assert status == 2
    assert "'in-process' or 'ray', got 'steam'" in err


@pytest.fixture
def measure(fedlab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Run `fedlab measure APP …` where `deploy` only calls a function."""
    app = app_directory(tmp_path / "tiny", CODE, config={"num-server-rounds": 2, "codec": ""})

    def run(deploy, *arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("fedlab.engines.deploy", deploy)
        return fedlab("measure", str(app), *arguments)

    return run


def test_measure_prints_the_bill_beside_the_formula_and_the_seconds_last(measure) -> None:
    status, out, _ = measure(lambda *_, **__: result_of())
    assert status == 0
    assert "(1,000 + 1,000) x 2 x 2 B = 8.00 kB (7.81 KiB)" in " ".join(out.split())
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in out.splitlines()]
    assert ["", "node 1", "down", "4", "2,000", "2,200", "2,100"] in cells
    assert ["all", "server", "down", "5", "", "", "4,002"] in cells
    assert ["evaluation, down", "4,000", "4,000", "equal", "4,200", "+5.00 %"] in cells
    assert out.splitlines()[-1] == "The run took 1.5 s."


def test_measure_in_json_is_the_report_and_nothing_else(measure) -> None:
    status, out, err = measure(lambda *_, **__: result_of(), "--json")
    assert (status, err) == (0, "")
    assert json.loads(out) == report_of().as_json()


def test_measure_hands_on_what_it_is_asked_for(measure, tmp_path: Path) -> None:
    asked = {}

    def deploy(app: Path, **about: object):
        asked.update(about)
        return result_of(wire=False)

    authority = tmp_path / "ca.pem"
    authority.touch()
    status, out, _ = measure(
        deploy,
        *("--superlink", "fed.example.org:8000", "--root-certificates", str(authority)),
        *("--rounds", "3", "--config", "codec=8", "--timeout", "7"),
    )
    assert status == 0
    assert "out of sight from here" in " ".join(out.split())
    assert asked["superlink"] == "fed.example.org:8000"
    assert asked["tls"].authority == authority
    assert asked["run_config"] == {"codec": "8", "num-server-rounds": 3}
    assert asked["timeout"] == 7


def test_measure_names_a_client_that_failed_and_ends_with_status_1(measure) -> None:
    result = result_of()
    result.ledger.add(transfer(1, 2, "train", "up", 0, outcome="failed", reason="no [disk] left"))
    status, out, _ = measure(lambda *_, **__: result)
    assert status == 1
    assert "node 1 failed in round 2, train: no [disk] left" in " ".join(out.split())
    assert measure(lambda *_, **__: result, "--json")[0] == 1


def test_measure_shows_flowers_log_on_stderr_when_asked_to(measure) -> None:
    def deploy(*_: object, tell, **__: object):
        tell("INFO :      [ROUND 1/2]")
        return result_of()

    for asked in ([], ["--verbose"]):
        _, out, err = measure(deploy, "--json", *asked)
        assert ("[ROUND 1/2]" in err) == bool(asked)
        assert json.loads(out)


@pytest.mark.parametrize("kind", [DeploymentError, NotEnoughNodesError, KeeperError])
def test_a_federation_that_fails_is_one_sentence_and_status_2(measure, kind) -> None:
    def deploy(*_: object, **__: object):
        raise kind("it [did] not start")

    status, out, err = measure(deploy)
    assert (status, out) == (2, "")
    assert err.splitlines()[-1] == "fedlab: it [did] not start"


def test_what_is_no_users_fault_keeps_its_traceback(measure) -> None:
    def deploy(*_: object, **__: object):
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        measure(deploy)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--config", "codec"], "expected KEY=VALUE, got 'codec'"),
        (["--rounds", "2", "--config", "num-server-rounds=2"], "got both"),
        (["--rounds", "0"], "range"),
        (["--nodes", "0"], "range"),
        (["--nodes", "2", "--superlink", "127.0.0.1:9"], "expected nodes or superlink, got both"),
        (["--root-certificates", __file__], "expected --superlink too"),
        (["--superlink", "127.0.0.1:9", "--root-certificates", "none.pem"], "does not exist"),
    ],
)
def test_what_a_user_asks_wrong_of_measure_starts_nothing(measure, arguments, said) -> None:
    status, out, err = measure(lambda *_, **__: pytest.fail("deployed"), *arguments)
    assert (status, out) == (2, "")
    assert said in err


def test_measuring_what_is_no_app_or_setting_what_it_does_not_have_is_status_2(
    fedlab, tmp_path: Path
) -> None:
    status, _, err = fedlab("measure", str(tmp_path))
    assert (status, err.count("\n")) == (2, 1)
    assert "expected a Flower app" in err
    app = app_directory(tmp_path / "tiny", CODE, config={"codec": ""})
    for asked in (["--config", "codex=8"], ["--rounds", "2"]):
        status, _, err = fedlab("measure", str(app), *asked)
        assert (status, err.count("\n")) == (2, 1)
        assert "are codec" in err


def test_every_command_has_help_with_examples(fedlab) -> None:
    for command in (
        "lab",
        "estimate",
        "measure",
        "demo",
        "doctor",
        "lessons",
        "progress",
        "grade",
    ):
        status, out, _ = fedlab(command, "--help")
        assert status == 0
        assert f"fedlab {command}" in out
        assert "Examples" in out


def test_doctor_passes_on_this_machine_and_in_json(fedlab) -> None:
    status, out, _ = fedlab("doctor", "--json")
    checks = {check["name"]: check for check in json.loads(out)}
    assert status == 0
    assert checks["Python"]["status"] == "ok"
    assert checks["packages"]["status"] == "ok", checks["packages"]
    assert "notebook kernel" in fedlab("doctor")[1]


def test_doctor_says_which_data_is_not_there_and_how_to_fetch_it(
    fedlab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FEDLAB_CACHE", str(tmp_path))
    found = {check["name"]: check for check in json.loads(fedlab("doctor", "--json")[1])}
    assert found["data sets"]["found"] == "not fetched: mnist, sentiment, minilm"
    assert "python -m fedlab.data" in found["data sets"]["mend"]


def test_doctor_fails_and_says_what_mends_it_when_a_package_is_missing(
    fedlab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fedlab.doctor._required", lambda: ["numpy", "no-such-package"])
    status, out, _ = fedlab("doctor", "--json")
    found = next(c for c in json.loads(out) if c["name"] == "packages")
    assert status == 1
    assert found["status"] == "missing"
    assert "no-such-package" in found["found"]
    assert found["mend"].startswith("pip install")


def test_doctor_warns_of_a_version_the_course_was_not_checked_with(
    fedlab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fedlab.doctor._pins", lambda: iter([("numpy", "1.0.0")]))
    status, out, _ = fedlab("doctor", "--json")
    found = next(c for c in json.loads(out) if c["name"] == "packages")
    assert status == 0
    assert found["status"] == "warning"
    assert "checked with 1.0.0" in found["found"]


def test_lessons_serves_lesson_00_and_ctrl_c_leaves_nothing_running(tmp_path: Path) -> None:
    heeded = "import signal as s; s.signal(s.SIGINT, s.default_int_handler)"  # a job of a shell's
    started = f"{heeded}; import fedlab.cli as c; c.main()"  # background would not heed Ctrl-C
    fedlab = [sys.executable, "-c", started, "lessons", "--no-browser"]
    with subprocess.Popen(
        fedlab, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, process_group=0
    ) as serving:
        assert serving.stdout is not None
        give_up = threading.Timer(60, os.killpg, (serving.pid, signal.SIGKILL))
        give_up.start()
        lines, found = [], None
        for line in serving.stdout:
            lines.append(line)
            found = re.search(r"(http://127.\S+)/lab/tree/00_check_your_setup.ipynb(\?\S+)", line)
            if found:
                break
        assert found is not None, "".join(lines)
        for _ in range(300):  # it says where it is before it listens
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{found[1]}/api/status{found[2]}").close()
                break
            time.sleep(0.1)
        os.killpg(serving.pid, signal.SIGINT)  # as a terminal does: to both
        lines += serving.stdout
        give_up.cancel()
        assert serving.wait(timeout=30) == 0, "".join(lines)
    with pytest.raises(ProcessLookupError):
        os.killpg(serving.pid, 0)
