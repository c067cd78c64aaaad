"""Whether TensorFlow Federated's environment can be, is whole, and is mended: with stand-ins."""

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from fedlab import tff_environment as tff

PINS = {"a": "1.0", "b-c": "2.0"}
RUNS = '[ "$2" = -c ] && echo 3 11\n'


def script(path: Path, body: str) -> Path:
    """A program that stands for a Python."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}", "utf-8")
    path.chmod(0o755)
    return path


def install(folder: Path, name: str, version: str) -> None:
    """A package as pip leaves it: a file, its compiled form, and the list of both."""
    about = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    about.mkdir(parents=True)
    for path in (folder / f"{name}.py", folder / "__pycache__" / f"{name}.pyc"):
        path.parent.mkdir(exist_ok=True)
        path.touch()
    listed = [f"{name}.py,sha256=x,0", f"__pycache__/{name}.pyc,,", f"{about.name}/RECORD,,"]
    (about / "RECORD").write_text("\n".join(listed) + "\n", "utf-8")


def kernel() -> Path:
    return Path(sys.prefix) / "share/jupyter/kernels/fedlab-tff/kernel.json"


def register(**given: str) -> None:
    kernel().parent.mkdir(parents=True, exist_ok=True)
    spec = {"argv": [str(tff.python()), "-m", "ipykernel"], "env": tff.variables() | given}
    kernel().write_text(json.dumps(spec), "utf-8")


@pytest.fixture
def clone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A clone in which nothing is set up, on a machine where it can be."""
    if os.name == "nt":
        pytest.skip("a shell script stands for a Python; Windows runs none")
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    for name, path in {"ROOT": "", "VENV": ".venv-tff", "PINS": "environments/tff.txt"}.items():
        monkeypatch.setattr(tff, name, tmp_path / "clone" / path)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "main"))
    tff.PINS.parent.mkdir(parents=True)
    lines = [f"{name}=={version}" for name, version in PINS.items()]
    tff.PINS.write_text("\n".join(["# a comment", *lines]) + "\n", "utf-8")
    return tff.ROOT


@pytest.fixture
def site(clone: Path) -> Path:
    """The site-packages of a whole environment."""
    script(tff.python(), RUNS)
    site = clone / ".venv-tff/lib/python3.11/site-packages"
    for name, version in PINS.items():
        install(site, name, version)
    (site / "fedlab.pth").write_text(f"{clone}\n", "utf-8")
    register()
    (clone / ".venv-tff/.trained").touch()
    assert tff.fault() is None
    return site


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


def without_venv(site: Path) -> None:
    shutil.rmtree(tff.VENV)


def a_python_that_does_not_start(site: Path) -> None:
    script(tff.python(), "exit 1")


def another_python(site: Path) -> None:
    script(tff.python(), "echo 3 12")


def a_file_missing(site: Path) -> None:
    (site / "a.py").unlink()


def a_list_of_files_missing(site: Path) -> None:
    (site / "b_c-2.0.dist-info" / "RECORD").unlink()


def a_package_missing(site: Path) -> None:
    shutil.rmtree(site / "b_c-2.0.dist-info")


def another_version(site: Path) -> None:
    shutil.rmtree(site / "a-1.0.dist-info")
    install(site, "a", "1.1")


def without_fedlab(site: Path) -> None:
    (site / "fedlab.pth").unlink()


def the_fedlab_of_another_clone(site: Path) -> None:
    (site / "fedlab.pth").write_text("another\n", "utf-8")


def without_kernel(site: Path) -> None:
    kernel().unlink()


def a_torn_kernel(site: Path) -> None:
    kernel().write_text("{", "utf-8")


def the_kernel_of_another_python(site: Path) -> None:
    kernel().write_text(kernel().read_text("utf-8").replace(".venv-tff", ".venv"), "utf-8")


def a_loud_kernel(site: Path) -> None:
    register(TF_CPP_MIN_LOG_LEVEL="0")


def the_kernel_of_another_main_environment(site: Path) -> None:
    register(FEDLAB_PYTHON="another")


def untrained(site: Path) -> None:
    (tff.VENV / ".trained").unlink()


