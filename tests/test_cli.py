"""The command line, called as a user calls it: lab, doctor, lessons, and every command's help."""

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
