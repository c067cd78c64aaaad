"""Whether TensorFlow Federated's environment can be here, and what is said where it cannot."""

import os
import re
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from tff_clones import RUNS, bare, script, whole

from fedlab import tff_environment as tff


@pytest.fixture
def clone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    return bare(tmp_path, monkeypatch)


@pytest.fixture
def site(clone: Path) -> Path:
    return whole(clone)


@pytest.mark.parametrize(
    ("system", "machine"), [("Darwin", "arm64"), ("Windows", "AMD64"), ("Linux", "aarch64")]
)
def test_on_another_platform_one_sentence_says_why_it_is_left_out(
    system: str, machine: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("platform.system", lambda: system)
    monkeypatch.setattr("platform.machine", lambda: machine)
    said = tff.obstacle()
    assert said is not None
    assert f"Linux on x86_64, and this is {system} on {machine}" in said
    assert tff.set_up() == 1
    assert capsys.readouterr() == ("", f"fedlab: {said}\n")


def test_an_installed_wheel_says_that_it_takes_a_clone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tff, "in_clone", lambda: False)
    assert "`make tff` in a clone" in (tff.obstacle() or "")


@pytest.mark.parametrize("body", ["exit 127", "echo 3 12", "echo python3.11: no such version"])
def test_a_python_that_does_not_start_or_is_another_does_not_count(
    body: str, clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shims = script(clone / "shims" / "python3.11", body).parent
    monkeypatch.setattr(sys, "executable", str(script(clone / "newer", "echo 3 13")))
    monkeypatch.setenv("PATH", str(shims))
    assert "install one that `python3.11` starts" in (tff.obstacle() or "")
    behind = script(clone / "behind" / "python3.11", RUNS).parent
    monkeypatch.setenv("PATH", f"{shims}{os.pathsep}{behind}")
    assert tff.obstacle() is None


def test_an_environment_that_is_there_needs_no_other_python(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "gone")
    monkeypatch.setenv("PATH", "")
    assert tff.obstacle() is None


@pytest.mark.skipif(tff.obstacle() is not None, reason=tff.obstacle() or "")
def test_without_a_network_one_sentence_says_what_to_do_below_the_words_of_pip(
    clone: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert tff.set_up() == 1
    out, err = capfd.readouterr()
    assert "no .venv-tff: making the environment" in out
    assert "not installed in .venv-tff: a, b-c: installing" in out
    assert "No matching distribution found for a==1.0" in err
    assert err.splitlines()[-1] == (
        "fedlab: installing (a minute or two): it failed, as said above; see that there is "
        "a network and 2 GB of disk, then run `make tff` again, which goes on from here"
    )
    assert "Traceback" not in err
    assert tff.fault() == "not installed in .venv-tff: a, b-c"


def test_the_list_of_packages_is_exact_and_in_order() -> None:
    text = tff.PINS.read_text("utf-8")
    pins = [line for line in text.splitlines() if not line.startswith("#")]
    assert pins == sorted(pins)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*==[\w.]+", pin) for pin in pins)
    assert "numpy==1.25.2" in pins


def test_the_command_has_help_with_an_example() -> None:
    command = [sys.executable, "-m", "fedlab.tff_environment", "--help"]
    helped = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "Example: python -m fedlab.tff_environment" in helped.stdout


def test_where_it_cannot_be_its_tests_are_left_out_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = spec_from_file_location("run", Path(__file__).parent / "tff" / "run.py")
    assert spec is not None
    assert spec.loader is not None
    run = module_from_spec(spec)
    spec.loader.exec_module(run)
    monkeypatch.setattr(tff, "obstacle", lambda: "left out: no such machine")
    assert run.main() == 0
    assert capsys.readouterr() == ("left out: no such machine\n", "")