FAULTS = {
    without_venv: "no .venv-tff",
    a_python_that_does_not_start: "the Python of .venv-tff does not start, or is not 3.11",
    another_python: "the Python of .venv-tff does not start, or is not 3.11",
    a_file_missing: "half-installed in .venv-tff: a",
    a_list_of_files_missing: "half-installed in .venv-tff: b-c",
    a_package_missing: "not installed in .venv-tff: b-c",
    another_version: "other versions in .venv-tff: a 1.1 (expected 1.0)",
    without_fedlab: "fedlab is not installed in .venv-tff",
    the_fedlab_of_another_clone: "fedlab is not installed in .venv-tff",
    without_kernel: "no notebook kernel fedlab-tff, or a damaged one",
    a_torn_kernel: "no notebook kernel fedlab-tff, or a damaged one",
    the_kernel_of_another_python: "the notebook kernel fedlab-tff starts another Python",
    a_loud_kernel: "the notebook kernel fedlab-tff does not set TF_CPP_MIN_LOG_LEVEL",
    the_kernel_of_another_main_environment: "the notebook kernel fedlab-tff does not set "
    "FEDLAB_PYTHON",
    untrained: "not seen to train since it was installed",
}


class Steps:
    """Plays what the commands of `make` do, and keeps their names."""

    def __init__(self, site: Path) -> None:
        self.site = site
        self.done: list[str] = []

    def __call__(self, *command: object, **given: str) -> None:
        step = next(name for name in ("venv", "install", "fedlab.tff") if name in command)
        self.done.append("kernel" if "ipykernel" in command else step)
        getattr(self, self.done[-1].replace(".", "_"))()

    def venv(self) -> None:
        shutil.rmtree(tff.VENV, ignore_errors=True)
        script(tff.python(), RUNS)
        self.site.mkdir(parents=True)

    def install(self) -> None:
        for about in self.site.glob("*.dist-info"):
            shutil.rmtree(about)
        for name, version in PINS.items():
            install(self.site, name, version)

    def kernel(self) -> None:
        register()

    def fedlab_tff(self) -> None:
        pass


@pytest.fixture
def steps(site: Path, monkeypatch: pytest.MonkeyPatch) -> Steps:
    steps = Steps(site)
    monkeypatch.setattr(tff, "_run", steps)
    return steps


def test_a_whole_environment_is_left_alone_in_one_line(
    steps: Steps, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tff.set_up() == 0
    assert steps.done == []
    said = "TensorFlow Federated is ready: .venv-tff, with the notebook kernel fedlab-tff\n"
    assert capsys.readouterr() == (said, "")


def test_compiled_files_may_go(site: Path) -> None:
    shutil.rmtree(site / "__pycache__")
    assert tff.fault() is None


@pytest.mark.parametrize("damage", FAULTS, ids=lambda damage: damage.__name__)
def test_damage_is_named_and_mended(damage, site: Path, steps: Steps) -> None:
    damage(site)
    assert tff.fault() == FAULTS[damage]
    tff.make()
    assert tff.fault() is None


def test_only_what_is_wrong_is_made_again(site: Path, steps: Steps) -> None:
    without_kernel(site)
    tff.make()
    assert steps.done == ["kernel"]
    another_version(site)
    tff.make()
    assert steps.done == ["kernel", "install", "fedlab.tff"]


@pytest.mark.parametrize("step", ["venv", "install", "fedlab_tff"])
def test_after_an_interrupt_the_next_run_makes_it_whole(
    step: str, site: Path, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted() -> None:
        getattr(Steps, step)(steps)
        if step == "install":
            a_file_missing(site)
        raise KeyboardInterrupt

    without_venv(site)
    with monkeypatch.context() as patched:
        patched.setattr(steps, step, interrupted)
        assert tff.set_up() == 130
    assert tff.fault() is not None
    assert tff.set_up() == 0
    assert tff.fault() is None


def test_a_step_that_changes_nothing_is_an_error_and_not_a_loop(
    site: Path, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_kernel(site)
    monkeypatch.setattr(steps, "kernel", lambda: None)
    with pytest.raises(tff.TffEnvironmentError, match=r"no notebook kernel .* `make tff` again"):
        tff.make()


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
